"""The runtime: prepares agents and runs them with the real SDK."""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from dataclasses import replace
from typing import Any

import anyio
from agents import Agent, MessageOutputItem, RunConfig, RunResultStreaming, ToolCallOutputItem
from agents.exceptions import ModelRefusalError
from agents.items import ItemHelpers
from agents.result import RunResult
from agents.run import AgentRunner
from pydantic_core import to_jsonable_python
from steer.errors import ConfigError, PluginError, RuntimeFailure, SteerError
from steer.events import AgentDone, AgentStarted
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import FinishReason

from steer_openai_agents.call_ids import call_ids_in
from steer_openai_agents.clients import Clients
from steer_openai_agents.config import OpenAIAgentsConfig
from steer_openai_agents.failures import run_failure
from steer_openai_agents.frame import ActiveRun, Frame, entered
from steer_openai_agents.prepared import OpenAIAgentsPrepared, prepare
from steer_openai_agents.runner import DispatchingRunner
from steer_openai_agents.session_items import items_of, run_input, said_in
from steer_openai_agents.traces import DispatchingTraces
from steer_openai_agents.workflow import Workflow

__all__ = ["OpenAIAgentsRuntime", "open_runtime"]

_FINISH_REASONS = {
    "length": FinishReason.MAX_OUTPUT_TOKENS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}


def open_runtime(config: OpenAIAgentsConfig | None = None) -> OpenAIAgentsRuntime:
    """Open the runtime ``openai-agents``; ``aclose`` it when done."""
    return OpenAIAgentsRuntime(config or OpenAIAgentsConfig())


class OpenAIAgentsRuntime:
    """Implements ``steer.ports.runtime.Runtime`` over the OpenAI Agents SDK.

    While it is open, it stands before the SDK's default runner, so that agents as tools and runs
    that an author's tool starts belong to the run they are started in.
    """

    def __init__(self, config: OpenAIAgentsConfig) -> None:
        self._config = config
        self._clients = Clients()
        self._runners = [DispatchingRunner()]
        self._traces = DispatchingTraces()

    def prepare(self, agent: object, options: PrepareOptions, /) -> OpenAIAgentsPrepared:
        """Compile and check once: see ``Runtime.prepare``."""
        return prepare(agent, options, config=self._config, clients=self._clients)

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        """Run a prepared agent: see ``Runtime.run``."""
        if not isinstance(prepared, OpenAIAgentsPrepared):
            raise PluginError("openai-agents", "was given an agent that another runtime prepared")
        prepared.check_input(run.input)
        active = ActiveRun(
            run=run,
            clones=prepared.clones,
            clients=self._clients,
            tracing=prepared.tracing,
            loop=asyncio.get_running_loop(),
        )
        if not DispatchingRunner.in_place():
            self._runners.append(DispatchingRunner())
        # A task of its own: the SDK cleans up after one cancellation, while a scope that is
        # cancelled interrupts each of its waits.
        task = asyncio.create_task(_drive(prepared, active), name=f"agent {prepared.agent}")
        active.works(task)
        parked = False
        try:
            ends: set[asyncio.Future[Any]] = {task, active.suspension.quiet}
            await asyncio.wait(ends, return_when=FIRST_COMPLETED)
            parked = not task.done()
            if parked:
                _unwind(task, active)
        except asyncio.CancelledError:
            _unwind(task, active)
            raise
        finally:
            active.suspension.close()
            await active.settle()
        if parked:
            return Suspended()
        try:
            finished = await task
        except SteerError as error:
            if active.suspension.begun and error is active.refusal:
                # Some of it heard that nothing may begin any more before this runtime did.
                return Suspended()
            raise
        if active.suspension.begun:
            # The author's code has not waited for the call: what it came to is no result.
            return Suspended()
        await active.sessions.store()
        return finished

    async def aclose(self) -> None:
        """Close connections, and give the SDK its own default runner back."""
        for runner in self._runners:
            runner.close()
        self._traces.close()
        with anyio.CancelScope(shield=True):
            await self._clients.aclose()


def _unwind(task: asyncio.Task[Any], active: ActiveRun) -> None:
    """Have a run end where it is; however it ends then, nobody waits for it."""
    task.cancel()
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    active.cancel_elsewhere()


