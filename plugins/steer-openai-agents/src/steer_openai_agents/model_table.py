"""Which models take what: OpenAI's documentation as a table, which users extend.

A row says only what is known to differ; a model that no row fits takes everything that its
interface has. Rows are laid over each other in order, so that a later one decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

__all__ = ["MODELS", "Interface", "ModelRow", "ModelTakes", "Taken", "taken"]

Interface: TypeAlias = Literal["responses", "chat_completions"]
Sampling: TypeAlias = bool | Literal["without_reasoning"]


class ModelTakes(BaseModel):
    """What models take of a request; what is not said stays as the rows before it say.

    ``temperature`` and ``top_p`` may be ``without_reasoning``: taken only at the effort ``none``.
    ``reasoning_effort`` lists the efforts that may be asked for, ``files`` the media types of
    documents; ``true`` stands for all, ``false`` for none. ``max_completion_tokens`` says that
    Chat takes the bound of an answer by this name and not as ``max_tokens``. ``output_schema`` is
    structured output. A ``seed`` on Responses is sent in the body as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: Sampling | None = None
    top_p: Sampling | None = None
    max_output_tokens: bool | None = None
    max_completion_tokens: bool | None = None
    seed: bool | None = None
    reasoning_effort: bool | tuple[str, ...] | None = None
    parallel_tool_calls: bool | None = None
    output_schema: bool | None = None
    images: bool | None = None
    files: bool | tuple[str, ...] | None = None


class ModelRow(ModelTakes):
    """A row of the table; ``responses`` and ``chat_completions`` hold for one interface only."""

    responses: ModelTakes | None = None
    chat_completions: ModelTakes | None = None


class Taken(ModelTakes):
    """What one model takes through one interface, with every question answered."""

    temperature: Sampling = True
    top_p: Sampling = True
    max_output_tokens: bool = True
    max_completion_tokens: bool = False
    seed: bool = True
    reasoning_effort: bool | tuple[str, ...] = True
    parallel_tool_calls: bool = True
    output_schema: bool = True
    images: bool = True
    files: bool | tuple[str, ...] = True


_NO_SAMPLING = {"temperature": False, "top_p": False}
_SAMPLING_WITHOUT_REASONING = {
    "temperature": "without_reasoning",
    "top_p": "without_reasoning",
}

# From https://developers.openai.com/api/docs: the API reference of Responses and Chat, the guides
# "Reasoning models", "Using the latest model" (parameter compatibility), "File inputs" and
# "Structured outputs", and each model's page. Efforts that are not documented are not listed.
MODELS: Mapping[str, ModelRow] = {
    glob: ModelRow.model_validate(row)
    for glob, row in {
        "*": {
            # Responses has no such parameter, and Chat's files are PDFs.
            "responses": {"seed": False},
            "chat_completions": {"files": ["application/pdf"]},
        },
        "gpt-3.5*": {
            "reasoning_effort": False,
            "output_schema": False,
            "images": False,
            "files": False,
        },
        "gpt-4*": {"reasoning_effort": False},
        "gpt-4": {"output_schema": False, "images": False, "files": False},
        "gpt-4-*": {"output_schema": False},
        "gpt-4-0*": {"images": False, "files": False},
        "gpt-4o-2024-05-13": {"output_schema": False},
        "o[134]*": {
            **_NO_SAMPLING,
            "max_completion_tokens": True,
            "reasoning_effort": ["low", "medium", "high"],
            "parallel_tool_calls": False,
        },
        "o3-mini*": {"images": False, "files": False},
        "gpt-5*": {
            **_NO_SAMPLING,
            "max_completion_tokens": True,
            "reasoning_effort": ["minimal", "low", "medium", "high"],
        },
        "gpt-5-pro*": {"reasoning_effort": ["high"]},
        "gpt-5-codex*": {"reasoning_effort": ["low", "medium", "high"]},
        "gpt-5-chat*": {"temperature": True, "top_p": True, "reasoning_effort": False},
        "gpt-5.*": {**_SAMPLING_WITHOUT_REASONING, "reasoning_effort": True},
        "gpt-5.*-chat*": {"reasoning_effort": False},
        "gpt-5.1": {"reasoning_effort": ["none", "low", "medium", "high"]},
        "gpt-5.1-20*": {"reasoning_effort": ["none", "low", "medium", "high"]},
        "gpt-5.2": {"reasoning_effort": ["none", "low", "medium", "high", "xhigh"]},
        "gpt-5.2-20*": {"reasoning_effort": ["none", "low", "medium", "high", "xhigh"]},
        "gpt-5.2-pro*": {"reasoning_effort": ["medium", "high", "xhigh"]},
    }.items()
}


def taken(
    model: str,
    interface: Interface | None,
    own: Mapping[str, ModelRow],
    *,
    opaque: bool = False,
) -> Taken:
    """Return what a model takes, by OpenAI's table and then by the user's ``own``.

    ``interface`` is ``None`` where the model is asked through neither of OpenAI's; the rows for
    one of them do not count then. An ``opaque`` model is an object of the author's of which
    nobody knows what becomes of a seed. The prefix ``ft:`` of a fine-tuned model does not count.
    """
    name = model.removeprefix("ft:").casefold()
    said: dict[str, object] = {"seed": False} if opaque else {}
    for glob, row in (*MODELS.items(), *own.items()):
        if fnmatchcase(name, glob.casefold()):
            for part in (row, interface and getattr(row, interface)):
                if part:
                    said |= part.model_dump(
                        exclude_none=True, exclude={"responses", "chat_completions"}
                    )
    if interface != "chat_completions":
        said.pop("max_completion_tokens", None)
    return Taken.model_validate(said)
