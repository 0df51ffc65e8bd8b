"""What there is to say of each plugin: the rows of ``steer plugins``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import importlib_metadata

from steer.capabilities import Capabilities, PolicyCapabilities, StorageCapabilities
from steer.errors import PluginError
from steer.plugin import Declaration, PluginKind, PolicyPlugin, RuntimePlugin, StoragePlugin
from steer.plugins._claims import Broken, Claim, contested, refusal

__all__ = ["PluginReport", "PluginState", "Requirement", "report_of", "report_of_broken"]


class PluginState(StrEnum):
    """Whether selecting a plugin would work."""

    OK = "ok"
    MISSING_VENDOR = "missing vendor"
    CONFLICT = "conflict"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """A distribution that a plugin needs; ``version`` is ``None`` where it is not installed."""

    name: str
    version: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginReport:
    """One plugin, found and looked at; nothing of it or of its vendor was opened.

    ``kind`` and ``contract`` are ``None`` where a module broke before it could declare anything;
    ``name`` is then that of its entry point. ``distribution`` is ``None`` for what the
    application registered itself. ``error`` is the text that selecting the plugin would raise.
    ``printed`` is what its module wrote to the standard streams while it was loaded.
    """

    name: str
    kind: PluginKind | None
    distribution: str | None
    version: str | None
    contract: int | None
    state: PluginState
    summary: str = ""
    error: str | None = None
    capabilities: Capabilities | StorageCapabilities | PolicyCapabilities | None = None
    requires: tuple[Requirement, ...] = ()
    printed: str = ""


def report_of(
    claim: Claim[Declaration], usable_rivals: Sequence[Claim[Declaration]]
) -> PluginReport:
    """Report one declaration; the rivals that can be used include the claim itself."""
    plugin = claim.declaration
    requires = tuple(Requirement(name=name, version=_version(name)) for name in plugin.requires)
    state, error = PluginState.OK, None
    if claim.failure is not None:
        state = PluginState.BROKEN
        error = str(refusal(plugin.name, claim.origin, claim.failure))
    elif len(usable_rivals) > 1:
        state = PluginState.CONFLICT
        error = str(contested(plugin.name, usable_rivals))
    elif missing := [each.name for each in requires if each.version is None]:
        state = PluginState.MISSING_VENDOR
        error = str(
            PluginError(
                plugin.name, f"{', '.join(missing)} is not installed", fix=claim.install_hint
            )
        )
    return PluginReport(
        name=plugin.name,
        kind=plugin.kind,
        distribution=claim.origin.distribution,
        version=claim.origin.version,
        contract=plugin.contract,
        state=state,
        summary=plugin.summary,
        error=error,
        capabilities=(
            plugin.capabilities
            if isinstance(plugin, RuntimePlugin | StoragePlugin | PolicyPlugin)
            else None
        ),
        requires=requires,
        printed=claim.printed,
    )


def report_of_broken(broken: Broken) -> PluginReport:
    """Report a module that broke before it declared anything."""
    origin = broken.origin
    return PluginReport(
        name=origin.entry_point,
        kind=None,
        distribution=origin.distribution,
        version=origin.version,
        contract=None,
        state=PluginState.BROKEN,
        error=str(refusal(origin.entry_point, origin, broken.failure)),
        printed=broken.printed,
    )


def _version(name: str) -> str | None:
    try:
        return importlib_metadata.version(name)
    except importlib_metadata.PackageNotFoundError:
        return None
