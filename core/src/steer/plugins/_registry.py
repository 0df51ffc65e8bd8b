"""PluginRegistry: which plugins there are, and the one that a name means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from steer.errors import ConfigError, PluginError
from steer.naming import fold
from steer.plugin import (
    ArtifactPlugin,
    CachePlugin,
    CommandPlugin,
    Declaration,
    ExecutorPlugin,
    PluginKind,
    PolicyPlugin,
    RuntimePlugin,
    SignalsPlugin,
    SinkPlugin,
    StoragePlugin,
)
from steer.plugins._callers import callers_of
from steer.plugins._claims import Broken, Claim, claims_of, refusal, sole, unknown
from steer.plugins._discovery import Origin, Provider, discover, heard
from steer.plugins._door import call_target, load_target
from steer.plugins._options import checked_options, secret_keys
from steer.plugins._report import PluginReport, report_of, report_of_broken
from steer.values import JsonValue

# Named in signatures only; `steer plugins` opens nothing and need not load them.
if TYPE_CHECKING:
    from pydantic import BaseModel

    from steer.clock import Clock
    from steer.ports.artifact import ArtifactStore
    from steer.ports.cache import Cache
    from steer.ports.executor import Executor
    from steer.ports.policy import AsyncPolicy, Policy
    from steer.ports.runtime import Runtime
    from steer.ports.signals import SignalChannel
    from steer.ports.sink import EventSink
    from steer.ports.storage import Storage

__all__ = ["POLICY_FILE_SUFFIX", "OpenedPolicies", "PluginRegistry"]

POLICY_FILE_SUFFIX = ".toml"
"""What the name of a policy ends in where it is that of a file."""

_POLICY_FILE = "policy-file"
_TYPES: Mapping[PluginKind, type[Declaration]] = {
    declaration.kind: declaration
    for declaration in (
        RuntimePlugin,
        StoragePlugin,
        PolicyPlugin,
        SinkPlugin,
        SignalsPlugin,
        ExecutorPlugin,
        CachePlugin,
        ArtifactPlugin,
        CommandPlugin,
    )
}

D = TypeVar("D", bound=Declaration)
A = TypeVar("A", StoragePlugin, SignalsPlugin, CachePlugin, ArtifactPlugin)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedPolicies:
    """The selected policies: those that answer at once, and those that are awaited."""

    immediate: tuple[Policy, ...] = ()
    asynchronous: tuple[AsyncPolicy, ...] = ()


class PluginRegistry:
    """The plugins that one application has. It keeps nothing that it opens.

    ``PluginRegistry()`` is empty; ``PluginRegistry.discover()`` holds what is installed. A plugin
    that is broken is kept with its reason, and harms nothing until somebody selects it.
    """

    def __init__(self) -> None:
        self._providers: list[Provider] = []
        self._claims: list[Claim[Declaration]] = []

    @classmethod
    def discover(cls) -> PluginRegistry:
        """Return a registry of all installed plugins; never fails for what one of them does.

        Each is imported once, with what it prints kept out of the program's own output, and asked
        what it brings. No vendor is imported.
        """
        registry = cls()
        for provider in discover():
            registry._add(provider)
        return registry

    def register(self, plugin: object, *, name: str | None = None) -> None:
        """Add what this application brings itself: a declaration, or an object with hooks.

        Adding what is known already changes nothing. Raises ``PluginError`` where the plugin is
        broken.
        """
        if any(provider.plugin is plugin for provider in self._providers):
            return
        if isinstance(plugin, Declaration):
            provider = Provider(
                origin=Origin(entry_point=name or plugin.name),
                plugin=plugin,
                declarations=(plugin,),
            )
        else:
            provider = heard(
                plugin, name or str(getattr(plugin, "__name__", type(plugin).__name__))
            )
        for failure in (provider.failure, *(claim.failure for claim in claims_of(provider))):
            if failure is not None:
                raise refusal(provider.origin.entry_point, provider.origin, failure)
        self._add(provider)

    def names(self, kind: PluginKind) -> tuple[str, ...]:
        """The names of a kind that can be selected, sorted."""
        usable = (claim.declaration for claim in self._claims if claim.failure is None)
        return tuple(sorted({plugin.name for plugin in usable if plugin.kind is kind}))

    def runtime(self, name: str) -> RuntimePlugin:
        """Return the runtime of this name.

        Like all that choose by name or URL it raises ``PluginError``: for a name that nobody
        has, saying which there are; for one that several have, saying who; and for a broken
        plugin with what broke it.
        """
        return self._named(RuntimePlugin, name).declaration

    def policy(self, name: str) -> PolicyPlugin:
        """Return the policy of this name."""
        return self._named(PolicyPlugin, name).declaration

    def sink(self, name: str) -> SinkPlugin:
        """Return the sink of this name."""
        return self._named(SinkPlugin, name).declaration

    def executor(self, name: str) -> ExecutorPlugin:
        """Return the executor of this name."""
        return self._named(ExecutorPlugin, name).declaration

    def command(self, name: str) -> CommandPlugin:
        """Return the command of this name."""
        return self._named(CommandPlugin, name).declaration

    def declaration(self, kind: PluginKind, name: str) -> Declaration:
        """Return what a plugin of this kind and name declares."""
        return self._named(_TYPES[kind], name).declaration

    def testing(self, kind: PluginKind, name: str) -> Callable[..., Any]:
        """Return the factory that a plugin is checked with.

        Raises ``PluginError`` where the plugin declares none.
        """
        claim = self._named(_TYPES[kind], name)
        if claim.declaration.testing is None:
            raise PluginError(
                claim.declaration.name,
                f"{claim.origin} declares no testing for it",
                fix="Its authors name a factory: testing='package.module:function'",
            )
        found = load_target(claim.declaration.name, claim.declaration.testing, claim.install_hint)
        return cast("Callable[..., Any]", found)

    def storage_for_url(self, url: str) -> StoragePlugin:
        """Return the storage that opens this URL."""
        return self._addressed(StoragePlugin, url).declaration

    def signals_for_url(self, url: str) -> SignalsPlugin:
        """Return the signal channel that opens this URL."""
        return self._addressed(SignalsPlugin, url).declaration

    def cache_for_url(self, url: str) -> CachePlugin:
        """Return the cache that opens this URL."""
        return self._addressed(CachePlugin, url).declaration

    def artifacts_for_url(self, url: str) -> ArtifactPlugin:
        """Return the store of artifacts that opens this URL."""
        return self._addressed(ArtifactPlugin, url).declaration

    def default_runtime(self, configured: str | None) -> str:
        """Return the name that ``default`` stands for.

        That is the configured one; without one, the only one there is. Raises ``ConfigError``
        where there are several and ``PluginError`` where there is none.
        """
        if configured is not None and fold(configured) != "default":
            return self.runtime(configured).name
        names = self.names(PluginKind.RUNTIME)
        if len(names) > 1:
            raise ConfigError(
                f"there are several runtimes and none is chosen: {', '.join(names)}",
                fix="Choose one: --runtime NAME, STEER_RUNTIME, or runtime in steer.toml",
            )
        if names:
            return self.runtime(names[0]).name
        raise unknown(PluginKind.RUNTIME, "default", (), self._broken())

    def runtime_for(self, agent: object) -> str | None:
        """Return the name of the runtime that an object of a vendor's belongs to, if any.

        Decided by the names of the object's classes, the most derived first, or, for an async
        function, of the classes that its module has. Nothing is imported. Raises ``PluginError``
        where several runtimes claim the same.
        """
        claims = self._of(RuntimePlugin)
        if callers := callers_of(agent):
            fitting = [c for c in claims if not callers.isdisjoint(c.declaration.native_callers)]
            return _sole_runtime(
                getattr(agent, "__name__", "this"), "functions of this module", fitting
            )
        for base in type(agent).__mro__:
            native = f"{base.__module__}.{base.__qualname__}"
            fitting = [claim for claim in claims if native in claim.declaration.native_types]
            if name := _sole_runtime(native, "agents of this class", fitting):
                return name
        return None

    def native_functions(self) -> tuple[str, ...]:
        """Return the names of functions that are agents without being named, sorted."""
        claims = self._of(RuntimePlugin)
        return tuple(sorted({name for c in claims for name in c.declaration.native_functions}))

    def explain(self) -> tuple[PluginReport, ...]:
        """Say of every plugin what it is, who brought it and whether selecting it would work.

        By kind and name; modules that broke before they declared anything come last.
        """
        usable = [claim for claim in self._claims if claim.failure is None]
        declared = [
            report_of(claim, [rival for rival in usable if claim.rivals(rival)])
            for claim in sorted(self._claims, key=_place)
        ]
        return (*declared, *(report_of_broken(broken) for broken in self._broken()))

    def open_runtime(self, name: str, config: Mapping[str, JsonValue] | None = None) -> Runtime:
        """Check ``config`` against the plugin's model and open the runtime.

        Raises ``ConfigError`` where the configuration does not fit, and ``PluginError`` where
        the plugin cannot be opened, for example because its vendor is not installed.
        """
        claim = self._named(RuntimePlugin, name)
        return cast("Runtime", _open(claim, _options(claim, claim.declaration.config, config)))

    def secret_options(self, name: str) -> frozenset[str]:
        """Return the keys of a runtime's configuration that hold secrets, to keep out of stores.

        Raises ``PluginError``.
        """
        claim = self._named(RuntimePlugin, name)
        return secret_keys(claim.declaration.name, claim.declaration.config, claim.install_hint)

    def open_policies(
        self,
        names: Iterable[str],
        configs: Mapping[str, Mapping[str, JsonValue]] | None = None,
    ) -> OpenedPolicies:
        """Open the selected policies, all or none: one that fails must stop the start.

        What ends in ``.toml`` is a file of rules, anything else the name of a plugin, which may
        open several policies. ``configs`` is by folded name. Raises as ``open_runtime``.
        """
        immediate: list[Any] = []
        asynchronous: list[Any] = []
        for name in names:
            is_file = name.endswith(POLICY_FILE_SUFFIX)
            config = {"path": name} if is_file else (configs or {}).get(fold(name))
            claim = self._named(PolicyPlugin, _POLICY_FILE if is_file else name)
            opened = _open(claim, _options(claim, claim.declaration.config, config))
            policies = opened if isinstance(opened, Sequence) else (opened,)
            if not policies or not all(callable(getattr(p, "evaluate", None)) for p in policies):
                raise PluginError(claim.declaration.name, f"{opened!r} is no policy")
            (asynchronous if claim.declaration.asynchronous else immediate).extend(policies)
        return OpenedPolicies(immediate=tuple(immediate), asynchronous=tuple(asynchronous))

    def open_sink(
        self, name: str, config: Mapping[str, JsonValue] | None = None
    ) -> tuple[EventSink, bool]:
        """Open a sink; return it with whether it is to be given what was said.

        That is decided by steer's own key ``contents`` of its table, false if absent.
        """
        claim = self._named(SinkPlugin, name)
        options = dict(config or {})
        contents = options.pop("contents", False)
        if not isinstance(contents, bool):
            raise ConfigError(f"sink {name}: contents is true or false, not {contents!r}")
        checked = _options(claim, claim.declaration.config, options)
        return cast("EventSink", _open(claim, checked, contents)), contents

    def open_executor(self, name: str, config: Mapping[str, JsonValue] | None = None) -> Executor:
        """Open an executor. Raises as ``open_runtime``."""
        claim = self._named(ExecutorPlugin, name)
        return cast("Executor", _open(claim, _options(claim, claim.declaration.config, config)))

    def open_storage(self, url: str, clock: Clock) -> Storage:
        """Open the store that the URL names. Raises ``PluginError``, or what the store raises."""
        return cast("Storage", _open(self._addressed(StoragePlugin, url), url, clock))

    def open_signals(self, url: str, clock: Clock) -> SignalChannel:
        """Open the signal channel that the URL names."""
        return cast("SignalChannel", _open(self._addressed(SignalsPlugin, url), url, clock))

    def open_cache(self, url: str, clock: Clock) -> Cache:
        """Open the cache that the URL names."""
        return cast("Cache", _open(self._addressed(CachePlugin, url), url, clock))

    def open_artifacts(self, url: str, clock: Clock) -> ArtifactStore:
        """Open the store of artifacts that the URL names."""
        return cast("ArtifactStore", _open(self._addressed(ArtifactPlugin, url), url, clock))

    def open_command(self, name: str) -> Any:
        """Return a command: a ``typer.Typer``, or the function of a single command."""
        return _open(self._named(CommandPlugin, name))

    def _add(self, provider: Provider) -> None:
        self._providers.append(provider)
        self._claims.extend(claims_of(provider))

    def _of(self, kind: type[D]) -> list[Claim[D]]:
        return [
            cast("Claim[D]", claim) for claim in self._claims if isinstance(claim.declaration, kind)
        ]

    def _broken(self) -> list[Broken]:
        return [
            Broken(origin=each.origin, failure=each.failure, printed=each.printed)
            for each in self._providers
            if each.failure is not None and not each.declarations
        ]

    def _named(self, kind: type[D], name: str) -> Claim[D]:
        claims = [c for c in self._of(kind) if c.declaration.name == fold(name)]
        if claim := sole(fold(name), claims):
            return claim
        raise unknown(kind.kind, name, self.names(kind.kind), self._broken())

    def _addressed(self, kind: type[A], url: str) -> Claim[A]:
        scheme, separator, _ = url.partition("://")
        claims = self._of(kind)
        known = sorted(
            {f"{each}://" for c in claims if c.failure is None for each in c.declaration.schemes}
        )
        if not separator:
            # What stands there may hold a password, so it is not repeated.
            raise ConfigError(f"{kind.kind} must be a URL; it can begin with {', '.join(known)}")
        fitting = [claim for claim in claims if scheme.lower() in claim.declaration.schemes]
        if claim := sole(f"{scheme}://", fitting):
            return claim
        raise unknown(kind.kind, f"{scheme}://", known, self._broken())


def _place(claim: Claim[Declaration]) -> tuple[str, str, str]:
    return claim.declaration.kind, claim.declaration.name, str(claim.origin)


def _sole_runtime(native: str, what: str, claims: Sequence[Claim[RuntimePlugin]]) -> str | None:
    """Return the one runtime among those who claim something; what is broken takes nothing."""
    usable = [claim for claim in claims if claim.failure is None]
    names = sorted({claim.declaration.name for claim in usable or claims})
    if len(names) > 1:
        raise PluginError(
            native,
            f"{what} belong to several runtimes: {', '.join(names)}",
            fix="Choose one by name",
        )
    return names[0] if names else None


def _options(
    claim: Claim[Declaration],
    model: type[BaseModel] | str | None,
    config: Mapping[str, JsonValue] | None,
) -> BaseModel | None:
    plugin = claim.declaration
    return checked_options(f"{plugin.kind} {plugin.name}", model, config or {}, claim.install_hint)


def _open(claim: Claim[Declaration], *arguments: object) -> Any:
    plugin = claim.declaration
    opened = call_target(plugin.name, plugin.open, claim.install_hint, *arguments)
    if opened is None:
        raise PluginError(plugin.name, f"its target {plugin.open!r} returned nothing")
    return opened
