"""Running the Python file of an agent: exactly the bytes that were read, under a name of its own.

The file's folder is **appended** to ``sys.path`` and stays there, so that the agent can import
what lies beside it, now and while it runs, and so that nothing beside it hides an installed
package (``python FILE`` would put the folder first). Modules beside an agent are shared by the
process under their plain names, as in any Python program; two agents from different folders
that each bring a ``tools.py``, say, are refused rather than mixed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import threading
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from steer.agents.import_errors import explained
from steer.agents.neighbours import refuse_mixed_neighbours
from steer.agents.source import AgentSource
from steer.errors import AgentError

__all__ = ["run_python"]

_PREFIX = "_steer_agent_"
# Process-wide as sys.modules is, which it guards: a second thread must not be handed a module
# that the first has only begun to run. Re-entrant, because an agent may load another.
_LOADING = threading.RLock()


def run_python(source: AgentSource) -> ModuleType:
    """Return the module of a Python source; an unchanged file runs once in a process.

    Raises ``AgentError``, with file and line, for everything that keeps it from being imported.
    ``KeyboardInterrupt`` passes through.
    """
    with _LOADING, explained(source):
        if source.module is None:
            return _run_file(source)
        if source.folder is not None:
            _append_to_path(source.folder)
        return importlib.import_module(source.module)


def _run_file(source: AgentSource) -> ModuleType:
    if not source.content.strip():
        raise AgentError(
            f"{source.shown} is empty",
            fix="Define an agent in it, for example: agent = Agent(name='helper')",
        )
    name = _private_name(source)
    if name in sys.modules:
        return sys.modules[name]
    loader = _PinnedLoader(name, source)
    _append_to_path(source.path.parent)
    refuse_mixed_neighbours(source, _agent_folders())
    spec = ModuleSpec(name, loader, origin=str(source.path))
    spec.has_location = True  # else the module had no __file__
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs: dataclasses and pydantic look their module up.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _PinnedLoader(SourceFileLoader):
    """Loads the bytes that the digest is of, whatever the file has become since."""

    def __init__(self, name: str, source: AgentSource) -> None:
        super().__init__(name, str(source.path))
        self._code = self.source_to_code(source.content, str(source.path))

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - one loader for one module
        return self._code


def _private_name(source: AgentSource) -> str:
    """Return a module name that no other file and no other content of this one has."""
    stem = re.sub(r"\W", "_", source.path.stem)
    identity = hashlib.sha256(f"{source.path}\n{source.digest}".encode()).hexdigest()
    return f"{_PREFIX}{stem}_{identity[:16]}"


def _agent_folders() -> frozenset[Path]:
    """Return the folders that agents were loaded from in this process."""
    # A copy: another thread may be importing something.
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith(_PREFIX)]
    return frozenset(Path(str(module.__file__)).parent for module in loaded)


def _append_to_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
