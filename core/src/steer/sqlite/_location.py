"""Where the file is, and that it can be read by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from steer.errors import ConfigError, StorageError

__all__ = ["path_from_url", "prepare_file"]

_SCHEME = "sqlite:///"


def path_from_url(url: str) -> Path:
    """Return the path that ``sqlite:///relative`` or ``sqlite:////absolute`` names.

    Percent-escapes are decoded, spaces and other letters may also stand as they are, ``~`` is the
    home folder. Raises ``ConfigError`` for anything else, options after a ``?`` included.
    """
    fix = "Write sqlite:///folder/file.db, or sqlite:////folder/file.db for an absolute path"
    if not url[: len(_SCHEME)].lower() == _SCHEME:
        raise ConfigError(f"{url!r} is not a URL of a SQLite file", fix=fix)
    quoted = url[len(_SCHEME) :]
    if "?" in quoted:
        raise ConfigError(
            f"{url!r}: a SQLite storage takes no options", fix="Write a ? of the name as %3F"
        )
    name = unquote(quoted)
    if not name or "\0" in name:
        raise ConfigError(f"{url!r} names no file", fix=fix)
    if name == ":memory:":
        raise ConfigError(
            f"{url!r}: a SQLite storage is a file", fix="Use memory:// for one that is not kept"
        )
    return Path(name).expanduser()


def prepare_file(path: Path) -> Path:
    """Return the absolute path, with folder (0700) and file (0600) made where they are missing.

    The modes are for what is made here only; SQLite gives its side files the mode of the file.
    Raises ``StorageError`` where that cannot be.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute would keep ".." parts
    try:
        # Not by mkdir(parents=True): that leaves the mode of all but the last to the umask.
        for folder in reversed([parent for parent in file.parents if not parent.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
        if file.is_dir():
            raise StorageError(f"sqlite: {file} is a folder", fix="Name a file inside it")
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StorageError(
            f"sqlite: {file} cannot be opened: {error.strerror}",
            fix="Name a file that this user may write, in a folder that this user may write",
        ) from error
    return file
