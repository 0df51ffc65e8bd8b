"""``steer completion``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.lazy import load
from steer.cli.terminal.streams import Streams

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EXAMPLES = (
    """echo 'eval "$(steer completion bash)"' >> ~/.bashrc""",
    """echo 'eval "$(steer completion zsh)"' >> ~/.zshrc""",
    "steer completion fish > ~/.config/fish/completions/steer.fish",
)

# bash would end a word at the @ of a stored agent; npm has it do without in the same way.
_BEFORE = {"bash": "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n"}


class _Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command(epilog=section("To have it in every new shell", _EXAMPLES))
def completion(
    shell: Annotated[_Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish")],
) -> None:
    """Print what makes a shell complete commands, options, jobs, agents and files.

    It is to be read by the shell when it starts. For zsh, after compinit.
    """
    script = load("typer.completion:get_completion_script")(
        prog_name="steer", complete_var="_STEER_COMPLETE", shell=shell.value
    )
    Streams.standard().out.write(f"{_BEFORE.get(shell, '')}{script}\n")
