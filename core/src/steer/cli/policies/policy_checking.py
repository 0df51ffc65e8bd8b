"""What is wrong with a policy file, or what is in it where nothing is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import one_line
from steer.errors import ConfigError
from steer.policies.files import Case, PolicyText, cases_beside, read_policy_file
from steer.policies.toml_problems import Mistake, MistakenFile
from steer.values import JsonValue

__all__ = ["CheckedFile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFile:
    """A file that was read; it is no use where there are ``mistakes``."""

    path: Path
    text: PolicyText | None = None
    cases: tuple[Case, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    @classmethod
    def of(cls, path: Path) -> CheckedFile:
        """Read a policy file, and the cases beside it."""
        text: PolicyText | None = None
        cases: list[Case] = []
        mistakes: list[Mistake] = []
        try:
            text = read_policy_file(path)
            cases += text.cases()
        except ConfigError as error:
            mistakes += _mistakes(error, path)
        try:
            cases += cases_beside(path)
        except ConfigError as error:
            mistakes += _mistakes(error, path)
        return cls(path=path, text=text, cases=tuple(cases), mistakes=tuple(mistakes))

    def as_text(self, paint: Paint) -> str:
        """Return a line about the file, or one for each mistake, as compilers write them."""
        if self.text is None or self.mistakes:
            return "".join(_mistake_text(mistake, paint) for mistake in self.mistakes)
        policy = self.text.policy
        facts = [
            _counted(len(policy.rules), "rule"),
            f"default {policy.default}",
            _counted(len(self.cases), "case"),
        ]
        return f"{self.path}: {paint('succeeded', policy.ref)}, {', '.join(facts)}\n"

    def as_json(self) -> dict[str, JsonValue]:
        """Return the same for programs."""
        policy = None if self.text is None else self.text.policy
        return {
            "file": str(self.path),
            "policy": policy and policy.name,
            "version": policy and policy.version,
            "default": policy and policy.default,
            "rules": None if policy is None else len(policy.rules),
            "cases": len(self.cases),
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def _mistakes(error: ConfigError, path: Path) -> tuple[Mistake, ...]:
    if isinstance(error, MistakenFile):
        return error.mistakes
    return (Mistake(source=str(path), what=str(error)),)


def _mistake_text(mistake: Mistake, paint: Paint) -> str:
    where = mistake.source
    if mistake.line is not None:
        where += f":{mistake.line}:{mistake.column}"
    key = f"{mistake.key}: " if mistake.key else ""
    return f"{paint('strong', where)}: {paint('error', one_line(key + mistake.what))}\n"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
