"""Guardrails before an agent, after it and before its tool: python guardrails.py "My question" """

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    Runner,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrailData,
    TResponseInputItem,
    function_tool,
    input_guardrail,
    output_guardrail,
    tool_input_guardrail,
)
from pydantic import BaseModel

TRANSFERS = Path("transfers.txt")


class HomeworkCheck(BaseModel):
    is_homework: bool


homework_agent = Agent(
    name="Homework check",
    instructions="Is the user asking you to do homework?",
    model="gpt-5",
    output_type=HomeworkCheck,
)


@input_guardrail(run_in_parallel=False)
async def no_homework(
    context: RunContextWrapper[Any], agent: Agent[Any], asked: str | list[TResponseInputItem]
) -> GuardrailFunctionOutput:
    """Let a small agent look at the question first."""
    result = await Runner.run(homework_agent, asked, context=context.context)
    check = result.final_output_as(HomeworkCheck)
    return GuardrailFunctionOutput(output_info=check, tripwire_triggered=check.is_homework)


@output_guardrail
def no_account_numbers(
    context: RunContextWrapper[Any], agent: Agent[Any], output: str
) -> GuardrailFunctionOutput:
    """Account numbers stay in the bank."""
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered="DE89" in output)


@tool_input_guardrail
def small_amounts(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
    """More than 100 is for people to decide."""
    amount = json.loads(data.context.tool_arguments)["amount"]
    if amount > 100:  # noqa: PLR2004 - said above
        return ToolGuardrailFunctionOutput.reject_content("Ask for 100 at most.")
    return ToolGuardrailFunctionOutput.allow()


@function_tool(tool_input_guardrails=[small_amounts])
def transfer(to: str, amount: int) -> str:
    """Transfer money to somebody."""
    with TRANSFERS.open("a", encoding="utf-8") as transfers:
        transfers.write(f"{amount} to {to}\n")
    return f"{amount} transferred"


agent = Agent(
    name="Bank",
    instructions="Help with the customer's account.",
    model="gpt-5",
    tools=[transfer],
    input_guardrails=[no_homework],
    output_guardrails=[no_account_numbers],
)

if __name__ == "__main__":
    print(Runner.run_sync(agent, sys.argv[1]).final_output)
