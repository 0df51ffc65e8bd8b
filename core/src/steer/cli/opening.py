"""From settings to a kernel."""

from __future__ import annotations

from dataclasses import dataclass

from steer.config import Settings
from steer.context import PolicyRef
from steer.errors import ConfigError, StorageError
from steer.kernel import RuntimeKernel
from steer.plugins import PluginRegistry
from steer.policies import PolicyStack
from steer.ports.policy import AsyncPolicy, Policy
from steer.pricing import PriceList
from steer.redaction import Redaction, Redactor, united
from steer.sqlite import path_from_url

__all__ = [
    "Opening",
    "check_shared",
    "check_there",
    "open_kernel",
    "open_reader",
    "open_redactor",
    "open_store",
    "open_under_policies",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """A kernel that is yet to be opened, and the policies it selected by name and version.

    Jobs keep these, so that going on with one under other rules is refused.
    """

    kernel: RuntimeKernel
    policies: tuple[PolicyRef, ...]


def open_kernel(settings: Settings) -> Opening:
    """Return a kernel that runs jobs. Raises ``SteerError`` where a selected plugin cannot load."""
    registry = PluginRegistry.discover()
    policies = registry.open_policies(settings.policy, settings.policies)
    sinks = {name: registry.open_sink(name, settings.sinks.get(name)) for name in settings.sink}
    kernel = RuntimeKernel(
        storage=settings.storage,
        artifacts=settings.artifacts,
        registry=registry,
        policies=policies.immediate,
        async_policies=policies.asynchronous,
        selectable_policies=settings.selectable_policy,
        policy_config=settings.policies,
        default_runtime=settings.runtime,
        runtime_config=settings.runtimes,
        redaction=settings.redaction,
        prices=PriceList(settings.prices),
        sinks={name: sink for name, (sink, contents) in sinks.items() if not contents},
        content_sinks={name: sink for name, (sink, contents) in sinks.items() if contents},
    )
    selected: tuple[Policy | AsyncPolicy, ...] = (*policies.immediate, *policies.asynchronous)
    return Opening(
        kernel=kernel,
        policies=tuple(PolicyRef(name=policy.name, version=policy.version) for policy in selected),
    )


def check_shared(url: str, consequence: str) -> None:
    """Raise ``ConfigError`` where no other process sees what is in a storage."""
    storage = PluginRegistry.discover().storage_for_url(url)
    if not storage.capabilities.shared:
        raise ConfigError(
            f"{url} is seen by one process only, so {consequence}",
            fix="Use a storage that processes share, for example --storage sqlite:///jobs.db",
        )


def check_there(settings: Settings) -> None:
    """Raise ``StorageError`` where a SQLite file that somebody named is not there.

    Opening it would make it, and what was mistyped would look as if nothing had happened yet.
    """
    source = settings.sources.get("storage")
    if source is None or not settings.storage.lower().startswith("sqlite:"):
        return
    file = path_from_url(settings.storage)
    if not file.exists():
        raise StorageError(
            f"there is no file {file}, which {source} names as the storage",
            fix="Look whether it is spelled so; the first job that is run with it makes the file",
        )


def open_reader(settings: Settings, *, books: bool = False) -> RuntimeKernel:
    """Return a kernel that only looks at jobs, and ends those that nobody runs.

    With ``books`` it knows what the requests cost that it ends. Raises ``StorageError`` where there
    is nothing to look into.
    """
    check_there(settings)
    return RuntimeKernel(
        storage=settings.storage,
        artifacts=settings.artifacts,
        registry=PluginRegistry.discover(),
        prices=PriceList(settings.prices) if books else None,
    )


def open_store(settings: Settings) -> RuntimeKernel:
    """Return a kernel that keeps what may be there before the first job, and runs none."""
    return RuntimeKernel(
        storage=settings.storage,
        registry=PluginRegistry.discover(),
        default_runtime=settings.runtime,
        runtime_config=settings.runtimes,
    )


def open_under_policies(settings: Settings) -> RuntimeKernel:
    """Return a reader with the selected policies: what they keep from people, and out of events.

    Raises ``StorageError`` where there is nothing to look into, and ``SteerError`` where a selected
    policy cannot load.
    """
    check_there(settings)
    registry = PluginRegistry.discover()
    policies = registry.open_policies(settings.policy, settings.policies)
    return RuntimeKernel(
        storage=settings.storage,
        artifacts=settings.artifacts,
        registry=registry,
        policies=policies.immediate,
        async_policies=policies.asynchronous,
        selectable_policies=settings.selectable_policy,
        policy_config=settings.policies,
        redaction=settings.redaction,
    )


def open_redactor(settings: Settings, registry: PluginRegistry) -> Redactor | None:
    """Return what redacts what was asked of a job, which is stored as it was asked."""
    redaction = _redaction(settings, registry)
    return None if redaction is None else Redactor(redaction)


def _redaction(settings: Settings, registry: PluginRegistry) -> Redaction | None:
    policies = registry.open_policies(settings.policy, settings.policies)
    stack = PolicyStack(policies.immediate, async_policies=policies.asynchronous)
    return united((settings.redaction, stack.redaction))
