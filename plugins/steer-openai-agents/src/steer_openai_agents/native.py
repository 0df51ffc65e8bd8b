"""Tools of the SDK's own under the gate: shells and custom tools, which act in this process.

The SDK lets the author of such a tool decide whether a call needs approval, and shows the model
a refusal in the form of that tool. The gate answers there; what it allowed then runs once.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from agents import CustomTool, LocalShellTool, ShellTool
from agents.items import ToolApprovalItem
from agents.run_internal.tool_execution import coerce_shell_call
from agents.tool import (
    LocalShellCommandRequest,
    ShellActionRequest,
    ShellCommandRequest,
    ShellResult,
)
from agents.util._approvals import evaluate_needs_approval_setting
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python
from steer.errors import ErrorCategory, RuntimeFailure
from steer.ports.gate import EffectRun, ToolCall, ToolOutcome
from steer.ports.policy import ToolKind
from steer.values import Effect, EffectStatus, JsonValue

from steer_openai_agents.frame import current_frame, entered
from steer_openai_agents.outputs import ToolFailed
from steer_openai_agents.public import copy_marked, original_of, public_context

__all__ = [
    "ApprovalAnswer",
    "NativeGate",
    "fitting",
    "gated_custom_tool",
    "gated_local_shell",
    "gated_shell",
    "person_needed",
    "settled",
]

T = TypeVar("T")
ApprovalAnswer = Mapping[str, Any]
"""What the SDK's ``on_approval`` returns: ``approve``, and a ``reason`` where that is false."""

_SHELL_RESULT = TypeAdapter(ShellResult)


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeGate:
    """Asks for, and runs, the calls of one tool on behalf of one agent."""

    tool: str
    agent: str

    async def ask(
        self,
        call_id: str,
        arguments: JsonValue,
        *,
        needs_approval: bool = False,
        effect: Effect = Effect.ONCE,
    ) -> str | None:
        """Ask the gate; return why the call is denied, ``None`` where it may be made."""
        frame = current_frame()
        frame.active.work_here()
        call = ToolCall(
            call_id=call_id,
            tool=self.tool,
            message=frame.message,
            path=frame.path,
            arguments=arguments,
            kind=ToolKind.NATIVE,
            effect=effect,
            agent=self.agent,
            needs_approval=needs_approval,
        )
        decision = await frame.authorize(call)
        if not decision.allowed:
            return decision.reason
        frame.permits[call_id] = (call, decision)
        return None

    def forget(self, call_ids: Iterable[str]) -> None:
        """Drop the verdicts on calls that were allowed and will not be made."""
        for call_id in call_ids:
            del current_frame().permits[call_id]

    async def answer(
        self, call_id: str, arguments: JsonValue, *, person: bool | ApprovalAnswer
    ) -> ApprovalAnswer:
        """Answer the SDK whether a call may be made, after what ``person_needed`` said."""
        if not isinstance(person, bool):
            return person
        denial = await self.ask(call_id, arguments, needs_approval=person)
        return {"approve": True} if denial is None else {"approve": False, "reason": denial}

    async def run(
        self,
        call_id: str,
        act: Callable[[EffectRun], Any],
        *,
        recorded: Callable[[Any], JsonValue],
        again: Callable[[JsonValue], Any] = lambda value: value,
    ) -> Any:
        """Act once, and return what came of it; raises what ``act`` raises.

        ``recorded`` gives a result the form that is kept; ``again`` makes of that what the SDK
        is to see on a replay.
        """
        frame = current_frame()
        frame.active.work_here()
        try:
            call, decision = frame.permits.pop(call_id)
        except KeyError:
            raise RuntimeFailure(
                f"{self.tool} was about to run without a verdict",
                fix="Do not approve calls for good in on_approval; allow them in a policy",
            ) from None
        results: list[Any] = []

        async def effect(run: EffectRun) -> JsonValue:
            try:
                with entered(frame.inside(call, run.key)):
                    result = await settled(act(run))
            except Exception as error:
                told = str(error) or type(error).__name__
                raise ToolFailed(error, told, category=ErrorCategory.UNKNOWN) from error
            results.append(result)
            return recorded(result)

        outcome = await frame.call(call, decision, effect)
        if outcome.status is EffectStatus.SUCCEEDED:
            return results[0] if results else again(outcome.value)
        raise self._failure(outcome)

    def _failure(self, outcome: ToolOutcome) -> Exception:
        """Return what ``act`` raised, or what says the same of an earlier attempt."""
        said = outcome.error
        told = said.details.get("told", said.message) if said is not None else outcome.status.value
        cause = outcome.exception.__cause__ if outcome.exception is not None else None
        error = cause if isinstance(cause, Exception) else RecordedFailure(told)
        # Some of these tools have no way to tell the model, and the run fails of it.
        failure = RuntimeFailure(f"the tool {self.tool} failed: {told}")
        failure.__cause__ = error
        current_frame().active.means(error, failure)
        return error


class RecordedFailure(Exception):
    """A tool failed in an earlier attempt, with these words."""


async def settled(value: Awaitable[T] | T) -> T:
    """Return what a function returned that may or may not be async."""
    return await value if inspect.isawaitable(value) else value


