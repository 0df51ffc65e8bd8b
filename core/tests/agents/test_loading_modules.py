"""Agents found by the name of a module, and by a reference to where they were."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
from steer.agents import ImportRef, file_digest, load_agent, locate, resolve
from steer.errors import AgentError, Diverged
from written_agents import AGENT, Write


def test_an_installed_module_is_loaded_by_its_name(write: Write) -> None:
    folder = write({"lib/firm_a/__init__.py": "", "lib/firm_a/bots.py": AGENT})
    sys.path.append(str(folder / "lib"))
    loaded = load_agent("firm_a.bots:agent", cwd=folder)
    assert loaded.agent is importlib.import_module("firm_a.bots").agent
    assert loaded.ref == ImportRef(
        target="firm_a.bots",
        digest=file_digest(folder / "lib/firm_a/bots.py"),
        name="agent",
    )


def test_a_module_that_only_the_folder_has_remembers_the_folder(write: Write) -> None:
    folder = write({"firm_b/bots.py": AGENT})
    loaded = load_agent("firm_b.bots", cwd=folder)
    assert isinstance(loaded.ref, ImportRef)
    assert loaded.ref.folder == str(folder)
    sys.path.remove(str(folder))
    assert resolve(loaded.ref).agent is loaded.agent


def test_finding_a_module_runs_nothing(write: Write) -> None:
    folder = write(
        {"firm_c/__init__.py": "raise RuntimeError", "firm_c/bots.py": "raise RuntimeError"}
    )
    assert locate("firm_c.bots:agent", cwd=folder).path == folder / "firm_c/bots.py"
    assert str(folder) not in sys.path


def test_a_module_that_was_never_found_by_importing_has_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "made_by_hand", ModuleType("made_by_hand"))
    with pytest.raises(AgentError, match="there is no module made_by_hand"):
        locate("made_by_hand:agent")


def test_a_reference_leads_back_to_the_agent_from_any_folder(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write({"a.py": AGENT + "other = Agent(name='second')\n"})
    monkeypatch.chdir(folder)
    loaded = load_agent("a.py:other")
    monkeypatch.chdir("/")
    assert resolve(loaded.ref) == loaded


def test_a_changed_file_diverges_before_any_of_it_runs(write: Write) -> None:
    folder = write({"a.py": AGENT})
    ref = load_agent("a.py", cwd=folder).ref
    write({"a.py": "raise RuntimeError"})
    with pytest.raises(Diverged) as caught:
        resolve(ref)
    assert str(caught.value) == (
        f"{folder}/a.py has changed since this agent was referred to. "
        "Restore the file as it was, or allow a changed one"
    )
    write({"a.py": AGENT.replace("helper", "new")})
    assert resolve(ref, allow_changed=True).agent.name == "new"


def test_a_file_that_is_gone_is_said_to_be_gone(write: Write) -> None:
    folder = write({"a.py": AGENT})
    ref = load_agent("a.py", cwd=folder).ref
    (folder / "a.py").unlink()
    with pytest.raises(AgentError, match=r"a\.py does not exist"):
        resolve(ref)


def test_what_runs_is_what_the_digest_is_of(write: Write) -> None:
    folder = write({"a.py": "import pathlib\npathlib.Path(__file__).write_text('x')\n" + AGENT})
    digest = file_digest(folder / "a.py")
    loaded = load_agent("a.py", cwd=folder)
    assert loaded.agent.name == "helper"
    assert isinstance(loaded.ref, ImportRef)
    assert loaded.ref.digest == digest != file_digest(folder / "a.py")
