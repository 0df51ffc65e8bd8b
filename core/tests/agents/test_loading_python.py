"""Agents in Python files and modules: found, run once, and every mistake in one sentence."""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading

import pytest
from steer.agents import Agent, ImportRef, load_agent
from written_agents import AGENT, VENDOR, Write, complaint, native_runtime


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
