"""The SDK's file editor under the gate: each operation of a patch is a call of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from agents import ApplyPatchTool
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from agents.items import ToolApprovalItem
from agents.run_internal.tool_execution import (
    coerce_apply_patch_operations,
    extract_apply_patch_call_id,
)
from agents.util._approvals import evaluate_needs_approval_setting
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from steer.errors import RuntimeFailure
from steer.ports.gate import EffectRun
from steer.values import JsonValue

from steer_openai_agents.frame import current_frame
from steer_openai_agents.native import ApprovalAnswer, NativeGate, fitting, person_needed
from steer_openai_agents.public import copy_marked

__all__ = ["gated_patch_tool"]


class _Operation(BaseModel):
    """What policy is asked about, and may rewrite."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str | None = None
    move_to: str | None = None


def gated_patch_tool(tool: ApplyPatchTool, *, agent: str) -> ApplyPatchTool:
    """Return a copy of an author's patch tool whose operations pass the gate."""
    gate = NativeGate(tool=tool.name, agent=agent)

    async def ask(context: Any, item: ToolApprovalItem) -> ApprovalAnswer:
        operations = coerce_apply_patch_operations(item.raw_item, context_wrapper=context)
        call_id = extract_apply_patch_call_id(item.raw_item)
        wanted = await _needs_approval(tool, context, operations, call_id)
        person = await person_needed(context, item, tool.on_approval, wanted=wanted)
        if not isinstance(person, bool):
            return person
        asked: list[tuple[str, JsonValue]] = []
        for number, operation in enumerate(operations, 1):
            # The usual patch has one operation, whose call is the model's own.
            name = call_id if number == 1 else f"{call_id}#{number}"
            denial = await gate.ask(name, _arguments(operation), needs_approval=person)
            if denial is not None:
                # No operation is made, though those that were allowed have counted: the gate
                # takes no answer back.
                gate.forget(name for name, _ in asked)
                return {"approve": False, "reason": denial}
            asked.append((name, _arguments(operation)))
        current_frame().patches.extend(asked)
        return {"approve": True}

    gated = copy_marked(tool)
    vars(gated).update(needs_approval=True, on_approval=ask, editor=_GatedEditor(tool, gate))
    return gated


async def _needs_approval(
    tool: ApplyPatchTool, context: Any, operations: Sequence[ApplyPatchOperation], call_id: str
) -> bool:
    for operation in operations:
        if await evaluate_needs_approval_setting(tool.needs_approval, context, operation, call_id):
            return True
    return False


class _GatedEditor:
    """Implements the SDK's ``ApplyPatchEditor`` over the author's own."""

    def __init__(self, tool: ApplyPatchTool, gate: NativeGate) -> None:
        self._tool = tool
        self._gate = gate

    async def create_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def update_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def delete_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def _edit(self, operation: ApplyPatchOperation) -> Any:
        arguments = _arguments(operation)

        def act(effect: EffectRun) -> Any:
            given = operation
            if effect.arguments != arguments:
                edited = fitting(self._tool.name, _Operation, effect.arguments)
                given = dataclasses.replace(operation, **edited.model_dump())
            return getattr(self._tool.editor, given.type)(given)

        return await self._gate.run(self._call_of(arguments), act, recorded=_result)

    def _call_of(self, arguments: JsonValue) -> str:
        """Return the call that was asked for with these arguments: the SDK does not say which."""
        patches = current_frame().patches
        for place, (call_id, asked) in enumerate(patches):
            if asked == arguments:
                del patches[place]
                return call_id
        raise RuntimeFailure(
            f"{self._tool.name} was about to change a file without a verdict",
            fix="Do not approve calls for good in on_approval; allow them in a policy",
        )


def _arguments(operation: ApplyPatchOperation) -> JsonValue:
    fields = ("type", "path", "diff", "move_to")
    values = ((name, getattr(operation, name)) for name in fields)
    return {name: value for name, value in values if value is not None}


def _result(result: Any) -> JsonValue:
    """Return a form of the editor's answer that the SDK takes for the same answer."""
    match result:
        case None | str():
            return result
        case ApplyPatchResult(status=status, output=output):
            return {"status": status, "output": output}
        case dict():
            return to_jsonable_python(result, fallback=str)
        case _:
            return str(result)
