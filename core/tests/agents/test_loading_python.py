"""Agents in Python files and modules: found, run once, and every mistake in one sentence."""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest
from steer.agents import Agent, ImportRef, file_digest, load_agent, locate, resolve
from steer.errors import AgentError, Diverged

Write = Callable[[Mapping[str, str]], Path]

AGENT = "from steer.agents import Agent\nagent = Agent(name='helper')\n"


def native_runtime(value: object) -> str | None:
    return "vendor-sdk" if type(value).__name__ == "VendorAgent" else None


VENDOR = """
class VendorAgent:
    def __init__(self, name):
        self.name = name
"""


def complaint(spec: str, folder: Path) -> str:
    with pytest.raises(AgentError) as caught:
        load_agent(spec, cwd=folder, native_runtime=native_runtime)
    return str(caught.value)


def test_the_variable_named_agent_is_the_agent(write: Write) -> None:
    folder = write({"team.py": AGENT + "other = Agent(name='other')\n"})
    loaded = load_agent("team.py", cwd=folder)
    assert loaded.agent.name == "helper"
    assert loaded.source == folder / "team.py"
    assert loaded.ref == ImportRef(
        target=str(folder / "team.py"),
        digest=hashlib.sha256((folder / "team.py").read_bytes()).hexdigest(),
        name="agent",
    )


def test_the_only_agent_needs_no_particular_name(write: Write) -> None:
    folder = write({"a.py": "from steer.agents import Agent\ntriage = again = Agent(name='t')\n"})
    loaded = load_agent("a.py", cwd=folder)
    assert loaded.agent.name == "t"
    assert isinstance(loaded.ref, ImportRef)
    assert loaded.ref.name == "triage"


def test_an_agent_can_be_named(write: Write) -> None:
    folder = write({"a.py": AGENT + "other = Agent(name='second')\n"})
    assert load_agent("a.py:other", cwd=folder).agent.name == "second"
    assert load_agent(f"{folder}/a.py:other").agent.name == "second"


def test_a_module_may_make_its_agents_on_demand(write: Write) -> None:
    text = (
        "def __getattr__(name):\n    from steer.agents import Agent\n    return Agent(name=name)\n"
    )
    assert load_agent("a.py:made", cwd=write({"a.py": text})).agent.name == "made"


def test_a_vendors_agent_is_wrapped_with_its_runtime(write: Write) -> None:
    folder = write({"a.py": VENDOR + "support = VendorAgent('Support')\n"})
    agent = load_agent("a.py", cwd=folder, native_runtime=native_runtime).agent
    assert (agent.name, agent.runtime) == ("Support", "vendor-sdk")
    assert type(agent.native).__name__ == "VendorAgent"


def test_an_unchanged_file_runs_once_and_a_changed_one_again(write: Write) -> None:
    folder = write({"a.py": AGENT})
    first = load_agent("a.py", cwd=folder).agent
    assert load_agent("a.py:agent", cwd=folder).agent is first
    write({"a.py": AGENT.replace("helper", "changed")})
    assert load_agent("a.py", cwd=folder).agent.name == "changed"


def test_two_files_with_the_same_name_do_not_mix(write: Write) -> None:
    folder = write({"one/agent.py": AGENT, "two/agent.py": AGENT.replace("helper", "second")})
    names = [load_agent(f"{part}/agent.py", cwd=folder).agent.name for part in ("one", "two")]
    assert names == ["helper", "second"]
    assert load_agent("one/agent.py", cwd=folder).agent.name == "helper"


def test_dataclasses_and_models_of_the_file_know_their_module(write: Write) -> None:
    folder = write(
        {
            "a.py": """
            from __future__ import annotations
            from dataclasses import dataclass
            from pydantic import BaseModel
            from steer.agents import Agent, tool

            @dataclass
            class Place:
                name: str

            class Answer(BaseModel):
                places: list[Place]

            @tool
            def find(place: Place) -> str:
                "Find."
                return place.name

            agent = Agent(name="a", tools=[find], output_type=Answer)
            """
        }
    )
    [find] = load_agent("a.py", cwd=folder).agent.tools
    assert find.parse('{"place": {"name": "Bonn"}}')["place"].name == "Bonn"


