"""Who claims which name, and the error of a name that cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from steer.errors import PluginError
from steer.naming import did_you_mean, fold
from steer.plugin import CONTRACT, Declaration, PluginKind
from steer.plugins._discovery import Failure, Origin, Provider
from steer.plugins._install import brought_by, install_hint

__all__ = ["Broken", "Claim", "claims_of", "contested", "refusal", "sole", "unknown"]

_WORDS: Mapping[PluginKind, str] = {kind: kind.value for kind in PluginKind} | {
    PluginKind.SIGNALS: "signal channel"
}
# What has such a name and is no plugin.
_ELSEWHERE: Mapping[PluginKind, str] = {
    PluginKind.POLICY: "Rules in a file are given by its path, as in --policy FILE.toml"
}


D_co = TypeVar("D_co", bound=Declaration, covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim(Generic[D_co]):
    """One declaration, who brought it, and why it cannot be used if it cannot."""

    declaration: D_co
    origin: Origin
    failure: Failure | None = None
    printed: str = ""

    @property
    def install_hint(self) -> str | None:
        """How to install what its ``open`` needs, where anything is known of that."""
        wanted = self.declaration.install or self.origin.distribution
        return install_hint(wanted) if wanted else None

    def rivals(self, other: Claim[Declaration]) -> bool:
        """Whether both want the same name, or the same scheme of URLs."""
        mine, theirs = self.declaration, other.declaration
        if mine.kind is not theirs.kind:
            return False
        schemes = set(getattr(mine, "schemes", ())) & set(getattr(theirs, "schemes", ()))
        return bool(schemes) or mine.name == theirs.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A module that broke before it declared anything."""

    origin: Origin
    failure: Failure
    printed: str


def claims_of(provider: Provider) -> tuple[Claim[Declaration], ...]:
    """Return what a provider declares, with what is wrong with each declaration."""
    return tuple(
        Claim(
            declaration=declaration,
            origin=provider.origin,
            failure=provider.failure or _misfit(declaration),
            printed=provider.printed,
        )
        for declaration in provider.declarations
    )


def sole(name: str, claims: Sequence[Claim[D_co]]) -> Claim[D_co] | None:
    """Return the only claim that can be used, ``None`` where nobody claims the name.

    What is broken takes no name from what works. Raises ``PluginError`` where all are broken, and
    where several work: none of them wins silently.
    """
    usable = [claim for claim in claims if claim.failure is None]
    if len(usable) == 1:
        return usable[0]
    if usable:
        raise contested(name, usable)
    refused = [(claim.origin, claim.failure) for claim in claims if claim.failure is not None]
    if refused:
        raise refusal(name, *refused[0])
    return None


def contested(name: str, claims: Sequence[Claim[Declaration]]) -> PluginError:
    """Return the error of a name, or a scheme, that several plugins have."""
    kind = _WORDS[claims[0].declaration.kind]
    owners = sorted(str(claim.origin) for claim in claims)
    if len(set(owners)) == 1:
        return PluginError(name, f"{owners[0]} declares it more than once, as a {kind}")
    shown = f"{', '.join(owners[:-1])} and {owners[-1]}"
    return PluginError(
        name, f"more than one {kind} has that name: {shown}", fix="Uninstall all but one"
    )


def refusal(name: str, origin: Origin, failure: Failure) -> PluginError:
    """Return the error to raise where something broken is selected, its cause chained."""
    error = PluginError(name, f"{origin} cannot be used: {failure.message}", fix=failure.fix)
    error.__cause__ = failure.cause
    return error


def unknown(
    kind: PluginKind, name: str, known: Sequence[str], broken: Sequence[Broken]
) -> PluginError:
    """Return the error for a name, or a scheme, that nothing usable or readable claims."""
    for suspect in broken:
        names = {suspect.origin.entry_point, suspect.origin.distribution or ""}
        if fold(name) in {fold(each).removeprefix("steer-") for each in names}:
            return refusal(name, suspect.origin, suspect.failure)
    word = _WORDS[kind]
    message = f"there is no such {word}"
    message += f"; there is {', '.join(known)}" if known else f", and no {word} is installed"
    if broken:
        origins = ", ".join(str(suspect.origin) for suspect in broken)
        message += f"; broken, so that what they bring is not known: {origins}"
    own = brought_by(kind, name)
    fix = install_hint(own) if own else did_you_mean(name, known)
    return PluginError(name, message, fix=fix or _ELSEWHERE.get(kind))


def _misfit(declaration: Declaration) -> Failure | None:
    if declaration.contract == CONTRACT:
        return None
    newer = declaration.contract > CONTRACT
    return Failure(
        message=(
            f"it is written for contract {declaration.contract}, and this steer has {CONTRACT}"
        ),
        fix="Use a newer steer" if newer else "Use a newer version of the plugin",
    )
