"""Policies for the conformance suite: what the policies of core declare as ``testing``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from steer.ports.policy import Outcome
from steer.values import JsonValue

__all__ = ["sample_author_declared", "sample_policy_file"]


def sample_author_declared(
    folder: Path,  # noqa: ARG001 - the suite gives one to every policy
    rules: Sequence[tuple[str, Outcome]],  # noqa: ARG001 - it takes none
) -> dict[str, JsonValue]:
    """Configure nothing: it goes by what agents declare."""
    return {}


def sample_policy_file(folder: Path, rules: Sequence[tuple[str, Outcome]]) -> dict[str, JsonValue]:
    """Write these rules into a file."""
    # A JSON string is a TOML string as well.
    tables = [f"[[tools]]\n{outcome} = {json.dumps(tool)}\n" for tool, outcome in rules]
    file = folder / "rules.toml"
    file.write_text('name = "sample"\n\n' + "\n".join(tables), encoding="utf-8")
    return {"path": str(file)}
