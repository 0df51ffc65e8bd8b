"""The modules beside an agent's file: which it imports, and whether they are its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from steer.agents.source import AgentSource, installed_spec
from steer.errors import AgentError

__all__ = ["refuse_mixed_neighbours"]


def refuse_mixed_neighbours(source: AgentSource, agent_folders: frozenset[Path]) -> None:
    """Raise ``AgentError`` if the file would import another agent's module for its own.

    Modules have one name in a process. Where this agent and one that was loaded before, from
    another of ``agent_folders``, each have a ``tools.py`` beside them, the second would run with
    the tools of the first and nobody would notice. A package that is installed under the same
    name is not meant here: it wins, as it does for any program whose folder comes last.

    Imports are read from the source of the file and, further, of the neighbours it imports.
    """
    folder = source.path.parent
    others = agent_folders - {folder}
    if not others:
        return
    pending, seen = [(source.path, source.content)], set[str]()
    while pending:
        for name in _imported(*pending.pop()):
            own = _beside(folder, name)
            if name in seen or own is None:
                continue
            seen.add(name)
            spec = installed_spec(name)
            found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
            if found is not None and _folder_of(found) in others:
                raise AgentError(
                    f"{source.shown} imports {name}, of which this process has another agent's: "
                    f"{found}",
                    fix="Give one of the two modules another name",
                )
            if found == own and own.suffix == ".py":
                pending.append((own, own.read_bytes()))


def _imported(file: Path, content: bytes) -> Iterator[str]:
    """Yield the top-level names that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(content, filename=str(file))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def _beside(folder: Path, name: str) -> Path | None:
    candidates = (folder / name / "__init__.py", folder / f"{name}.py")
    return next((path for path in candidates if path.is_file()), None)


def _folder_of(module_file: Path) -> Path:
    """Return the folder whose place on ``sys.path`` makes this top-level module importable."""
    parent = module_file.parent
    return parent.parent if module_file.name == "__init__.py" else parent