def test_what_stands_under_main_does_not_run(write: Write) -> None:
    folder = write({"a.py": AGENT + "if __name__ == '__main__':\n    raise SystemExit\n"})
    assert load_agent("a.py", cwd=folder).agent.name == "helper"


def test_a_module_beside_the_file_can_be_imported_at_once_and_later(write: Write) -> None:
    folder = write(
        {
            "shop/agent.py": """
            import shop_tools_early
            from steer.agents import Agent, tool

            @tool
            def price(item: str) -> int:
                import shop_tools_late
                return shop_tools_late.PRICE

            agent = Agent(name=shop_tools_early.NAME, tools=[price])
            """,
            "shop/shop_tools_early.py": "NAME = 'shop'",
            "shop/shop_tools_late.py": "PRICE = 3",
        }
    )
    agent = load_agent("shop/agent.py", cwd=folder).agent
    assert agent.name == "shop"
    assert agent.tools[0]("cup") == 3


def test_the_folder_comes_last_so_that_nothing_installed_is_hidden(write: Write) -> None:
    folder = write({"a.py": AGENT})
    load_agent("a.py", cwd=folder)
    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize("how", ["a file beside it", "a module of that folder"])
def test_a_folder_called_agents_does_not_hide_an_installed_package_of_that_name(
    write: Write, how: str
) -> None:
    folder = write(
        {
            "installed/vendor_agents_sdk/__init__.py": "WHO = 'the SDK'",
            "project/vendor_agents_sdk/__init__.py": "WHO = 'a folder'",
            "project/vendor_agents_sdk/support.py": AGENT,
            "project/agent.py": """
            import vendor_agents_sdk
            from steer.agents import Agent
            agent = Agent(name=vendor_agents_sdk.WHO)
            """,
        }
    )
    sys.path.append(str(folder / "installed"))
    if how == "a file beside it":
        assert load_agent("agent.py", cwd=folder / "project").agent.name == "the SDK"
    else:
        assert complaint("vendor_agents_sdk.support:agent", folder / "project") == (
            "there is no module vendor_agents_sdk.support. "
            "The installed package vendor_agents_sdk comes before the folder; "
            "use vendor_agents_sdk/support.py"
        )


def test_the_openai_sdk_is_not_hidden_by_a_folder_called_agents(write: Write) -> None:
    sdk = importlib.util.find_spec("agents")
    if sdk is None:
        pytest.skip("openai-agents is not installed")
    folder = write(
        {
            "agents/__init__.py": "raise ImportError('the wrong package')",
            "support.py": """
            import importlib.util
            from steer.agents import Agent
            agent = Agent(name=importlib.util.find_spec("agents").origin)
            """,
        }
    )
    assert load_agent("support.py", cwd=folder).agent.name == sdk.origin


def test_two_agents_with_different_modules_of_one_name_are_refused_not_mixed(write: Write) -> None:
    agent = """
    from steer.agents import Agent
    import neighbour_one
    agent = Agent(name=neighbour_one.NAME)
    """
    folder = write(
        {
            "one/agent.py": agent,
            "one/neighbour_one.py": "from neighbour_two import NAME",
            "one/neighbour_two.py": "NAME = 'one'",
            "two/agent.py": agent,
            "two/neighbour_one.py": "from neighbour_two import NAME",
            "two/neighbour_two.py": "NAME = 'two'",
            "three/agent.py": agent.replace("neighbour_one", "neighbour_three"),
            "three/neighbour_three.py": "def later():\n    import neighbour_two\nNAME = 'three'",
            "three/neighbour_two.py": "",
            "four/agent.py": AGENT,
            "four/neighbour_one.py": "",
        }
    )
    assert load_agent("one/agent.py", cwd=folder).agent.name == "one"
    assert complaint("two/agent.py", folder) == (
        "two/agent.py imports neighbour_one, of which this process has another agent's: "
        f"{folder}/one/neighbour_one.py. Give one of the two modules another name"
    )
    assert "imports neighbour_two" in complaint("three/agent.py", folder)
    assert load_agent("four/agent.py", cwd=folder).agent.name == "helper"


