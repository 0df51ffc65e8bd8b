"""What is wrong with an agent's file or module: one sentence with its place and its fix."""

from __future__ import annotations

import sys

import pytest
from steer.agents import load_agent
from steer.errors import AgentError
from written_agents import AGENT, Write, complaint


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
