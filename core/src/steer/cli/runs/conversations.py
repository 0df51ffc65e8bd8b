"""What a run is asked: a prompt with files, after a conversation that a file holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from steer.cli.inputs import read_prompt
from steer.cli.runs.attachments import read_files
from steer.errors import ConfigError
from steer.values import Message, Part, Role, TextPart

__all__ = ["read_input"]


def _as_list(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """A message as a file has it; a text alone stands for a part with that text."""

    role: Role
    content: Annotated[
        tuple[Annotated[Part, Field(discriminator="type")], ...], BeforeValidator(_as_list)
    ]


def read_input(
    prompt: str | None, *, files: Sequence[Path] | None, conversation: Path | None
) -> tuple[Message, ...]:
    """Return the messages of a run, the newest last.

    The prompt and the files are one message of the user. A conversation needs no prompt: it may
    end with what the user says. So standard input is read after one only where ``-`` asks for it:
    what a program was started by may hold it open for ever, or for others. Raises ``ConfigError``.
    """
    earlier = () if conversation is None else _read_conversation(conversation)
    if earlier and prompt is None and not files:
        return earlier
    if earlier and prompt is None:
        raise ConfigError(
            "--file needs a prompt that it goes with", fix="Give one, or - for a pipe"
        )
    said = TextPart(text=read_prompt(prompt))
    return (*earlier, Message(role=Role.USER, content=(said, *read_files(files))))


def _read_conversation(path: Path) -> tuple[Message, ...]:
    try:
        written = _adapter().validate_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise ConfigError(f"the messages {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        match first["loc"]:
            case (int(number), *rest):
                where = f", message {number + 1}: " + "".join(f"{name}: " for name in rest)
            case _:
                where = ": "
        raise ConfigError(
            f"the messages {path}{where}{first['msg']}",
            fix='It holds a list such as [{"role": "user", "content": "Hello"}]',
        ) from error
    if not written:
        raise ConfigError(f"the messages {path} are none")
    return tuple(Message(role=each.role, content=each.content) for each in written)


def _adapter() -> TypeAdapter[tuple[_Written, ...]]:
    return TypeAdapter(tuple[_Written, ...], config=ConfigDict(extra="forbid"))
