"""From a request, or from a job's record, to what can run it: agent, runtime, policies."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import anyio
import anyio.to_thread
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from steer._engine.data_access import check_data
from steer._engine.finding import Finder, FoundAgent, ReadStored
from steer._engine.fitting import check_bounds, check_input, check_options
from steer._engine.interruptions import agent_is_gone, context_is_gone
from steer._engine.redactors import Redactors
from steer._engine.selecting import Policies
from steer._engine.work import Work
from steer.agents import Agent, InlineRef, StoredDefinition, ref_from_json, ref_to_json
from steer.context import ExecutionContext
from steer.errors import (
    AgentError,
    ConfigError,
    PluginError,
    PolicyDenied,
    SteerError,
)
from steer.naming import fold
from steer.plugin import RuntimePlugin
from steer.plugins import PluginRegistry
from steer.policies import PolicyStack
from steer.ports.options import PrepareOptions
from steer.ports.policy import Outcome, RunQuestion, ToolQuestion
from steer.ports.records import JobRecord
from steer.ports.runtime import Finished, Prepared, Run, Runtime, Suspended
from steer.redaction import Redaction, Redactor
from steer.request import ExecutionRequest, StoredRequest
from steer.values import JsonValue, digest_of

__all__ = ["Order", "Workshop"]

PREPARED_KEPT = 64
"""Prepared agents that are kept for the next run of the same object with the same options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A request made ready: what runs it, and what its job's record says of it."""

    work: Work
    agent: str
    agent_ref: str | None
    runtime: str
    model: str | None
    policy: str
    identity: str
    session_id: str | None = None
    asked: StoredRequest | None = None

    def digest(self) -> str:
        """Return what tells this request from another one under the same idempotency key.

        ``asked`` is the request as it was asked, where what runs is another one.
        """
        asked = self.asked or self.work.request
        said = [self.identity, self.runtime, to_jsonable_python(asked)]
        return digest_of(said if self.session_id is None else [*said, self.session_id])


class _Limited:
    """A runtime that takes no more runs at a time than it declares."""

    def __init__(self, runtime: Runtime, limit: int) -> None:
        self._runtime = runtime
        self._limiter = anyio.CapacityLimiter(limit)
        self.prepare = runtime.prepare
        self.aclose = runtime.aclose

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        async with self._limiter:
            return await self._runtime.run(prepared, run)


