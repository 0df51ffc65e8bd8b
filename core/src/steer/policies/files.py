"""Policy sets as TOML files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from steer.errors import ConfigError
from steer.policies.constraints import Constraints
from steer.policies.sets import PolicySet
from steer.policies.toml_cases import CasesFile, CaseTable
from steer.policies.toml_file import PolicyFile, about_unknown_key
from steer.policies.toml_places import Place
from steer.policies.toml_problems import Problem, TomlDocument, problems_of
from steer.ports.policy import Outcome

__all__ = [
    "CASES_SUFFIX",
    "Case",
    "PolicyText",
    "cases_beside",
    "load_policy_file",
    "parse_policy",
    "policy_text",
    "read_policy_file",
]

CASES_SUFFIX = ".tests.toml"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A question with the answer it has to get, and where it stands."""

    table: CaseTable
    source: str
    line: int | None


@dataclass(frozen=True, kw_only=True)
class PolicyText:
    """What a policy file says, with the places it says it at."""

    policy: PolicySet
    document: TomlDocument
    places: Sequence[Place]
    tables: Sequence[CaseTable]

    def line_of(self, rule: int) -> int | None:
        """Return the line of a rule, by its number in the set."""
        return _line(self.document, self.places[rule])

    def cases(self) -> list[Case]:
        """Return the cases that stand beside the rules."""
        return _cases(self.document, self.tables)


def load_policy_file(path: str | Path) -> PolicySet:
    """Read a policy set from a TOML file, named after the file where it gives no name.

    Raises ``ConfigError`` with file, line, column and key for what is not well formed.
    """
    return read_policy_file(path).policy


def parse_policy(text: str, *, source: str = "policy", name: str = "policy") -> PolicySet:
    """Read a policy set from TOML text; ``source`` is what errors call it.

    ``name`` is the set's name where the text gives none. Raises ``ConfigError``.
    """
    return policy_text(text, source=source, name=name).policy


def read_policy_file(path: str | Path) -> PolicyText:
    """Read a file with the places of its rules and with its cases. Raises ``ConfigError``."""
    path = Path(path)
    return policy_text(_text(path), source=str(path), name=path.stem)


def policy_text(text: str, *, source: str, name: str) -> PolicyText:
    """Read TOML text as ``parse_policy`` does, with the places of its rules and its cases."""
    document = TomlDocument.read(text, source=source)
    file = _validated(PolicyFile, document)
    bounds = file.constraints
    try:
        policy = PolicySet(
            name=file.name or name,
            version=file.version or "",
            rules=file.rules(),
            default=Outcome(file.default),
            constraints=Constraints() if bounds is None else bounds.constraints(),
            redaction=None if file.redaction is None else file.redaction.redaction(),
        )
    except ConfigError as error:
        raise document.refused([Problem(place=(), what=str(error))]) from error
    return PolicyText(policy=policy, document=document, places=file.places(), tables=file.tests)


def cases_beside(path: str | Path) -> list[Case]:
    """Read the cases of ``NAME.tests.toml`` beside ``NAME.toml``, where there is one.

    Raises ``ConfigError``.
    """
    beside = Path(path).with_suffix(CASES_SUFFIX)
    if not beside.exists():
        return []
    document = TomlDocument.read(_text(beside), source=str(beside))
    return _cases(document, _validated(CasesFile, document).tests)


def _cases(document: TomlDocument, tables: Sequence[CaseTable]) -> list[Case]:
    return [
        Case(table=table, source=document.source, line=_line(document, ("tests", number)))
        for number, table in enumerate(tables)
    ]


def _line(document: TomlDocument, place: Place) -> int | None:
    position = document.position_of(place)
    return None if position is None else position.line


def _validated(model: type[M], document: TomlDocument) -> M:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = problems_of(error, about_unknown_key=about_unknown_key)
        raise document.refused(problems) from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"the policy file {path} cannot be read: {error.strerror or error}",
            fix="Give the path of a TOML file",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the policy file {path} is not UTF-8 (byte {error.start})") from error
