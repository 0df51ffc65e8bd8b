"""The ways in which a run can be shown."""

from __future__ import annotations

from enum import StrEnum

from steer.errors import ConfigError

__all__ = ["RunForm", "run_form"]


class RunForm(StrEnum):
    """How a run is shown: told as it goes, as events in JSON, or as its answer alone."""

    STORY = "story"
    JSON = "json"
    ANSWER = "answer"


def run_form(*, as_json: bool, quiet: bool) -> RunForm:
    """Return what the flags ask for. Raises ``ConfigError`` for two ways at once."""
    if as_json and quiet:
        raise ConfigError("--json and --quiet exclude each other", fix="Leave one out")
    if as_json:
        return RunForm.JSON
    return RunForm.ANSWER if quiet else RunForm.STORY
