"""A workflow in the form in which Agent Builder exports one: python workflow_export.py "Hello" """

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    ModelSettings,
    RunConfig,
    Runner,
    TResponseInputItem,
    function_tool,
    trace,
)
from pydantic import BaseModel

TICKETS = Path("tickets.txt")


@function_tool
def open_ticket(title: str) -> str:
    """Open a ticket for the people who repair things."""
    with TICKETS.open("a", encoding="utf-8") as tickets:
        tickets.write(f"{title}\n")
    return f"ticket for {title!r} opened"


class ClassifySchema(BaseModel):
    category: str


classify = Agent(
    name="Classify",
    instructions="Say whether the message is a question or about something broken.",
    model="gpt-4.1",
    output_type=ClassifySchema,
    model_settings=ModelSettings(temperature=0, max_tokens=256),
)

repair = Agent(
    name="Repair",
    instructions="Open a ticket for what is broken.",
    model="gpt-4.1",
    tools=[open_ticket],
    model_settings=ModelSettings(temperature=1, top_p=1, parallel_tool_calls=True),
)

inform = Agent(name="Inform", instructions="Answer the question.", model="gpt-4.1")


class WorkflowInput(BaseModel):
    input_as_text: str


# Main code entrypoint
async def run_workflow(workflow_input: WorkflowInput) -> dict[str, Any]:
    with trace("Help desk"):
        workflow = workflow_input.model_dump()
        conversation_history: list[TResponseInputItem] = [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": workflow["input_as_text"]}],
            }
        ]
        config = RunConfig(
            trace_metadata={"__trace_source__": "agent-builder", "workflow_id": "wf_1"}
        )
        classify_result_temp = await Runner.run(
            classify, input=[*conversation_history], run_config=config
        )
        conversation_history.extend(
            [item.to_input_item() for item in classify_result_temp.new_items]
        )
        classify_result = {
            "output_text": classify_result_temp.final_output.model_dump_json(),
            "output_parsed": classify_result_temp.final_output.model_dump(),
        }
        chosen = repair if classify_result["output_parsed"]["category"] == "broken" else inform
        result_temp = await Runner.run(chosen, input=[*conversation_history], run_config=config)
        return {
            "output_text": result_temp.final_output_as(str),
            "category": classify_result["output_parsed"]["category"],
        }


if __name__ == "__main__":
    asked = WorkflowInput(input_as_text=sys.argv[1])
    print(asyncio.run(run_workflow(asked))["output_text"])
