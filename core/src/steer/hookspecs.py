"""The hooks of steer: one for each port, and one for commands.

A hook takes no arguments and returns the declarations of what its plugin brings. It is called
once in each process that looks for plugins, and does no more than build them: no vendor is
imported, nothing is opened, read or printed. pluggy registers plugins; while a job runs it is
never called.

Each example is a whole module. A distribution names the module in its ``pyproject.toml``:

```toml
[project.entry-points.steer]
acme = "acme_steer"
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import pluggy

from steer.plugin import (
    ArtifactPlugin,
    CachePlugin,
    CommandPlugin,
    Declaration,
    ExecutorPlugin,
    PolicyPlugin,
    RuntimePlugin,
    SignalsPlugin,
    SinkPlugin,
    StoragePlugin,
)

__all__ = ["RETURNS", "HookSpecs"]

_hookspec = pluggy.HookspecMarker("steer")

RETURNS: Mapping[str, type[Declaration]] = {
    "steer_runtimes": RuntimePlugin,
    "steer_storages": StoragePlugin,
    "steer_policies": PolicyPlugin,
    "steer_sinks": SinkPlugin,
    "steer_signals": SignalsPlugin,
    "steer_executors": ExecutorPlugin,
    "steer_caches": CachePlugin,
    "steer_artifacts": ArtifactPlugin,
    "steer_commands": CommandPlugin,
}
"""The kind of declaration that each hook returns."""


class HookSpecs(Protocol):
    """What a plugin may implement: as functions of a module, or as methods of an object."""

    @_hookspec
    def steer_runtimes(self) -> Iterable[RuntimePlugin]:
        """Ways to run agents.

        The target is called as `open(config)` when the runtime is first needed, with an instance
        of the config model, or `None` where the plugin declares no model. It returns a
        `steer.ports.runtime.Runtime`. `capabilities` is the most that the runtime can do; what it
        does not claim is refused before a run begins.

        An object of one of the `native_types` is an agent of this runtime. So is an async function
        that runs the vendor's agents itself: it is given to `prepare` as it is. Which functions
        these are is seen from their modules: one of the `native_callers` is among the globals, or
        in a module there. A user names such a function, `file.py:answer`; one that has a name of
        `native_functions` is found without.

        ```python
        from steer.capabilities import Capabilities, HistoryForm, ModelGate, UsageSource
        from steer.plugin import RuntimePlugin, hookimpl


        @hookimpl
        def steer_runtimes():
            yield RuntimePlugin(
                name="acme-agents",
                summary="Agents of the Acme SDK",
                contract=1,
                open="acme_steer.runtime:open_runtime",
                config="acme_steer.config:AcmeConfig",
                capabilities=Capabilities(
                    model_gate=ModelGate.NATIVE,
                    usage=UsageSource.PROVIDER,
                    history=HistoryForm.NATIVE,
                    tools=True,
                ),
                native_types=("acme.agent.Agent",),
                native_callers=("acme.run.Runner",),
                native_functions=("run_workflow",),
                requires=("acme-agents-sdk",),
                testing="acme_steer.testing:connect",
            )
        ```
        """

    @_hookspec
    def steer_storages(self) -> Iterable[StoragePlugin]:
        """Stores for jobs, events, records and sessions, chosen by URL.

        The target is called as `open(url, clock)`, with the whole URL and a `steer.clock.Clock`,
        and returns a `steer.ports.storage.Storage`. It may create files and apply migrations; a
        store behind a network connects on first use.

        ```python
        from steer.plugin import StoragePlugin, hookimpl


        @hookimpl
        def steer_storages():
            yield StoragePlugin(
                name="acme-db",
                summary="Jobs in AcmeDB",
                contract=1,
                open="acme_steer.storage:open_storage",
                schemes=("acmedb", "acmedbs"),
                requires=("acmedb-driver",),
            )
        ```
        """

    @_hookspec
    def steer_policies(self) -> Iterable[PolicyPlugin]:
        """Rules that are asked before anything happens.

        The target is called as `open(config)` and returns a `steer.ports.policy.Policy` or a
        sequence of them; with `asynchronous=True`, of `AsyncPolicy`. Only a policy that somebody
        selects is opened, and one that is selected and cannot be opened stops the start.

        ```python
        from steer.plugin import PolicyPlugin, hookimpl


        @hookimpl
        def steer_policies():
            yield PolicyPlugin(
                name="acme-rules",
                summary="Asks Acme's rule server",
                contract=1,
                open="acme_steer.rules:open_rules",
                config="acme_steer.config:RuleServer",
                asynchronous=True,
            )
        ```
        """

    @_hookspec
    def steer_sinks(self) -> Iterable[SinkPlugin]:
        """Places that committed events go to.

        The target is called as `open(config, contents)` and returns a `steer.ports.sink.EventSink`.
        `contents` says whether the events will carry what was said; they do only where the sink's
        table in the configuration has `contents = true`. That key is steer's own and is not part of
        the config model.

        ```python
        from steer.plugin import SinkPlugin, hookimpl


        @hookimpl
        def steer_sinks():
            yield SinkPlugin(
                name="acme-log",
                summary="Events as lines in Acme's log service",
                contract=1,
                open="acme_steer.sink:open_sink",
                config="acme_steer.config:LogService",
                requires=("acme-log-client",),
            )
        ```
        """

    @_hookspec
    def steer_signals(self) -> Iterable[SignalsPlugin]:
        """Channels that wake waiters in other processes, chosen by URL.

        The target is called as `open(url, clock)` and returns a
        `steer.ports.signals.SignalChannel`.

        ```python
        from steer.plugin import SignalsPlugin, hookimpl


        @hookimpl
        def steer_signals():
            yield SignalsPlugin(
                name="acme-bus",
                summary="Wake-ups over AcmeBus",
                contract=1,
                open="acme_steer.signals:open_signals",
                schemes=("acmebus",),
            )
        ```
        """

    @_hookspec
    def steer_executors(self) -> Iterable[ExecutorPlugin]:
        """Places where jobs run.

        The target is called as `open(config)` and returns a `steer.ports.executor.Executor`.

        ```python
        from steer.plugin import ExecutorPlugin, hookimpl


        @hookimpl
        def steer_executors():
            yield ExecutorPlugin(
                name="acme-queue",
                summary="Jobs on AcmeQueue's workers",
                contract=1,
                open="acme_steer.executor:open_executor",
            )
        ```
        """

    @_hookspec
    def steer_caches(self) -> Iterable[CachePlugin]:
        """Caches, chosen by URL.

        The target is called as `open(url, clock)` and returns a `steer.ports.cache.Cache`.

        ```python
        from steer.plugin import CachePlugin, hookimpl


        @hookimpl
        def steer_caches():
            yield CachePlugin(
                name="acme-cache",
                summary="AcmeCache",
                contract=1,
                open="acme_steer.cache:open_cache",
                schemes=("acmecache",),
            )
        ```
        """

    @_hookspec
    def steer_artifacts(self) -> Iterable[ArtifactPlugin]:
        """Stores for the files of jobs, chosen by URL.

        The target is called as `open(url, clock)` and returns a
        `steer.ports.artifact.ArtifactStore`. Without one, files are kept in the storage.

        ```python
        from steer.plugin import ArtifactPlugin, hookimpl


        @hookimpl
        def steer_artifacts():
            yield ArtifactPlugin(
                name="acme-files",
                summary="Files in AcmeFiles",
                contract=1,
                open="acme_steer.artifacts:open_artifacts",
                schemes=("acmefiles",),
                requires=("acme-files-client",),
            )
        ```
        """

    @_hookspec
    def steer_commands(self) -> Iterable[CommandPlugin]:
        """Commands of the `steer` program.

        The target is called as `open()` when the command is given, and returns a `typer.Typer`, or
        the function of a single command. `summary` is what `steer --help` shows until then.

        ```python
        from steer.plugin import CommandPlugin, hookimpl


        @hookimpl
        def steer_commands():
            yield CommandPlugin(
                name="acme",
                summary="Look after the Acme account that agents use",
                contract=1,
                open="acme_steer.commands:open_commands",
            )
        ```
        """