def fitting(tool: str, kind: Any, arguments: JsonValue) -> Any:
    """Return arguments that policy rewrote in the form that the tool takes."""
    try:
        return TypeAdapter(kind).validate_python(arguments)
    except ValidationError as error:
        raise RuntimeFailure(
            f"policy rewrote the arguments of {tool} to something that is none of its calls: "
            f"{error.errors(include_url=False)[0]['msg']}"
        ) from error


async def person_needed(
    context: Any, item: ToolApprovalItem, on_approval: Callable[..., Any] | None, *, wanted: bool
) -> bool | ApprovalAnswer:
    """Say whether a person is needed, which the author may settle, or why the author says no."""
    if not wanted or on_approval is None:
        return wanted
    shown = dataclasses.replace(item, agent=original_of(item.agent))
    answer = await settled(on_approval(context, shown))
    approved = answer.get("approve") if isinstance(answer, Mapping) else None
    if approved is False:
        return cast(ApprovalAnswer, answer)
    if approved is not True:
        # The author's code may have told the context instead.
        approved = context.get_approval_status(
            item.tool_name, item.call_id, current_invocation=item
        )
    return {"approve": False} if approved is False else not approved


def gated_shell(tool: ShellTool, *, agent: str) -> ShellTool:
    """Return a copy of a shell that runs here, under the gate."""
    gate = NativeGate(tool=tool.name, agent=agent)

    async def ask(context: Any, item: ToolApprovalItem) -> ApprovalAnswer:
        call = coerce_shell_call(item.raw_item)
        wanted = await evaluate_needs_approval_setting(
            tool.needs_approval, context, call.action, call.call_id
        )
        person = await person_needed(context, item, tool.on_approval, wanted=wanted)
        return await gate.answer(call.call_id, _commands(call.action), person=person)

    async def run(request: ShellCommandRequest) -> Any:
        call = request.data

        def act(effect: EffectRun) -> Any:
            given = request
            if effect.arguments != _commands(call.action):
                action = fitting(tool.name, ShellActionRequest, effect.arguments)
                data = dataclasses.replace(call, action=action)
                given = dataclasses.replace(request, data=data)
            assert tool.executor is not None  # noqa: S101 - the SDK refuses a local one without
            return tool.executor(given)

        return await gate.run(call.call_id, act, recorded=_shell_result, again=_shell_again)

    gated = copy_marked(tool)
    vars(gated).update(needs_approval=True, on_approval=ask, executor=run)
    return gated


def _commands(action: ShellActionRequest) -> JsonValue:
    return {name: value for name, value in vars(action).items() if value is not None}


def _shell_result(result: Any) -> JsonValue:
    if isinstance(result, ShellResult):
        return to_jsonable_python(result, fallback=str)
    return str(result)


def _shell_again(value: JsonValue) -> Any:
    return value if isinstance(value, str) else _SHELL_RESULT.validate_python(value)


def gated_local_shell(tool: LocalShellTool, *, agent: str) -> LocalShellTool:
    """Return a copy of the older shell; it knows no approval, so a denial is its output."""
    gate = NativeGate(tool=tool.name, agent=agent)

    async def run(request: LocalShellCommandRequest) -> Any:
        call = request.data
        arguments = call.action.model_dump(mode="json", exclude_none=True)
        denial = await gate.ask(call.call_id, arguments)
        if denial is not None:
            return denial

        def act(effect: EffectRun) -> Any:
            given = request
            if effect.arguments != arguments:
                action = fitting(tool.name, type(call.action), effect.arguments)
                data = call.model_copy(update={"action": action})
                given = dataclasses.replace(request, data=data)
            return tool.executor(given)

        return await gate.run(call.call_id, act, recorded=_plain)

    gated = copy_marked(tool)
    gated.executor = run
    return gated


def gated_custom_tool(tool: CustomTool, *, agent: str) -> CustomTool:
    """Return a copy of a tool that takes the model's bare text."""
    gate = NativeGate(tool=tool.name, agent=agent)

    async def ask(context: Any, item: ToolApprovalItem) -> ApprovalAnswer:
        call: Any = item.raw_item
        wanted = await evaluate_needs_approval_setting(
            tool.runtime_needs_approval(), context, call.input, call.call_id
        )
        person = await person_needed(context, item, tool.runtime_on_approval(), wanted=wanted)
        return await gate.answer(call.call_id, call.input, person=person)

    async def run(context: Any, text: str) -> Any:
        def act(effect: EffectRun) -> Any:
            given = text if effect.arguments == text else fitting(tool.name, str, effect.arguments)
            return tool.on_invoke_tool(public_context(context), given)

        return await gate.run(context.tool_call_id, act, recorded=str)

    gated = copy_marked(tool)
    # A kind of the SDK's own asks these methods in place of the fields.
    vars(gated).update(
        on_invoke_tool=run,
        needs_approval=True,
        on_approval=ask,
        runtime_needs_approval=lambda: True,
        runtime_on_approval=lambda: ask,
    )
    return gated


def _plain(result: Any) -> JsonValue:
    return result if isinstance(result, str) else to_jsonable_python(result, fallback=str)
