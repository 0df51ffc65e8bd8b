"""What a plugin is written with: the declarations, and the mark for hooks.

A plugin is a light module, named under the entry-point group ``steer`` of its distribution,
whose hooks return declarations. It imports no vendor: a declaration is data, and what it opens
is named by a target, ``"package.module:function"``, that is imported when somebody selects it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from steer.capabilities import Capabilities, PolicyCapabilities, StorageCapabilities
from steer.errors import PluginError
from steer.naming import fold

# A declaring module is imported at every start of every process that looks for plugins; these
# would multiply what that costs, and only type checkers read them.
if TYPE_CHECKING:
    from pydantic import BaseModel

    from steer.ports.artifact import ArtifactStore
    from steer.ports.cache import Cache
    from steer.ports.executor import Executor
    from steer.ports.policy import AsyncPolicy, Policy
    from steer.ports.runtime import Runtime
    from steer.ports.signals import SignalChannel
    from steer.ports.sink import EventSink
    from steer.ports.storage import Storage
    from steer.values import JsonValue

__all__ = [
    "CONTRACT",
    "ENTRY_POINT_GROUP",
    "ArtifactPlugin",
    "CachePlugin",
    "CommandPlugin",
    "Declaration",
    "ExecutorPlugin",
    "FreshStore",
    "Nesting",
    "PluginKind",
    "PolicyPlugin",
    "RuntimePlugin",
    "SignalsPlugin",
    "SinkPlugin",
    "StoragePlugin",
    "hookimpl",
]

CONTRACT = 1
"""The number of the ports, hooks and event codec together that this steer speaks."""

ENTRY_POINT_GROUP = "steer"
"""Where a distribution names its plugin module."""

hookimpl = pluggy.HookimplMarker("steer")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")

# Checked, since not every author runs a type checker: ("redis") without a comma is a string,
# and its letters would be taken for names.
_KINDS: Mapping[str, type] = {
    "name": str,
    "summary": str,
    "contract": int,
    "requires": tuple,
    "schemes": tuple,
    "native_types": tuple,
    "native_callers": tuple,
    "native_functions": tuple,
}


class PluginKind(StrEnum):
    """What a plugin adds: one kind for each port, and commands."""

    RUNTIME = "runtime"
    STORAGE = "storage"
    POLICY = "policy"
    SINK = "sink"
    SIGNALS = "signals"
    EXECUTOR = "executor"
    CACHE = "cache"
    ARTIFACT = "artifact"
    COMMAND = "command"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """What every plugin says of itself.

    ``name``: letters, digits and ``-``. It is kept in lower case and with ``-`` for ``_``, and
    whoever selects it may write it in any of these ways.
    ``summary``: one line for ``steer plugins``.
    ``contract``: the ``CONTRACT`` the plugin was written for. Write the number: with the constant
    a plugin would claim to fit whatever steer it meets.
    ``open``: the target that is imported and called when the plugin is selected. A distribution
    gives ``"module:function"``; an application that registers its own may give the function.
    ``requires``: the distributions that ``open`` needs, by name, so that ``steer plugins`` can say
    what is missing without importing anything.
    ``install``: what pip is asked for where one is missing; the plugin's own distribution if unset.
    ``testing``: the target of the factory that ``steer check`` uses.
    """

    kind: ClassVar[PluginKind]

    name: str
    summary: str
    contract: int
    open: str | Callable[..., object]
    requires: tuple[str, ...] = ()
    install: str | None = None
    testing: str | None = None

    def __post_init__(self) -> None:
        """Fold the name; refuse what nobody could select, read or open with ``PluginError``."""
        for key, kind in _KINDS.items():
            value = getattr(self, key, None)
            if hasattr(self, key) and not isinstance(value, kind):
                raise _wrong_type(self, key, kind)
        object.__setattr__(self, "name", fold(self.name))
        if not _NAME.fullmatch(self.name):
            raise PluginError(self.name, "a plugin's name is of letters, digits and '-'")
        if self.name == "default":
            raise PluginError(self.name, "the name stands for whatever the configuration chooses")
        for key in ("open", "testing", "config", "nesting"):
            target = getattr(self, key, None)
            if isinstance(target, str) and not _TARGET.fullmatch(target):
                raise PluginError(self.name, f"{key} is {target!r}, not 'package.module:function'")


def _wrong_type(plugin: Declaration, key: str, kind: type) -> PluginError:
    value = getattr(plugin, key)
    return PluginError(str(plugin.name), f"{key} is {value!r}, not a {kind.__name__}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Configured(Declaration):
    """A plugin that takes configuration.

    ``config``: the pydantic model, or the target of it, that its table in the configuration has
    to fit. ``open`` is given an instance; without a model it is given ``None``, and a table that
    is not empty is refused.
    """

    config: type[BaseModel] | str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Addressed(Declaration):
    """A plugin that is chosen by URL. ``schemes``: those that it opens, in lower case."""

    schemes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse schemes that no URL can have."""
        # super() without arguments finds the wrong class in a slotted dataclass.
        Declaration.__post_init__(self)
        if not self.schemes:
            raise PluginError(self.name, "schemes is empty; give at least one")
        for scheme in self.schemes:
            if not _SCHEME.fullmatch(scheme):
                raise PluginError(self.name, f"{scheme!r} is no scheme of a URL")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuntimePlugin(_Configured):
    """A way to run agents. ``open(config) -> Runtime``.

    ``capabilities``: the most that it can do.
    ``native_types``: the vendor's agent classes as ``"module.Class"``, where the class says it was
    defined; an object of one, or of a subclass, is run by this runtime unless another is named.
    ``native_callers``: the classes, written alike, with which an author's own code runs agents. An
    async function is run by this runtime if one of them is among the globals of its module, by
    itself or in a module there: ``from vendor import Runner``, or ``import vendor``.
    ``native_functions``: what such a function is usually called; one of that name is a file's agent
    where nobody names another.
    ``nesting``: the target of a function that ``steer check`` uses beside ``testing`` where
    ``suspend_in_subagents`` is claimed. Given the name of a model and a ``steer.agents.Tool``, it
    returns a ``Nesting``: an agent whose one tool is another agent, which has this tool.
    """

    kind: ClassVar[PluginKind] = PluginKind.RUNTIME

    open: str | Callable[..., Runtime]
    capabilities: Capabilities = field(default_factory=Capabilities)
    native_types: tuple[str, ...] = ()
    native_callers: tuple[str, ...] = ()
    native_functions: tuple[str, ...] = ()
    nesting: str | Callable[..., Nesting] | None = None

    def __post_init__(self) -> None:
        """Refuse capabilities of another port, and functions that nothing tells from anybody's."""
        # super() without arguments finds the wrong class in a slotted dataclass.
        Declaration.__post_init__(self)
        if self.native_functions and not self.native_callers:
            raise PluginError(self.name, "native_functions are told by native_callers; give these")
        if not isinstance(self.capabilities, Capabilities):
            raise _wrong_type(self, "capabilities", Capabilities)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nesting:
    """An agent, for one check, that has another one to ask.

    ``agent`` is what the runtime prepares. ``arguments`` returns those with which its model calls
    the other one, so that this one is asked a text.
    """

    agent: object
    arguments: Callable[[str], Mapping[str, JsonValue]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoragePlugin(_Addressed):
    """A store for jobs and all that belongs to them. ``open(url, clock) -> Storage``.

    ``capabilities``: what it can do beyond the port.
    ``testing``, if given, is the target of a function that takes an empty folder and returns a
    context manager of a ``FreshStore``.
    """

    kind: ClassVar[PluginKind] = PluginKind.STORAGE

    open: str | Callable[..., Storage]
    capabilities: StorageCapabilities = field(default_factory=StorageCapabilities)

    def __post_init__(self) -> None:
        """Refuse capabilities that are none of a storage."""
        _Addressed.__post_init__(self)
        if not isinstance(self.capabilities, StorageCapabilities):
            raise _wrong_type(self, "capabilities", StorageCapabilities)


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshStore:
    """A new store for one check, for as long as the context manager that gives it is entered.

    ``url`` opens it, and whatever was written to it, again and again.
    ``earlier``: URLs of stores that earlier versions of the storage filled with the suite's
    samples, by version. Needed where the storage claims ``upgrades``.
    """

    url: str
    earlier: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPlugin(_Configured):
    """Rules. ``open(config) -> Policy``, or a sequence of them.

    ``asynchronous``: what it opens are ``AsyncPolicy``, which are awaited and bounded in time.
    ``capabilities``: what it can do beyond the port.
    ``testing``, if given, is the target of a function that takes an empty folder and rules, each
    a pair of a tool's name and an ``Outcome``, and returns the configuration of a policy that has
    these rules. A policy that does not claim ``rules`` is given none.
    """

    kind: ClassVar[PluginKind] = PluginKind.POLICY

    open: str | Callable[..., Policy | AsyncPolicy | Sequence[Policy] | Sequence[AsyncPolicy]]
    asynchronous: bool = False
    capabilities: PolicyCapabilities = field(default_factory=PolicyCapabilities)

    def __post_init__(self) -> None:
        """Refuse capabilities that are none of a policy."""
        Declaration.__post_init__(self)
        if not isinstance(self.capabilities, PolicyCapabilities):
            raise _wrong_type(self, "capabilities", PolicyCapabilities)


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkPlugin(_Configured):
    """Somewhere committed events go. ``open(config, contents) -> EventSink``.

    ``contents`` is a bool: whether the events it will be given carry what was said.
    """

    kind: ClassVar[PluginKind] = PluginKind.SINK

    open: str | Callable[..., EventSink]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalsPlugin(_Addressed):
    """A channel that wakes other processes. ``open(url, clock) -> SignalChannel``."""

    kind: ClassVar[PluginKind] = PluginKind.SIGNALS

    open: str | Callable[..., SignalChannel]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorPlugin(_Configured):
    """Somewhere jobs run. ``open(config) -> Executor``."""

    kind: ClassVar[PluginKind] = PluginKind.EXECUTOR

    open: str | Callable[..., Executor]


@dataclass(frozen=True, kw_only=True, slots=True)
class CachePlugin(_Addressed):
    """A cache. ``open(url, clock) -> Cache``."""

    kind: ClassVar[PluginKind] = PluginKind.CACHE

    open: str | Callable[..., Cache]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactPlugin(_Addressed):
    """A store for files of jobs. ``open(url, clock) -> ArtifactStore``."""

    kind: ClassVar[PluginKind] = PluginKind.ARTIFACT

    open: str | Callable[..., ArtifactStore]


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandPlugin(Declaration):
    """A command of ``steer``. ``open() ->`` a ``typer.Typer``, or the function of one command."""

    kind: ClassVar[PluginKind] = PluginKind.COMMAND

    open: str | Callable[[], Any]