class Workshop:
    """Opens runtimes once, keeps prepared agents, and selects policies."""

    def __init__(
        self,
        *,
        registry: PluginRegistry,
        policies: Policies,
        default_runtime: str | None,
        runtime_config: Mapping[str, Mapping[str, JsonValue]],
        read_stored: ReadStored,
        redaction: Redaction | None = None,
    ) -> None:
        self.finder = Finder(registry, read_stored)
        self._registry = registry
        self._default_runtime = default_runtime
        self._runtime_config = runtime_config
        self._policies = policies
        self._redactors = Redactors(redaction)
        self.logs = self._redactors.logs
        self._runtimes: dict[tuple[str, str], Runtime] = {}
        self._declared: dict[str, RuntimePlugin] = {}
        self._prepared: OrderedDict[
            tuple[str, str, int], tuple[object, PrepareOptions, Prepared]
        ] = OrderedDict()

    async def open(self) -> None:
        """Make ready what redacts: a selected pattern that cannot load stops the start-up.

        Raises ``ConfigError``.
        """
        await self._redactors.prepare(self._policies.stacks())

    async def order(self, request: ExecutionRequest, context: ExecutionContext) -> Order:
        """Make a request ready to run.

        Raises ``AgentError``, ``ConfigError``, ``PluginError`` or ``PolicyDenied``.
        """
        return await self._order(
            await self.finder.find(request.agent, request.scope_id),
            request.runtime,
            StoredRequest.of(request),
            request.options,
            context,
            user_context=request.user_context,
        )

    async def order_again(self, job: JobRecord, context: ExecutionContext) -> Order:
        """Make a job ready to run again, from its record alone.

        Raises ``Interrupted`` where its agent or its context was a live object, ``Diverged`` where
        the agent's file has changed, ``ConfigError`` where it would run under other policies than
        it began under, and what ``order`` raises.
        """
        if job.agent_ref is None:
            raise agent_is_gone(job.job_id)
        stored = StoredRequest.decode(job.request)
        if stored.has_user_context:
            raise context_is_gone(job.job_id)
        found = await self.finder.resolve(ref_from_json(job.agent_ref), job.scope_id)
        return await self._order(
            found, job.runtime, stored, stored.options, context, policy=job.policy
        )

    async def tried(self, agent: Agent, definition: StoredDefinition) -> StoredDefinition:
        """Prepare an agent as a run of its definition would, and return what to store of that.

        That is the definition without its secrets, and with the name of its runtime as the runtime
        itself writes it. Raises what ``order`` raises where it could not be run.
        """
        overridden = definition.over(agent)
        needed = {name: "" for name, each in agent.variables.items() if each.default is None}
        found = FoundAgent(agent=overridden, ref=None, identity="", model=definition.model)
        name, _, _ = await self._fit(found, None, PrepareOptions(variables=needed))
        secret = self._registry.secret_options(name)
        if agent.runtime_config and agent.runtime is not None:
            # Kept although it has no effect on another runtime, so that it can be switched back.
            secret |= self._registry.secret_options(
                self._choose_runtime(FoundAgent(agent=agent, ref=None, identity=""), None)
            )
        runtime = None if definition.runtime is None else name
        return replace(definition.without_settings(secret), runtime=runtime)

    def capacity(self, runtime: str) -> int | None:
        """Return how many runs of a runtime fit into this process, ``None`` for any number."""
        try:
            return self._declaration(runtime).capabilities.max_concurrency
        except SteerError:
            # Whoever builds the job finds that again, and says it.
            return None

    def policies_of(self, job: JobRecord) -> PolicyStack:
        """Return the policies of a job: those that its request selected, else the kernel's.

        Raises ``ConfigError`` or ``PluginError`` where one of them is not there, or where the job
        began under others.
        """
        policies = self._policies.stack_for(StoredRequest.decode(job.request).policies)
        _check_same(policies, job.policy, job.job_id)
        return policies

    def lacks(self, job: JobRecord) -> str:
        """Return which policies of a job are not there, empty where it could be run."""
        try:
            self.policies_of(job)
        except ValidationError:
            # Whoever builds the job finds that again, and says it.
            return ""
        except SteerError as error:
            return str(error)
        return ""

    async def check_data(
        self,
        scope_id: str,
        principal_id: str | None,
        kind: str,
        name: str,
        *actions: Literal["read", "write"],
    ) -> None:
        """Raise ``PolicyDenied`` where the kernel's policies keep a principal from a thing.

        Without a principal it is the application itself that acts, and nobody is asked.
        """
        if principal_id is not None:
            context = ExecutionContext(scope_id=scope_id, principal_id=principal_id)
            await check_data(self._policies.stack_for(None), context, kind, name, *actions)

    @property
    def redactor(self) -> Redactor | None:
        """What redacts as the kernel's own jobs are redacted."""
        return self._redactors.of(self._policies.stack_for(None))

    def redactor_of(self, job: JobRecord) -> Redactor | None:
        """Return what redacts the events of a job, as far as this process can tell.

        Where one of its policies is not there, it cannot run here either; what is told of it is
        redacted as the kernel's own jobs are.
        """
        try:
            return self._redactors.of(self.policies_of(job))
        except (SteerError, ValidationError):
            return self.redactor

    async def aclose(self) -> None:
        """Close the runtimes that were opened."""
        runtimes, self._runtimes = self._runtimes, {}
        self._prepared.clear()
        for runtime in runtimes.values():
            await runtime.aclose()

    async def _order(
        self,
        found: FoundAgent,
        runtime_name: str | None,
        stored: StoredRequest,
        options: PrepareOptions,
        context: ExecutionContext,
        *,
        user_context: object = None,
        policy: str | None = None,
    ) -> Order:
        name, runtime, prepared = await self._fit(found, runtime_name, options)
        if options.config:
            stored = stored.without_settings(self._registry.secret_options(name))
        ref = found.ref
        if isinstance(ref, InlineRef):
            ref = ref.without_settings(self._registry.secret_options(name))
        check_input(stored.input, prepared)
        check_bounds(stored.budgets, (), prepared, name)
        policies = self._policies.stack_for(stored.policies)
        _check_same(policies, policy, context.job_id)
        await _admit(policies, prepared, name, context)
        return Order(
            work=Work(
                runtime=runtime,
                prepared=prepared,
                policies=policies,
                request=stored,
                user_context=user_context,
                redactor=await self._redactors.made(policies),
                resumable=found.ref is not None and user_context is None,
            ),
            agent=prepared.agent,
            agent_ref=None if ref is None else ref_to_json(ref),
            runtime=name,
            model=prepared.model,
            policy=policies.ref,
            identity=found.identity or prepared.fingerprint,
            session_id=context.session_id,
        )

    async def _fit(
        self, found: FoundAgent, runtime_name: str | None, options: PrepareOptions
    ) -> tuple[str, Runtime, Prepared]:
        """Return the name of the runtime that is to run an agent, the runtime, and the agent."""
        name = self._choose_runtime(found, runtime_name)
        agent = found.agent
        config = dict(self._runtime_config.get(name, {}))
        if isinstance(agent, Agent):
            config |= agent.runtime_config
            agent = agent if agent.native is None else agent.native
        config |= options.config
        runtime = await self._open_runtime(name, config)
        if config != options.config:
            options = replace(options, config=config)
        if options.model is None and found.model is not None:
            options = replace(options, model=found.model)
        return name, runtime, self._prepare(name, runtime, agent, options)

    def _choose_runtime(self, found: FoundAgent, asked: str | None) -> str:
        agent = found.agent
        native = agent.native if isinstance(agent, Agent) else agent
        said = agent.runtime if isinstance(agent, Agent) else None
        fits = self._registry.runtime_for(native) if native is not None else None
        if native is not None and fits is None and asked is None and said is None:
            kind = type(native)
            raise AgentError(
                f"no installed runtime runs a {kind.__module__}.{kind.__qualname__}",
                fix="Install the runtime's plugin, or name one with runtime=",
            )
        name = asked or said or fits
        if name is None or fold(name) == "default":
            return self._registry.default_runtime(self._default_runtime)
        return self._declaration(name).name

    def _declaration(self, name: str) -> RuntimePlugin:
        declaration = self._declared.get(name)
        if declaration is None:
            declaration = self._declared[name] = self._registry.runtime(name)
        return declaration

    async def _open_runtime(self, name: str, config: Mapping[str, JsonValue]) -> Runtime:
        key = (name, _key(config))
        runtime = self._runtimes.get(key)
        if runtime is not None:
            return runtime
        # In a thread, because opening imports the vendor's SDK.
        opened = await anyio.to_thread.run_sync(lambda: self._registry.open_runtime(name, config))
        limit = self._declaration(name).capabilities.max_concurrency
        runtime = opened if limit is None else _Limited(opened, limit)
        if key in self._runtimes:
            await runtime.aclose()
        return self._runtimes.setdefault(key, runtime)

    def _prepare(
        self, name: str, runtime: Runtime, agent: object, options: PrepareOptions
    ) -> Prepared:
        key = (name, _key(options.config), id(agent))
        kept = self._prepared.get(key)
        if kept is not None and kept[0] is agent and kept[1] == options and kept[2].current:
            self._prepared.move_to_end(key)
            return kept[2]
        declared = self._declaration(name).capabilities
        check_options(options, declared, runtime=name)
        prepared = runtime.prepare(agent, options)
        if exceeding := prepared.capabilities.exceeding(declared):
            raise PluginError(name, f"claims more than it declares: {', '.join(exceeding)}")
        self._prepared[key] = (agent, options, prepared)
        if len(self._prepared) > PREPARED_KEPT:
            self._prepared.popitem(last=False)
        return prepared


