"""Tokens as the CLI tells them, and what of them its messages leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from steer.values import Usage

from steer_claude_code.models.recording import usage_in

__all__ = ["Seen", "Tally", "counted_usage", "reported_usage"]


def reported_usage(raw: Mapping[str, Any], *, estimated: bool = False) -> Usage:
    """Return the usage of one message, from the API's own form."""
    return replace(usage_in({"usage": raw}) or Usage(requests=1), estimated=estimated)


def counted_usage(raw: Mapping[str, Any]) -> Usage:
    """Return what the CLI has counted for one model since its session began."""
    cached, written = _count(raw, "cacheReadInputTokens"), _count(raw, "cacheCreationInputTokens")
    return Usage(
        input_tokens=_count(raw, "inputTokens") + cached + written,
        output_tokens=_count(raw, "outputTokens"),
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=_count(raw, "thinkingTokens"),
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was booked of one message of ``model``, and the ``least`` that it has used.

    ``lost``: it broke off and was withdrawn. ``unreported``: it came to its end, and nobody said
    how much output that was.
    """

    model: str
    booked: Usage
    least: Usage
    lost: bool = False
    unreported: bool = False


@dataclass(slots=True)
class Tally:
    """What was booked of a session, to be held against what the CLI says it has counted.

    The CLI counts messages by the model it asked, which may be an alias of the one that answered.
    It counts some of the messages that broke off and leaves out others; which, nobody says.
    """

    _seen: list[Seen] = field(default_factory=list)
    _found: dict[str, Usage] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        """Note a message."""
        self._seen.append(seen)

    def clear(self) -> None:
        """Begin anew, as the CLI does with a new conversation."""
        self._seen.clear()
        self._found.clear()

    def missing(self, counted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Usage]]:
        """Yield by model what the CLI has counted beyond what was noted; each token only once.

        ``counted`` is ``ResultMessage.model_usage``.
        """
        totals = {name: counted_usage(raw) for name, raw in counted.items()}
        if not totals:
            return
        names = {seen.model: _counted_as(seen.model, counted) for seen in self._seen}
        if None in names.values():
            # A name that fits to none: only the sums can be compared.
            most = max(totals, key=lambda name: totals[name].total_tokens)
            totals = {most: sum(totals.values(), Usage())}
            names = dict.fromkeys(names, most)
        for name, total in totals.items():
            known = self._known([seen for seen in self._seen if names[seen.model] == name], total)
            lacking = _beyond(total, known + self._found.get(name, Usage()))
            if lacking != Usage():
                self._found[name] = self._found.get(name, Usage()) + lacking
                yield name, lacking

    def _known(self, messages: list[Seen], total: Usage) -> Usage:
        # A guess must not stand for what others have used.
        exact = any(seen.unreported for seen in messages)
        known = Usage()
        for seen in sorted(messages, key=lambda seen: seen.lost):
            usage = seen.least if exact else seen.booked
            # The input of a message is known when it begins: so it shows which were left out.
            if not seen.lost or known.input_tokens + usage.input_tokens <= total.input_tokens:
                known += usage
        return known


def _beyond(total: Usage, known: Usage) -> Usage:
    """Return what is in ``total`` and not in ``known``, each kind of token by itself."""
    return Usage(**{name: max(0, getattr(total, name) - getattr(known, name)) for name in _FIELDS})


_FIELDS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


def _counted_as(model: str, counted: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return under which name the CLI counts a model that answered."""
    if model in counted:
        return model
    for name, raw in counted.items():
        canonical = raw.get("canonicalModel")
        for known in (name, canonical):
            # What answers adds a date to the name that was asked for.
            if isinstance(known, str) and model.startswith(f"{known}-"):
                return name
    return None
