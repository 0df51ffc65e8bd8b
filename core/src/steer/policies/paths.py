"""Paths compared by name: whether one lies in a directory.

Policy does no I/O, so symbolic links are not followed and nothing is looked up. What the words
of a path do not settle is not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

from steer.errors import ConfigError

__all__ = ["PathParts", "PathRoot", "path_parts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PathParts:
    """A POSIX path without ``.``, doubled slashes and resolvable ``..``."""

    absolute: bool
    names: tuple[str, ...]

    @property
    def climbs_out(self) -> bool:
        """Whether it leaves the directory that it is relative to."""
        return self.names[:1] == ("..",)


def path_parts(path: str) -> PathParts | None:
    """Take a path apart; ``None`` where its meaning is up to whoever opens it.

    That is so for an empty one, for ``~`` at the start (a shell expands it), for backslashes
    (separators elsewhere) and for NUL.
    """
    if not path or path.startswith("~") or "\\" in path or "\0" in path:
        return None
    absolute = path.startswith("/")
    names: list[str] = []
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if name != "..":
            names.append(name)
        elif names and names[-1] != "..":
            names.pop()
        elif not absolute:
            names.append(name)
    return PathParts(absolute=absolute, names=tuple(names))


@dataclass(frozen=True, kw_only=True, slots=True)
class PathRoot:
    """A directory that a rule names."""

    parts: PathParts

    @classmethod
    def of(cls, directory: str) -> PathRoot:
        """Read a directory; raises ``ConfigError`` for what is not the name of one."""
        parts = path_parts(directory)
        if parts is None or parts.climbs_out or "://" in directory:
            raise ConfigError(
                f"{directory!r} is not a directory that paths can be compared with",
                fix="Write it as /a/b or a/b, without ~, backslashes or a leading ..; "
                "for a URL use glob or matches",
            )
        return cls(parts=parts)

    def holds(self, path: PathParts) -> bool | None:
        """Whether ``path`` is this directory or lies in it.

        ``None`` for a relative path against an absolute directory, the other way round, and
        for a relative one that climbs out: nobody here knows the working directory.
        """
        if path.absolute is not self.parts.absolute or path.climbs_out:
            return None
        return path.names[: len(self.parts.names)] == self.parts.names
