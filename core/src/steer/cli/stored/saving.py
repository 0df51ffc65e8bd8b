"""Files that appear whole or not at all, and never in the place of another by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from steer.errors import ConfigError

__all__ = ["saved"]


@contextmanager
def saved(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Give a file to write to, which gets its name when the ``with`` ends well.

    Raises ``ConfigError`` for a folder, in no folder, and for a file that is there unless ``force``
    replaces it.
    """
    _check_free(path, force=force)
    # Beside it, since only within one file system does a file get its name at once.
    with NamedTemporaryFile(dir=path.parent, prefix=".steer-", delete=False) as beside:
        written = Path(beside.name)
        try:
            yield beside
            beside.flush()
            if force:
                written.replace(path)
            else:
                # Unlike a rename, this fails where somebody made the file meanwhile.
                os.link(written, path)
        except FileExistsError as error:
            raise _is_there(path) from error
        finally:
            with suppress(FileNotFoundError):
                written.unlink()


def _check_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise ConfigError(f"{str(path)!r} is a folder", fix="Name the file to save it in")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {str(path.parent)!r}", fix="Make it first")
    if os.path.lexists(path) and not force:
        raise _is_there(path)


def _is_there(path: Path) -> ConfigError:
    return ConfigError(f"{str(path)!r} is there already", fix="--force replaces it")