def test_a_link_stands_for_the_file_it_leads_to(write: Write) -> None:
    folder = write(
        {
            "real/agent.py": "from linked_names import NAME\n" + AGENT,
            "real/linked_names.py": "NAME = 1",
        }
    )
    (folder / "link.py").symlink_to(folder / "real" / "agent.py")
    assert load_agent("link.py", cwd=folder).source == folder / "real" / "agent.py"


def test_what_a_file_prints_goes_where_it_goes(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    load_agent("a.py", cwd=write({"a.py": AGENT + "print('hello')\n"}))
    assert capsys.readouterr().out == "hello\n"


def test_threads_that_load_the_same_file_get_the_same_agent(write: Write) -> None:
    folder = write({"a.py": "import time\ntime.sleep(0.01)\n" + AGENT})
    start, got = threading.Barrier(4), list[Agent]()

    def load() -> None:
        start.wait(timeout=10)
        got.append(load_agent("a.py", cwd=folder).agent)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(got) == 4
    assert len(set(got)) == 1


# Modules


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


# From a reference


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


# Mistakes


@pytest.mark.parametrize(
    ("spec", "text", "message"),
    [
        (
            "a.py",
            " \n\n",
            "a.py is empty. Define an agent in it, for example: agent = Agent(name='helper')",
        ),
        ("a.py", "x = (1,\ny = 2\n", "a.py:1: syntax error: '(' was never closed"),
        (
            "a.py",
            "def f():\nx",
            "a.py:2: syntax error: expected an indented block after function definition on line 1",
        ),
        (
            "a.py",
            "\nraise ValueError('no\\n luck')\n",
            (
                "a.py:2: importing it raised ValueError: no luck. "
                "To see the whole traceback: python {folder}/a.py"
            ),
        ),
        (
            "a.py",
            "assert 1 > 2\n",
            (
                "a.py:1: importing it raised AssertionError. "
                "To see the whole traceback: python {folder}/a.py"
            ),
        ),
        (
            "a.py",
            "import json\njson.loads('{')\n",
            (
                "a.py:2: importing it raised JSONDecodeError: Expecting property name enclosed in "
                "double quotes: line 1 column 2 (char 1). "
                "To see the whole traceback: python {folder}/a.py"
            ),
        ),
        (
            "a.py",
            "\neval('1 +')\n",
            (
                "a.py:2: importing it raised SyntaxError: invalid syntax (<string>, line 1). "
                "To see the whole traceback: python {folder}/a.py"
            ),
        ),
        (
            "a.py",
            "import no_such_module\n",
            (
                "a.py:1: there is no module no_such_module. "
                "Install the package that brings it into the environment steer runs in"
            ),
        ),
        (
            "a.py",
            "import sys\n\nsys.exit(2)\n",
            (
                "a.py:3: the file ends the program when it is imported: sys.exit(2). "
                "Put what only a script should do under: if __name__ == '__main__':"
            ),
        ),
        (
            "a.py",
            "from steer.agents import Agent\nagent = Agent(name='')\n",
            "a.py:2: an agent needs a name. Set name= to a text that is not empty",
        ),
        (
            "a.py",
            "x = 1\n",
            (
                "a.py defines no agent. "
                "Assign one to a variable, for example: agent = Agent(name='helper')"
            ),
        ),
        (
            "a.py",
            "class OtherAgent:\n    __module__ = 'other_sdk.agent'\nbot = OtherAgent()\n",
            (
                "a.py defines no agent. "
                "bot is an OtherAgent of other_sdk: install the steer plugin that runs these"
            ),
        ),
        (
            "a.py",
            "from steer.agents import Agent\ntriage = Agent(name='t')\nbilling = Agent(name='b')\n",
            "a.py defines 2 agents: billing, triage. Say which one, for example a.py:billing",
        ),
        ("a.py:bot", AGENT, "a.py has no variable 'bot'. Agents there: agent"),
        ("a.py:bot", "x = 1\n", "a.py has no variable 'bot'. There is no agent in it"),
        (
            "a.py:Agent",
            AGENT,
            "'Agent' in a.py is no agent but of type type. Agents there: agent",
        ),
        ("supprot.py", AGENT, "supprot.py does not exist. Did you mean support.py?"),
        ("sub/zzz.py", AGENT, "sub/zzz.py does not exist. It was looked for in {folder}/sub"),
        (
            "a.py:",
            AGENT,
            (
                "'a.py:' does not name an agent. "
                "Use FILE.py, FILE.py:NAME, pkg.module:NAME, FILE.toml or FILE.json"
            ),
        ),
        (
            "a.py:1st",
            AGENT,
            (
                "'a.py:1st' does not name an agent. "
                "Use FILE.py, FILE.py:NAME, pkg.module:NAME, FILE.toml or FILE.json"
            ),
        ),
        (
            "",
            AGENT,
            (
                "'' does not name an agent. "
                "Use FILE.py, FILE.py:NAME, pkg.module:NAME, FILE.toml or FILE.json"
            ),
        ),
        (
            "./a",
            AGENT,
            (
                "./a is neither a file that holds an agent nor a module. "
                "Use FILE.py, FILE.toml, FILE.json or pkg.module"
            ),
        ),
        ("folder.py", AGENT, "folder.py cannot be read: Is a directory"),
        (
            "no_such_firm.bots:agent",
            AGENT,
            (
                "there is no module no_such_firm.bots. "
                "It was looked for among the installed packages and in {folder}"
            ),
        ),
        (
            "sys:path",
            AGENT,
            "sys has no file. Name the module that defines the agent",
        ),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place_and_its_fix(
    write: Write, spec: str, text: str, message: str
) -> None:
    folder = write({"a.py": text, "support.py": ""})
    (folder / "folder.py").mkdir()
    assert complaint(spec, folder) == message.format(folder=folder)


def test_a_mistake_in_a_neighbour_is_shown_there(write: Write) -> None:
    folder = write(
        {
            "bot/a.py": "import neighbour_bad\n",
            "bot/neighbour_bad.py": "\n\n1 / 0\n",
            "bot/b.py": "import neighbour_worse\n",
            "bot/neighbour_worse.py": "\nx = = 1\n",
        }
    )
    assert complaint("bot/a.py", folder).startswith(
        "bot/neighbour_bad.py:3: importing it raised ZeroDivisionError: division by zero"
    )
    assert complaint("bot/b.py", folder) == "bot/neighbour_worse.py:2: syntax error: invalid syntax"


def test_a_mistake_in_a_module_is_shown_with_its_file(write: Write) -> None:
    folder = write({"firm_d/bots.py": "\nraise ValueError('no')\n"})
    assert complaint("firm_d.bots:agent", folder) == (
        f"{folder}/firm_d/bots.py:2: importing it raised ValueError: no. "
        f"To see the whole traceback: python {folder}/firm_d/bots.py"
    )


def test_an_installed_module_of_a_neighbours_name_wins_and_is_not_refused(write: Write) -> None:
    folder = write(
        {
            "one/agent.py": AGENT,
            "two/agent.py": "import json\nfrom steer.agents import Agent\n"
            "agent = Agent(name=json.dumps(1))\n",
            "two/json.py": "",
        }
    )
    load_agent("one/agent.py", cwd=folder)
    assert load_agent("two/agent.py", cwd=folder).agent.name == "1"


def test_a_file_that_failed_leaves_no_half_module_behind(write: Write) -> None:
    folder = write({"a.py": "raise ValueError"})
    before = set(sys.modules)
    for _ in range(2):
        assert "importing it raised ValueError" in complaint("a.py", folder)
    assert not [name for name in set(sys.modules) - before if "steer_agent" in name]


def test_the_users_interrupt_passes_through(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_agent("a.py", cwd=write({"a.py": "raise KeyboardInterrupt"}))


def test_the_cause_is_chained(write: Write) -> None:
    folder = write({"a.py": "raise LookupError('x')"})
    with pytest.raises(AgentError) as caught:
        load_agent("a.py", cwd=folder)
    assert isinstance(caught.value.__cause__, LookupError)
