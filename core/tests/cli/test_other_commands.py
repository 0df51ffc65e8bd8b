from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import steer as package
from programs import Program
from steer.cli.exit_codes import ExitCode

# None of these may be imported to show a help text or the plugins.
HEAVY = ("agents", "openai", "rich", "steer.kernel", "steer_conformance.provider")


def test_the_help_lists_commands_of_plugins_and_every_exit_code(steer: Program) -> None:
    finished = steer("--help")

    assert (finished.code, finished.err) == (0, "")
    commands = re.findall(r"^  ([a-z]+)  ", finished.out, flags=re.MULTILINE)
    assert commands == [
        "run",
        "jobs",
        "agents",
        "worker",
        "actions",
        "usage",
        "events",
        "sessions",
        "policy",
        "artifacts",
        "budgets",
        "plugins",
        "completion",
        "config",
        "check",
        "demo",
        "provider",
    ]
    for code in ExitCode:
        assert f"{code.value:>3}  {code.meaning}" in finished.out
    assert steer().out == finished.out
    assert steer("jobs").out == steer("jobs", "--help").out


def test_the_reference_lists_every_exit_code() -> None:
    page = Path(__file__).parents[3] / "docs/reference/command-line.md"
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page.read_text(), flags=re.MULTILINE)

    assert rows == [(str(code.value), code.meaning) for code in ExitCode]


def test_the_version_is_printed(steer: Program) -> None:
    assert steer("--version").out == f"steer {package.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [("--help",), ("plugins",), ("config",), ("policy", "list"), ("--version",)]
)
def test_looking_imports_neither_vendors_nor_the_engine(
    steer: Program, arguments: tuple[str, ...]
) -> None:
    code = (
        "import sys; from steer.cli import main; sys.argv[1:] = sys.argv[2:]; main();"
        f" print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, "-", *arguments],
        env=steer.env, cwd=steer.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert finished.stderr == "[]\n"


def test_plugins_are_listed_with_who_brought_them(steer: Program) -> None:
    rows = [line.split(maxsplit=4) for line in steer("plugins").out.splitlines()]

    by_name = {row[1]: row for row in rows}
    assert by_name["stepwise"][:4] == ["runtime", "stepwise", "ok", "stepwise"]
    assert by_name["sqlite"][:4] == ["storage", "sqlite", "ok", "steer"]
    assert {row["name"] for row in steer("plugins", "--json").rows} >= {
        "demo",
        "sqlite",
        "stepwise",
    }


def test_a_broken_plugin_is_shown_and_harms_nothing(steer: Program, tmp_path: Path) -> None:
    broken = tmp_path / "site" / "stepwise_broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.4\nName: stepwise-broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[steer]\nbroken = no_such_module\n")

    plugins = steer("plugins")

    assert plugins.code == 0
    assert "no_such_module" in plugins.out.splitlines()[-1]
    assert steer("run", "greeter.py", "Hi").code == 0


def test_every_setting_says_where_it_comes_from(steer: Program) -> None:
    (steer.folder / "steer.toml").write_text('runtime = "stepwise"\n')
    steer.env["STEER_SCOPE"] = "acme"

    rows = {row["key"]: (row["value"], row["source"]) for row in steer("config", "--json").rows}

    assert rows["runtime"] == ("stepwise", str(steer.folder / "steer.toml"))
    assert rows["scope"] == ("acme", "STEER_SCOPE")
    assert rows["principal"] == ("local", "default")
    assert rows["storage"][0] == f"sqlite:///{steer.folder}/state/steer/steer.db"
    assert "STEER_SCOPE" in steer("config").out


def test_a_bug_is_said_to_be_one_and_shows_its_traceback_on_demand(program: Program) -> None:
    # Python imports this module before any other of ours.
    (program.folder / "sitecustomize.py").write_text(
        "import steer.config\n"
        "def broken(*_): raise KeyError('x')\n"
        "steer.config.load_settings = broken\n"
    )
    program.env["PYTHONPATH"] += f":{program.folder}"

    quiet = program("config")
    program.env["STEER_DEBUG"] = "1"
    loud = program("config")

    assert (quiet.code, quiet.out) == (70, "")
    expected = (
        "steer: this is a bug in steer or in a plugin: KeyError: 'x'."
        " STEER_DEBUG=1 shows the traceback\n"
    )
    assert quiet.err == expected
    assert loud.err.startswith("Traceback (most recent call last):")
    assert loud.err.endswith(expected)


def test_completion_offers_the_commands(steer: Program) -> None:
    steer.env |= {"_STEER_COMPLETE": "complete_bash", "COMP_WORDS": "steer jo", "COMP_CWORD": "1"}

    assert steer().out.split() == ["jobs"]
    steer.env["COMP_WORDS"] = "steer jobs re"
    steer.env["COMP_CWORD"] = "2"
    assert steer().out.split() == ["resume", "retry"]
