"""The runner that takes over the runs which an author's code starts inside of steer's.

The SDK starts all runs through one default runner; agents as tools and ``Runner.run`` in a tool
do as well. Ours serves those that belong to a run of steer's, and leaves all others alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from agents import Agent, ModelProvider, MultiProvider, RunConfig, RunState
from agents.result import RunResult, RunResultStreaming
from agents.run import AgentRunner, get_default_agent_runner, set_default_agent_runner
from steer.errors import SteerError
from steer.events import AgentDone, AgentStarted

from steer_openai_agents.failures import refused
from steer_openai_agents.frame import ActiveRun, Frame, entered, frame_or_none
from steer_openai_agents.handoffs import unless_denied
from steer_openai_agents.models import GatedModel, GatedProvider
from steer_openai_agents.public import (
    PublicRunHooks,
    PublicRunResult,
    PublicRunResultStreaming,
    publish_items,
)

__all__ = ["DispatchingRunner"]


# The default runner is one for the process, and runtimes are opened and closed in any thread.
_PLACE = threading.Lock()


class DispatchingRunner(AgentRunner):
    """Stands before the default runner until it is closed; several stand before each other."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        with _PLACE:
            self.previous: AgentRunner = get_default_agent_runner()
            set_default_agent_runner(self)

    @staticmethod
    def in_place() -> bool:
        """Whether runs pass one of this kind: somebody may have set another runner since."""
        runner = get_default_agent_runner()
        return isinstance(runner, DispatchingRunner) and not runner.closed

    def close(self) -> None:
        """Stand aside, and give the place back to the newest runner that is still in use."""
        with _PLACE:
            self.closed = True
            runner: AgentRunner = get_default_agent_runner()
            while isinstance(runner, DispatchingRunner) and runner.closed:
                runner = runner.previous
            set_default_agent_runner(runner)

    async def run(self, starting_agent: Agent[Any], input: Any, **kwargs: Any) -> RunResult:  # noqa: A002 - the SDK's name
        """Run an agent; under the gate, where this is inside of a run of steer's."""
        frame = frame_or_none()
        if frame is None or self.closed:
            return await self.previous.run(starting_agent, input, **kwargs)
        frame = frame.beside()
        agent = _gated(frame, starting_agent, input, kwargs)
        name = agent.name
        frame.active.work_here()
        async with AsyncExitStack() as stack:
            if frame.active.elsewhere:
                await stack.enter_async_context(_visiting(frame.active))
            stack.enter_context(entered(frame))
            frame.emit(AgentStarted(name=name), agent=name)
            try:
                result = await super().run(agent, input, **kwargs)
                name = result.last_agent.name
            except Exception:
                frame.emit(AgentDone(name=name), agent=name)
                raise
            frame.emit(AgentDone(name=name), agent=name)
            result.__class__ = PublicRunResult
            publish_items(result)
            _note(frame, result)
            return result

    def run_sync(self, starting_agent: Agent[Any], input: Any, **kwargs: Any) -> RunResult:  # noqa: A002 - the SDK's name
        """Run an agent from synchronous code: by ``run``, in a loop that the SDK makes."""
        if frame_or_none() is None or self.closed:
            return self.previous.run_sync(starting_agent, input, **kwargs)
        return super().run_sync(starting_agent, input, **kwargs)

    def run_streamed(
        self,
        starting_agent: Agent[Any],
        input: Any,  # noqa: A002 - the SDK's name
        **kwargs: Any,
    ) -> RunResultStreaming:
        """Start a run whose events the author's code follows."""
        frame = frame_or_none()
        if frame is None or self.closed:
            return self.previous.run_streamed(starting_agent, input, **kwargs)
        frame = frame.beside()
        agent = _gated(frame, starting_agent, input, kwargs)
        with entered(frame):
            frame.emit(AgentStarted(name=agent.name), agent=agent.name)
            result = super().run_streamed(agent, input, **kwargs)
        result.__class__ = PublicRunResultStreaming
        task = result.run_loop_task
        if task is not None:
            frame.active.works(task)
            task.add_done_callback(lambda task: _ended(frame, result, task))
            if frame.active.elsewhere:
                # Who follows the events waits for this task before the event loop is left.
                result.run_loop_task = _closing_after(task, frame.active)
        return result


