"""What the demo runs: an agent, a policy, and the model's words."""

from __future__ import annotations

from steer_conformance.provider import Match, Rule, Script, ToolCall, Turn, Usage

__all__ = ["AGENT", "POLICY", "PROMPT", "SCRIPT"]

# A file of the SDK as its documentation has them: nothing in it knows of steer.
AGENT = '''\
from pathlib import Path

from agents import Agent, function_tool


@function_tool
def get_weather(city: str) -> str:
    """Tell how the weather is in a city."""
    return "Sunny, 21 degrees"


@function_tool
def save_report(path: str, text: str) -> str:
    """Write a report into a file."""
    Path(path).write_text(text)
    return f"saved in {path}"


agent = Agent(name="Weather", model="gpt-5", tools=[get_weather, save_report])
'''

POLICY = """\
name = "reports"

[[tools]]
allow = ["get_weather", "save_report"]

[[tools]]
deny = "save_report"
when = { path = { glob = "/etc/*" } }
reason = "reports do not belong in /etc"
"""

PROMPT = "How is the weather in Oslo? Save it in /etc/motd."

_GAP = 0.02
"""Seconds between two pieces of text, so that one sees them come."""

SCRIPT = Script(
    rules=[
        Rule(
            Match(tool_result="do not belong in /etc"),
            Turn(
                "It is sunny in Oslo, at 21 degrees. I was not allowed to save that in /etc/motd.",
                usage=Usage(input_tokens=196, output_tokens=24),
                chunk_size=3,
                gap=_GAP,
            ),
        ),
        Rule(
            Match(tool_result="Sunny"),
            Turn(
                "Now I save the report.",
                ToolCall("save_report", {"path": "/etc/motd", "text": "Oslo: sunny, 21 degrees"}),
                usage=Usage(input_tokens=141, output_tokens=33),
                chunk_size=3,
                gap=_GAP,
            ),
        ),
        Rule(
            Match(tool="get_weather"),
            Turn(
                "Let me look that up.",
                ToolCall("get_weather", {"city": "Oslo"}),
                usage=Usage(input_tokens=97, output_tokens=21),
                chunk_size=3,
                gap=_GAP,
            ),
        ),
    ]
)
