"""An agent as the OpenAI Agents SDK's own documentation writes it; nothing here knows of steer."""

from __future__ import annotations

from pathlib import Path

from agents import Agent, function_tool

TEMPERATURES = {"Oslo": 21, "Rome": 29}


@function_tool
def get_weather(city: str) -> str:
    """Tell how the weather is in a city."""
    if city not in TEMPERATURES:
        raise ValueError(f"there is no weather station in {city}")
    return f"Sunny, {TEMPERATURES[city]} degrees"


@function_tool
def save_report(path: str, text: str) -> str:
    """Add a report to a file."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return f"saved in {path}"


agent = Agent(
    name="Weather",
    instructions="Answer questions about the weather. Save a report when you are asked to.",
    model="gpt-5",
    tools=[get_weather, save_report],
)