@asynccontextmanager
async def _visiting(active: ActiveRun) -> AsyncIterator[None]:
    """Use another event loop than the run's; the last to leave it closes what is open there."""
    async with active.clients.visiting(), active.servers.visiting():
        yield


def _closing_after(work: asyncio.Task[Any], active: ActiveRun) -> asyncio.Task[Any]:
    """Return a task that stands for ``work`` and then closes what is open in its event loop."""

    async def finish() -> Any:
        async with _visiting(active):
            return await work

    finishing = asyncio.create_task(finish(), name=work.get_name())
    # One that is cancelled before its first step never comes to wait for the work.
    finishing.add_done_callback(lambda _: work.cancel())
    return finishing


def _ended(frame: Frame, result: RunResultStreaming, task: asyncio.Task[Any]) -> None:
    name = result.last_agent.name
    frame.emit(AgentDone(name=name), agent=name)
    if not task.cancelled() and task.exception() is None:
        _note(frame, result)


def _note(frame: Frame, result: RunResult | RunResultStreaming) -> None:
    """Keep the result that a workflow which returns nothing of its own comes to."""
    if not frame.path:
        frame.active.result = result


def _gated(frame: Frame, agent: Agent[Any], given_input: Any, kwargs: dict[str, Any]) -> Agent[Any]:
    """Return the copy of an agent to run, and put the run's configuration under the gate."""
    active = frame.active
    try:
        _keep_history(frame, given_input, kwargs)
    except SteerError as error:
        # The SDK would make words for a model of it.
        raise active.stop(error) from error.__cause__
    given = kwargs.get("run_config")
    config = RunConfig(**given) if isinstance(given, dict) else given or RunConfig()
    clones = active.clones
    if not isinstance(config.model_provider, GatedProvider):
        if not _is_default(config.model_provider):
            clones = clones.for_provider(config.model_provider)
        config = replace(config, model_provider=clones.provider)
    if config.model is not None:
        clones = clones.for_model(config.model)
    change, settings = config.handoff_input_filter, config.model_settings
    kwargs["run_config"] = replace(
        config,
        model=None,
        handoff_input_filter=None if change is None else unless_denied(change),
        model_settings=settings and clones.asking.yielding(settings),
        tracing_disabled=config.tracing_disabled or not active.tracing,
        group_id=config.group_id or active.group(frame.path),
    )
    if kwargs.get("hooks") is not None:
        kwargs["hooks"] = PublicRunHooks(kwargs["hooks"])
    if isinstance(agent.model, GatedModel):
        # A hook may have made a copy of a copy: that is gated already.
        return agent
    try:
        return clones.clone(agent)
    except SteerError as error:
        # An option that its model does not take; the SDK would tell a model about it.
        active.stopped = active.stopped or error
        raise


def _keep_history(frame: Frame, given_input: Any, kwargs: dict[str, Any]) -> None:
    """Refuse what a replay could not ask for again; put a session off its path."""
    if kwargs.get("conversation_id") is not None:
        raise refused(
            "a conversation_id keeps the history at OpenAI, where a run that is begun again would"
            " find what it had added before",
            fix="Use auto_previous_response_id=True, or a session such as SQLiteSession",
        )
    if isinstance(given_input, RunState):
        agent = given_input._current_agent  # noqa: SLF001 - no public way to it
        if agent is None or not isinstance(agent.model, GatedModel):
            raise refused(
                "a RunState that was saved elsewhere holds tools that would act past the gate",
                fix="Resume a run with the state of a result of the same run",
            )
    if kwargs.get("session") is not None:
        if frame.active.run.context.session_id is not None and not frame.path:
            raise refused(
                "the run has a session_id, and its code gives the SDK a session of its own: the"
                " conversation would be kept twice, and be shown twice",
                fix="Leave one of the two out",
            )
        kwargs["session"] = frame.active.sessions.kept(kwargs["session"])


def _is_default(provider: ModelProvider) -> bool:
    """Whether it is what ``RunConfig()`` makes where nobody says anything."""
    if type(provider) is not MultiProvider or provider.provider_map is not None:
        return False
    unset, found = MultiProvider().openai_provider, provider.openai_provider
    return all(
        vars(found).get(name) == value
        for name, value in vars(unset).items()
        if name.startswith(("_client", "_stored_", "_use_responses"))
    )
