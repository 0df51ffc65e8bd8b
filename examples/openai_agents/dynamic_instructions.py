"""Instructions that depend on who asks: python dynamic_instructions.py "My question" """

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from agents import Agent, RunContextWrapper, Runner, function_tool

LETTERS = Path("letters.txt")


@dataclass
class Customer:
    name: str
    language: str
    can_write: bool = True


def instructions(context: RunContextWrapper[Customer], agent: Agent[Customer]) -> str:
    customer = context.context
    return f"You are {agent.name}. Address {customer.name} in {customer.language}."


def may_write(context: RunContextWrapper[Customer], agent: object) -> bool:
    return context.context.can_write


@function_tool(is_enabled=may_write)
def write_letter(context: RunContextWrapper[Customer], text: str) -> str:
    """Write a letter to the customer."""
    with LETTERS.open("a", encoding="utf-8") as letters:
        letters.write(f"To {context.context.name}: {text}\n")
    return "sent"


clerk = Agent[Customer](
    name="Clerk", instructions=instructions, model="gpt-5", tools=[write_letter]
)


async def answer(question: str) -> str:
    """Answer Ann, who may have letters, and then Bo, who may not."""
    ann, bo = Customer("Ann", "English"), Customer("Bo", "Swedish", can_write=False)
    results = [await Runner.run(clerk, question, context=customer) for customer in (ann, bo)]
    return "\n".join(result.final_output_as(str) for result in results)


if __name__ == "__main__":
    print(asyncio.run(answer(sys.argv[1])))
