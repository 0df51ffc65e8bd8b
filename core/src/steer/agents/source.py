"""Finding the file that an agent is defined in, without running any of it."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from steer.errors import AgentError

__all__ = ["SUFFIXES", "AgentSource", "file_digest", "installed_spec", "locate"]

SUFFIXES = (".py", ".toml", ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSource:
    """A file that was read and not yet run.

    ``shown`` is the target as the user wrote it. ``content`` is what the digest is of.
    ``module`` is set for a target named as a module, ``folder`` then too, if the module was found
    there and not where Python itself looks.
    """

    path: Path
    shown: str
    content: bytes = field(repr=False)
    name: str | None = None
    module: str | None = None
    folder: Path | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hex. Raises ``AgentError`` where it cannot be read."""
    return hashlib.sha256(_read(Path(path), str(path))).hexdigest()


def locate(spec: str, *, cwd: str | Path | None = None) -> AgentSource:
    """Find and read the file of ``FILE``, ``FILE.py:NAME``, ``pkg.module`` or ``pkg.module:NAME``.

    A relative file, and a module that is not installed, is looked for in ``cwd``. Nothing of the
    file, nor of the packages around it, is executed. Raises ``AgentError``.
    """
    folder = Path("." if cwd is None else cwd).resolve()
    target, colon, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    if not target or (colon and not name.isidentifier()):
        raise AgentError(
            f"{spec!r} does not name an agent",
            fix="Use FILE.py, FILE.py:NAME, pkg.module:NAME, FILE.toml or FILE.json",
        )
    suffix = Path(target).suffix
    if suffix in SUFFIXES:
        if colon and suffix != ".py":
            raise AgentError(f"{target} holds one agent", fix=f"Leave out :{name}")
        # A link stands for the file it leads to, as for Python itself: its neighbours are there.
        path = (folder / target).resolve()
        return AgentSource(path=path, shown=target, content=_read(path, target), name=name or None)
    if not all(part.isidentifier() for part in target.split(".")):
        raise AgentError(
            f"{target} is neither a file that holds an agent nor a module",
            fix="Use FILE.py, FILE.toml, FILE.json or pkg.module",
        )
    path, found_in = _find_module(target, folder)
    return AgentSource(
        path=path,
        shown=target,
        content=_read(path, target),
        name=name or None,
        module=target,
        folder=found_in,
    )


def _read(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        there = [item.stem for item in _siblings(path) if item.suffix == path.suffix]
        close = difflib.get_close_matches(path.stem, there, n=1)
        fix = (
            f"Did you mean {close[0]}{path.suffix}?"
            if close
            else f"It was looked for in {path.parent}"
        )
        raise AgentError(f"{shown} does not exist", fix=fix) from None
    except OSError as error:
        raise AgentError(f"{shown} cannot be read: {error.strerror}") from error


def _siblings(path: Path) -> list[Path]:
    return list(path.parent.iterdir()) if path.parent.is_dir() else []


def _find_module(name: str, folder: Path) -> tuple[Path, Path | None]:
    """Return a module's file, and the folder if only that has it.

    Parents are searched, not imported: importing runs them, and what is refused must not run.
    """
    importlib.invalidate_caches()
    top, *rest = name.split(".")
    found, found_in = installed_spec(top), None
    if found is None:
        found, found_in = PathFinder.find_spec(top, [str(folder)]), folder
    for depth, _ in enumerate(rest, start=2):
        if found is not None:
            inner = ".".join(name.split(".")[:depth])
            places = found.submodule_search_locations
            found = PathFinder.find_spec(inner, list(places)) if places else None
    if found is None:
        raise AgentError(f"there is no module {name}", fix=_instead(name, folder))
    if not found.has_location or found.origin is None:
        raise AgentError(f"{name} has no file", fix="Name the module that defines the agent")
    return Path(found.origin), found_in


def installed_spec(top: str) -> ModuleSpec | None:
    """Return what ``import top`` would find, for a name without dots; nothing is run."""
    try:
        return importlib.util.find_spec(top)
    except ValueError:  # a module without a spec, such as __main__
        return None


def _instead(name: str, folder: Path) -> str:
    path = Path(*name.split(".")).with_suffix(".py")
    if (folder / path).is_file():
        top = name.partition(".")[0]
        return f"The installed package {top} comes before the folder; use {path}"
    return f"It was looked for among the installed packages and in {folder}"