def _check_same(policies: PolicyStack, began_under: str | None, job_id: str) -> None:
    """Raise ``ConfigError`` where rules that a job began under do not hold here."""
    if began_under and (missing := _names(began_under) - _names(policies.ref)):
        raise ConfigError(
            f"job {job_id} began under the rules {began_under}, and would go on under"
            f" {policies.ref} here, without {', '.join(sorted(missing))}",
            fix="Select the policies that it began under",
        )


def _names(ref: str) -> set[str]:
    """Return the names of the policies in a reference; their versions may have changed since."""
    return {member.partition("@")[0] for member in ref.split("+")}


def _key(config: Mapping[str, JsonValue]) -> str:
    return digest_of(config) if config else ""


async def _admit(
    policies: PolicyStack, prepared: Prepared, runtime: str, context: ExecutionContext
) -> None:
    """Ask policy about the run, and about what in it no gate can stop."""
    verdict = await policies.decide(
        RunQuestion(context=context, agent=prepared.agent, runtime=runtime, model=prepared.model)
    )
    if verdict.outcome is not Outcome.ALLOW:
        raise PolicyDenied(
            f"policy does not let {context.principal_id} run {prepared.agent}: {verdict.reason}"
        )
    if context.session_id is not None:
        await check_data(policies, context, "session", context.session_id, "read", "write")
    for tool in prepared.ungated:
        verdict = await policies.decide(
            ToolQuestion(
                context=context,
                tool=tool.name,
                kind=tool.kind,
                server=tool.server,
                agent=prepared.agent,
            )
        )
        if verdict.outcome is not Outcome.ALLOW:
            raise PolicyDenied(
                f"{prepared.agent} has {tool.name}, which is {tool.kind}: it acts without asking"
                f" steer first, and policy does not allow it by name: {verdict.reason}",
                fix="Take it out of the agent, or allow it in a policy",
            )
