"""The policies that runs can be put under, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import one_line
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.context import PolicyRef
from steer.errors import SteerError
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry
from steer.policies import PolicySet
from steer.ports.policy import AsyncPolicy, Policy

__all__ = ["ListedPolicy", "listed", "listing_text"]

_HEAD = ("POLICY", "HOLDS", "FROM", "RULES", "DEFAULT")
_POLICY_FILE = "policy-file"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPolicy:
    """One policy: ``holds`` for every run that selects nothing else, or only where selected.

    ``source`` is a file or the name of a plugin; ``error`` says why it cannot be opened.
    """

    policy: str | None
    holds: bool
    source: str
    rules: int | None = None
    default: str | None = None
    error: str | None = None


def listed(settings: Settings) -> list[ListedPolicy]:
    """Return the policies of plugins, and the files that the configuration names."""
    registry = PluginRegistry.discover()
    plugins = [name for name in registry.names(PluginKind.POLICY) if name != _POLICY_FILE]
    if _POLICY_FILE in settings.policies:
        plugins.append(_POLICY_FILE)
    names = dict.fromkeys([*settings.policy, *settings.selectable_policy, *plugins])
    return [each for name in names for each in _opened(name, registry, settings)]


def _opened(name: str, registry: PluginRegistry, settings: Settings) -> Iterator[ListedPolicy]:
    holds = name in settings.policy
    try:
        opened = registry.open_policies([name], settings.policies)
    except SteerError as error:
        yield ListedPolicy(policy=None, holds=holds, source=name, error=str(error))
        return
    policies: tuple[Policy | AsyncPolicy, ...] = (*opened.immediate, *opened.asynchronous)
    for policy in policies:
        rules = policy if isinstance(policy, PolicySet) else None
        yield ListedPolicy(
            policy=str(PolicyRef(name=policy.name, version=policy.version)),
            holds=holds,
            source=name,
            rules=None if rules is None else len(rules.rules),
            default=None if rules is None else rules.default,
        )


def listing_text(policies: list[ListedPolicy], paint: Paint) -> str:
    """Return the table, and below it what is wrong."""
    rows = [
        (
            each.policy or "?",
            "always" if each.holds else "where selected",
            each.source,
            "-" if each.rules is None else str(each.rules),
            each.default or "-",
        )
        for each in policies
    ]
    problems = "".join(
        f"\n{paint('error', one_line(each.error))}\n" for each in policies if each.error is not None
    )
    return in_columns(rows, head=_HEAD, paint=paint) + problems
