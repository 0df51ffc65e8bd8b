"""Policy sets as TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from steer.errors import ConfigError
from steer.policies.sets import PolicySet
from steer.policies.toml_problems import Problem, TomlDocument, problems_of
from steer.policies.toml_tables import PolicyFile, about_unknown_key
from steer.ports.policy import Outcome

__all__ = ["load_policy_file", "parse_policy"]


def load_policy_file(path: str | Path) -> PolicySet:
    """Read a policy set from a TOML file, named after the file where it gives no name.

    Raises ``ConfigError`` with file, line and key for what is not well formed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"the policy file {path} cannot be read: {error.strerror or error}",
            fix="Give the path of a TOML file",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the policy file {path} is not UTF-8 (byte {error.start})") from error
    return parse_policy(text, source=str(path), name=path.stem)


def parse_policy(text: str, *, source: str = "policy", name: str = "policy") -> PolicySet:
    """Read a policy set from TOML text; ``source`` is what errors call it.

    ``name`` is the set's name where the text gives none. Raises ``ConfigError``.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}") from error
    document = TomlDocument(source=source, text=text, data=data)
    try:
        file = PolicyFile.model_validate(data)
    except ValidationError as error:
        raise document.refused(problems_of(error, about_unknown_key=about_unknown_key)) from error
    try:
        return PolicySet(
            name=file.name or name,
            version=file.version,
            rules=file.rules(),
            default=Outcome(file.default),
            redaction=None if file.redaction is None else file.redaction.redaction(),
        )
    except ConfigError as error:
        raise document.refused([Problem(place=(), what=str(error))]) from error