async def _drive(prepared: OpenAIAgentsPrepared, active: ActiveRun) -> Finished:
    with entered(Frame(active=active)) as frame:
        start = prepared.start
        try:
            if isinstance(start, Workflow):
                finished = await _run_workflow(start, active)
            else:
                finished = await _run_agent(start, prepared, frame)
            if active.suspension.begun:
                # It has not waited for the call that is to wait; what it left running may end.
                await asyncio.shield(active.suspension.quiet)
        except Exception as error:
            if active.stopped is not None:
                raise active.stopped from error
            refused = _refused(error)
            if refused is None:
                raise run_failure(error, active.failures) from error
            return refused
        finally:
            # As at the end of any program: what the author's code left running does not outlive it.
            active.cancel_others()
        if active.stopped is not None:
            # The SDK has told a model about it, and the model went on.
            raise active.stopped
        return finished


async def _run_agent(start: Agent[Any], prepared: OpenAIAgentsPrepared, frame: Frame) -> Finished:
    active = frame.active
    given = run_input(active.run)
    active.earlier = call_ids_in(given)
    frame.emit(AgentStarted(name=prepared.agent), agent=prepared.agent)
    result = await AgentRunner().run(
        start,
        given,
        context=active.run.user_context,
        # The gate counts turns and ends the run; the SDK's own limit would come first.
        max_turns=None,
        run_config=RunConfig(
            model_provider=prepared.clones.provider,
            tracing_disabled=not prepared.tracing,
            group_id=active.group(()),
        ),
    )
    if active.stopped is None:
        name = result.last_agent.name
        frame.emit(AgentDone(name=name), agent=name)
    finished = _finished(result, active)
    if active.run.context.session_id is None:
        return finished
    return replace(
        finished,
        said=said_in(result.new_items),
        items=items_of(active.run.asked, result.new_items),
    )


async def _run_workflow(workflow: Workflow, active: ActiveRun) -> Finished:
    if active.run.context.session_id is not None and not workflow.form.items:
        raise ConfigError(
            f"{workflow.name} takes one text, and could not be shown a session",
            fix="Let its parameter be a list of input items, or leave session_id out",
        )
    if active.run.user_context is not None:
        raise ConfigError(
            f"user_context cannot take effect: {workflow.name} gives its runs their context itself",
            fix="Drop it, and make the context in the function",
        )
    given = workflow.form.value(active.run.input)
    active.earlier = call_ids_in(given)
    value = await workflow.function(given)
    return _workflow_finished(workflow, value, active)


def _workflow_finished(workflow: Workflow, value: Any, active: ActiveRun) -> Finished:
    """Return what a workflow's run came to, from what the function returned."""
    if isinstance(value, str):
        return Finished(content=value, finish_reason=_reason(active))
    if isinstance(value, RunResultStreaming) and not value.is_complete:
        raise RuntimeFailure(
            f"{workflow.name} returned before the run was over that it streams",
            fix="Follow its stream_events to their end",
        )
    if isinstance(value, RunResult | RunResultStreaming):
        return _finished(value, active)
    if value is None:
        return _last_said(active)
    output = to_jsonable_python(value, fallback=str)
    text = output.get("output_text") if isinstance(output, dict) else None
    content = text if isinstance(text, str) else _last_said(active).content
    return Finished(content=content, output=output, finish_reason=_reason(active))


def _last_said(active: ActiveRun) -> Finished:
    """Return what the agent came to that ended last."""
    return Finished(content="") if active.result is None else _finished(active.result, active)


def _reason(active: ActiveRun) -> FinishReason:
    return _FINISH_REASONS.get(active.finish_reason or "", FinishReason.STOP)


def _refused(error: Exception) -> Finished | None:
    """Return the end of a run whose model declined, in words that are an answer too."""
    if not isinstance(error, ModelRefusalError) or error.run_data is None:
        return None
    output = error.run_data.last_agent.output_type
    if output is not None and output is not str:
        return None
    return Finished(content=error.refusal, finish_reason=FinishReason.REFUSAL)


def _finished(result: RunResult | RunResultStreaming, active: ActiveRun) -> Finished:
    if result.interruptions:
        names = ", ".join(sorted({str(item.name) for item in result.interruptions}))
        raise RuntimeFailure(
            f"the SDK wants an approval of {names} in a way that steer does not answer"
        )
    output: Any = result.final_output
    items = result.new_items
    by_tool = bool(items) and isinstance(items[-1], ToolCallOutputItem)
    reason = FinishReason.TOOL_RESULT if by_tool else _reason(active)
    if output is None or isinstance(output, str):
        return Finished(content=output or "", finish_reason=reason)
    form = to_jsonable_python(output, fallback=str)
    said = [item for item in items if isinstance(item, MessageOutputItem)]
    content = str(output) if by_tool or not said else ItemHelpers.text_message_output(said[-1])
    return Finished(content=content, output=form, finish_reason=reason)
