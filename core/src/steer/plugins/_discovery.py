"""Finding plugins and hearing what they declare, each on its own.

Every plugin gets a pluggy manager to itself, which is dropped once its hooks have answered: so
no wrapper, ordering or failure of one plugin reaches another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import importlib_metadata
import pluggy

from steer.errors import SteerError
from steer.hookspecs import RETURNS, HookSpecs
from steer.naming import did_you_mean, fold
from steer.plugin import ENTRY_POINT_GROUP, Declaration
from steer.plugins._door import shown
from steer.plugins._prints import caught_prints

__all__ = ["Failure", "Origin", "Provider", "discover", "heard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Who brought a plugin: a distribution, or the application itself."""

    entry_point: str
    distribution: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        if self.distribution is None:
            return f"{self.entry_point} (registered by this application)"
        return f"{self.distribution} {self.version}" if self.version else self.distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why something cannot be used, with the exception behind it."""

    message: str
    fix: str | None = None
    cause: BaseException | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """What one entry point came to.

    ``failure`` spoils all that it declares: an entry point is good as a whole or not at all.
    ``printed`` is what it wrote to the standard streams meanwhile.
    """

    origin: Origin
    plugin: object = None
    declarations: tuple[Declaration, ...] = ()
    failure: Failure | None = None
    printed: str = ""


def discover() -> Iterator[Provider]:
    """Load every plugin that is installed. Never raises for what a plugin is or does."""
    seen: set[str] = set()
    for distribution in importlib_metadata.distributions():
        try:
            entry_points = distribution.entry_points.select(group=ENTRY_POINT_GROUP)
            if not entry_points:
                continue
            name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        except Exception as error:
            # Most damaged distributions have nothing to do with steer.
            if f"[{ENTRY_POINT_GROUP}]" in (distribution.read_text("entry_points.txt") or ""):
                yield _unreadable(distribution.locate_file(""), error)
            continue
        # Of two copies of a distribution Python imports the one that is found first.
        if fold(name) not in seen:
            seen.add(fold(name))
            for entry_point in entry_points:
                origin = Origin(entry_point=entry_point.name, distribution=name, version=version)
                yield _provider(origin, entry_point.load)


def heard(plugin: object, name: str) -> Provider:
    """Return what an object with hooks declares. Never raises for what it does."""
    return _provider(Origin(entry_point=name), lambda: plugin)


def _provider(origin: Origin, load: Callable[[], object]) -> Provider:
    plugin: object = None
    declarations: list[Declaration] = []
    failures: list[Failure] = []
    with caught_prints() as prints:
        try:
            plugin = load()
            _ask(plugin, origin.entry_point, declarations, failures)
        except (Exception, SystemExit) as error:
            failures.append(_failure("could not be loaded", error))
    return Provider(
        origin=origin,
        plugin=plugin,
        declarations=tuple(declarations),
        failure=failures[0] if failures else None,
        printed=prints.text,
    )


def _ask(
    plugin: object, name: str, declarations: list[Declaration], failures: list[Failure]
) -> None:
    manager = pluggy.PluginManager("steer")
    manager.add_hookspecs(HookSpecs)
    manager.register(plugin, name)
    hooks = manager.get_hookcallers(plugin) or []
    if not hooks:
        failures.append(
            Failure(
                message="it has no hook of steer",
                fix="Mark its functions with the hookimpl of steer.plugin",
            )
        )
    for hook in hooks:
        if hook.has_spec():
            try:
                # One result for each function: a module may give a hook more than one.
                for answer in hook():
                    declarations.extend(_checked(hook.name, answer))
            except (Exception, SystemExit) as error:
                failures.append(_failure(f"its hook {hook.name} failed", error))
        elif not all(implementation.optionalhook for implementation in hook.get_hookimpls()):
            failures.append(
                Failure(
                    message=f"steer has no hook {hook.name!r}", fix=did_you_mean(hook.name, RETURNS)
                )
            )


def _checked(hook: str, answer: object) -> Iterator[Declaration]:
    kind = RETURNS[hook]
    if not isinstance(answer, Iterable):
        raise TypeError(f"it returned {_article(answer)}, not a list of {kind.__name__}")
    for declaration in answer:
        if not isinstance(declaration, kind):
            raise TypeError(f"it returned {_article(declaration)} among its {kind.__name__}s")
        yield declaration


def _failure(what: str, error: BaseException) -> Failure:
    # A plugin's own error, from a declaration that cannot be, already says it all.
    text = str(error) if isinstance(error, SteerError) else shown(error)
    return Failure(message=f"{what}: {text}", cause=error)


def _unreadable(folder: object, error: Exception) -> Provider:
    return Provider(
        origin=Origin(entry_point="?", distribution=f"a distribution in {folder}"),
        failure=_failure("its metadata cannot be read", error),
    )


def _article(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
