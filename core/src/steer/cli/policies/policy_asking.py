"""A question to policy, and the policies that it is put to, as the command line names them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steer.cli.policies.policy_text import Sources
from steer.config import Settings
from steer.errors import ConfigError
from steer.plugins import POLICY_FILE_SUFFIX, PluginRegistry
from steer.policies import PolicyStack
from steer.policies.files import PolicyText, read_policy_file
from steer.policies.toml_cases import QuestionTable
from steer.ports.policy import AsyncPolicy, Policy, Question
from steer.values import JsonValue

__all__ = ["asked", "selected"]

# What a question is about, one of which it has to name.
_ASKED = frozenset({"tool", "model", "run", "data", "action"})


def asked(*, args: str | None, **given: Any) -> Question:
    """Return the question that the options make. Raises ``ConfigError``."""
    said = {name: value for name, value in given.items() if value is not None}
    if args is not None:
        said["args"] = _json(args)
    if not _ASKED & said.keys():
        raise ConfigError(
            "nothing is asked",
            fix="Say what: --tool NAME, --model NAME, --run AGENT, --data NAME or --action TYPE",
        )
    try:
        return QuestionTable(**said).question()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}"
        told = first["msg"].replace("Input should be", "it must be")
        raise ConfigError(f"{option} is {first['input']!r}; {told}") from error


def selected(
    files: Sequence[Path], names: Sequence[str], settings: Settings
) -> tuple[PolicyStack, Sources]:
    """Return the policies that were named, the configured ones where none was.

    Raises ``SteerError`` where one cannot be opened.
    """
    chosen = [str(file) for file in files] + list(names) or list(settings.policy)
    registry = PluginRegistry.discover()
    immediate: list[Policy] = []
    asynchronous: list[AsyncPolicy] = []
    texts: dict[str, PolicyText] = {}
    for number, name in enumerate(chosen):
        if number < len(files) or name.endswith(POLICY_FILE_SUFFIX):
            text = read_policy_file(name)
            texts[text.policy.ref] = text
            immediate.append(text.policy)
        else:
            opened = registry.open_policies([name], settings.policies)
            immediate += opened.immediate
            asynchronous += opened.asynchronous
    return PolicyStack(immediate, async_policies=asynchronous), Sources(files=texts)


def _json(text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"--args: this is not JSON: {error}", fix="""For example: --args '{"amount": 500}'"""
        ) from error
