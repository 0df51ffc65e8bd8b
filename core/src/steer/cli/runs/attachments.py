"""Files that go to the model with a prompt: images, documents and text."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from steer.cli.terminal.printable import shortened
from steer.errors import ConfigError
from steer.values import FilePart, ImagePart, Part, TextPart

__all__ = ["MAX_BYTES", "read_files"]

MAX_BYTES = 20 * 1024 * 1024
"""What the files of one run may have together: they are kept with the job, and in base64 sent to a
provider, which takes some tens of megabytes."""

# What a file begins with decides, because names are often wrong: the types that models see.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
# Packed documents all begin alike, so the name decides.
_ZIP = b"PK\x03\x04"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_PACKED = {
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
}
_KNOWN = "PNG, JPEG, GIF and WebP images, PDF, DOCX, PPTX, XLSX and ODT documents, and UTF-8 text"
_NAMED = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", *_PACKED})


def read_files(paths: Sequence[Path] | None) -> tuple[Part, ...]:
    """Return files as parts of a message, in their order.

    Images and documents go as such. Text goes as text, under the file's name, because every model
    reads that. Raises ``ConfigError`` for a file that cannot be read, is empty, is too large
    with those before it, or is nothing that a model reads.
    """
    parts: list[Part] = []
    left = MAX_BYTES
    for path in paths or ():
        content = _read(path, left)
        left -= len(content)
        parts.append(_part(path, content))
    return tuple(parts)


def _read(path: Path, left: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(left + 1)
    except OSError as error:
        raise ConfigError(f"the file {_shown(path)} cannot be read: {error.strerror}") from error
    if not content:
        raise ConfigError(f"the file {_shown(path)} is empty")
    if len(content) > left:
        raise ConfigError(
            f"the file {_shown(path)} is too large: the files of a run may have "
            f"{MAX_BYTES // 2**20} MiB together",
            fix="Give the model a tool that reads it, or a smaller part of it",
        )
    return content


def _part(path: Path, content: bytes) -> Part:
    name = path.name.encode(errors="surrogateescape").decode(errors="replace")
    media_type = _media_type(path.suffix.casefold(), content)
    encoded = base64.b64encode(content).decode()
    if media_type is None:
        if path.suffix.casefold() in _NAMED:
            raise ConfigError(f"the file {_shown(path)} is not what its name says")
        return TextPart(text=f'<file name="{name}">\n{_text(path, content)}\n</file>')
    if media_type.startswith("image/"):
        return ImagePart(url=f"data:{media_type};base64,{encoded}")
    return FilePart(data=encoded, media_type=media_type, name=name)


def _media_type(suffix: str, content: bytes) -> str | None:
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(_ZIP):
        return _PACKED.get(suffix)
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)


def _text(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ConfigError(
            f"the file {_shown(path)} is nothing that a model reads",
            fix=f"These can be sent: {_KNOWN}",
        )
    return text.rstrip("\n")


def _shown(path: Path) -> str:
    return shortened(str(path), 200)
