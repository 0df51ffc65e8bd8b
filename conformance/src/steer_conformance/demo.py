"""``steer demo``: the program shown at work, each step being a command that one could type."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from steer_conformance.demo_files import AGENT, POLICY, PROMPT, SCRIPT
from steer_conformance.provider import Provider

__all__ = ["demo", "open_demo"]

_STEER = (sys.executable, "-m", "steer")
_SECONDS = 60
_FIRST_LINE = (
    "The model's words in this demo are scripted: they come from a server on this machine.\n"
    "All else is real: the OpenAI Agents SDK, its tools, and what steer makes of them."
)


def open_demo() -> Callable[[], None]:
    """Return the command. Raises ``ModuleNotFoundError`` where what it shows is not installed."""
    for module in ("steer_openai_agents", "agents"):
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    return demo


def demo() -> None:
    """Take a tour: an agent streams, calls a tool, is denied another, and is looked at afterwards.

    It takes some twenty seconds, needs no key and no network, and asks nothing. The job stays in
    the storage that is configured, if that is a SQLite file.
    """
    typer.echo(_FIRST_LINE)
    with (
        TemporaryDirectory(prefix="steer-demo-") as folder,
        Provider(SCRIPT) as provider,
    ):
        storage = _configured_sqlite()
        stage = _Stage(
            folder=Path(folder),
            env={
                **{name: value for name, value in os.environ.items() if not _misleads(name)},
                "STEER_STORAGE": storage or f"sqlite:///{folder}/demo.db",
                "OPENAI_BASE_URL": provider.openai_base_url,
                "OPENAI_API_KEY": "scripted",
            },
        )
        _play(stage, provider.openai_base_url)
    typer.echo("\nThat was all. For an agent of yours: steer run FILE.py PROMPT")
    if storage:
        typer.echo("The job is still there: steer jobs show latest")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stage:
    """Where the commands run, and with which environment."""

    folder: Path
    env: Mapping[str, str]

    def type(self, *command: str) -> None:
        """Show a command and run it. Raises ``typer.Exit`` with its code where it fails."""
        _show_typed(shlex.join(command))
        program = _STEER if command[0] == "steer" else command[:1]
        # Into a pipe both streams go as one, or what belongs together would come apart.
        apart = None if sys.stdout.isatty() else subprocess.STDOUT
        sys.stdout.flush()
        finished = subprocess.run(
            [*program, *command[1:]],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stderr=apart,
            timeout=_SECONDS,
            check=False,
        )
        if finished.returncode:
            raise typer.Exit(finished.returncode)


def _play(stage: _Stage, base_url: str) -> None:
    (stage.folder / "weather.py").write_text(AGENT)
    (stage.folder / "rules.toml").write_text(POLICY)
    _say("An agent, in a file of the OpenAI Agents SDK that knows nothing of steer:")
    stage.type("cat", "weather.py")
    _say("A policy that lets it write files, but not everywhere:")
    stage.type("cat", "rules.toml")
    _say("It streams, one tool runs and one is denied, which the model is told:")
    _show_typed(f"export OPENAI_BASE_URL={base_url} OPENAI_API_KEY=scripted")
    stage.type("steer", "run", "weather.py", PROMPT, "--policy", "rules.toml")
    _say("The job is in the journal, which would have survived a kill -9:")
    stage.type("steer", "jobs", "show", "latest")
    _say("Everything that happened, in order:")
    stage.type("steer", "events", "latest")


def _say(text: str) -> None:
    typer.echo(f"\n# {text}")


def _show_typed(command: str) -> None:
    typer.secho(f"$ {command}", bold=True)


def _configured_sqlite() -> str | None:
    """Return the URL of the configured storage if it is a SQLite file."""
    asked = subprocess.run(
        [*_STEER, "config", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if asked.returncode:
        raise typer.Exit(asked.returncode)
    settings = {row["key"]: row["value"] for row in map(json.loads, asked.stdout.splitlines())}
    storage: str = settings["storage"]
    return storage if storage.startswith("sqlite:") else None


def _misleads(variable: str) -> bool:
    """Whether a setting of the environment would lead the demo away from its own provider."""
    return variable.startswith("STEER_") and variable != "STEER_DEBUG"
