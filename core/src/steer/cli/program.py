"""The commands of ``steer``, and the one place where their errors end."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import typer
from typer.main import get_command

import steer
from steer.cli.error_text import error_json, error_text
from steer.cli.exit_codes import ExitCode, exit_code_of_error
from steer.cli.help_text import section
from steer.cli.lazy import load
from steer.cli.lazy_group import BuiltIn, LazyGroup
from steer.cli.options import ErrorForm
from steer.cli.terminal.printable import shortened
from steer.cli.terminal.streams import ReaderGone, Streams
from steer.errors import ConfigError, ErrorInfo, SteerError

__all__ = ["run"]

_DEBUG = "STEER_DEBUG"
_COMPLETE = "_STEER_COMPLETE"
_BUG_LENGTH = 300
_EXAMPLES = (
    'steer run agent.py "How is the weather in Oslo?"',
    "steer jobs show latest",
    "steer demo",
)
_EPILOG = "\n\n".join(
    [
        section("Examples", _EXAMPLES),
        section("Exit codes", (f"{code:>3}  {code.meaning}" for code in ExitCode)),
    ]
)


class _Commands(LazyGroup):
    built_in: ClassVar = {
        "run": BuiltIn(
            summary="Run an agent and show what it does.", target="steer.cli.runs.run_command:app"
        ),
        "jobs": BuiltIn(
            summary="List, show, cancel, resume and retry jobs.",
            target="steer.cli.jobs.jobs_commands:app",
        ),
        "agents": BuiltIn(
            summary="Store agents by name, and choose what runs them.",
            target="steer.cli.stored.agents_commands:app",
        ),
        "worker": BuiltIn(
            summary="Run the jobs that wait in a storage.",
            target="steer.cli.jobs.worker_command:app",
        ),
        "actions": BuiltIn(
            summary="List, show and answer what jobs ask people.",
            target="steer.cli.people.actions_commands:app",
        ),
        "usage": BuiltIn(
            summary="Show what was used, and what it cost.",
            target="steer.cli.money.usage_command:app",
        ),
        "events": BuiltIn(
            summary="Show what happened in a job, or follow it.",
            target="steer.cli.jobs.events_command:app",
        ),
        "sessions": BuiltIn(
            summary="List, show, copy and delete conversations.",
            target="steer.cli.stored.sessions_commands:app",
        ),
        "policy": BuiltIn(
            summary="Check, explain and test the rules that agents run under.",
            target="steer.cli.policies.policy_commands:app",
        ),
        "artifacts": BuiltIn(
            summary="List, get and put the files of jobs.",
            target="steer.cli.stored.artifacts_commands:app",
        ),
        "budgets": BuiltIn(
            summary="Set, show and raise what may be spent.",
            target="steer.cli.money.budgets_commands:app",
        ),
        "plugins": BuiltIn(
            summary="Show the plugins there are and what is wrong with them.",
            target="steer.cli.plugins_command:app",
        ),
        "completion": BuiltIn(
            summary="Make a shell complete commands, options and jobs.",
            target="steer.cli.completion_command:app",
        ),
        "config": BuiltIn(
            summary="Show every setting and where it comes from.",
            target="steer.cli.config_command:app",
        ),
    }


app = typer.Typer(
    cls=_Commands,
    name="steer",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def steer_command(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar=_DEBUG, help="Show tracebacks and logs.")
    ] = False,
) -> None:
    """Run AI agents under policy and budgets, with a journal that survives kill -9."""
    if version:
        typer.echo(f"steer {steer.__version__}")
        raise typer.Exit
    ctx.find_root().obj.debug = debug
    if not debug:
        _hush()
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command to its end and return the exit code. Raises nothing.

    Errors become one line on standard error, or one JSON object where JSON is asked for.
    """
    form = ErrorForm(as_json=_asks_for_json(arguments))
    if _COMPLETE in os.environ:
        load("typer.completion:completion_init")()
    try:
        code = get_command(app).main(
            list(arguments), prog_name="steer", standalone_mode=False, obj=form
        )
    except BaseException as error:
        return _report(error, form)
    return int(code) if isinstance(code, int) else ExitCode.SUCCESS


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Say so of the line as it was typed: what is wrong with it, too, is told as was asked for."""
    options = itertools.takewhile(lambda argument: argument != "--", arguments)
    return "--json" in options


def _plainly(error: typer.TyperException) -> str:
    """Return what is wrong with the command line, without the word of the library that found it."""
    return error.format_message().replace(": Value error, ", ": ", 1)


def _report(error: BaseException, form: ErrorForm) -> int:
    """Say what went wrong, and return the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if form.debug:
        traceback.print_exception(error)
    match error:
        case KeyboardInterrupt() | typer.Abort():
            return ExitCode.CANCELLED
        case ReaderGone():
            return ExitCode.READER_GONE
        case SystemExit():
            return error.code if isinstance(error.code, int) else ExitCode.FAILED
        case SteerError():
            info = error.info()
            code = exit_code_of_error(info)
        case OSError():
            code = ExitCode.FAILED
            where = "" if error.filename is None else f"{error.filename}: "
            info = ErrorInfo(code="os", message=f"{where}{error.strerror or error}")
        case typer.TyperException():
            info = ConfigError(_plainly(error), fix=_help_hint(error)).info()
            code = ExitCode.USAGE
        case _:
            what = shortened(f"{type(error).__name__}: {error}", _BUG_LENGTH)
            info = ErrorInfo(
                code="bug",
                message=f"this is a bug in steer or in a plugin: {what}",
                fix=f"{_DEBUG}=1 shows the traceback",
            )
            code = ExitCode.BUG
    # There may be nobody to tell; the exit code still says it.
    with contextlib.suppress(ReaderGone, SteerError):
        stream = Streams.standard().err
        if form.as_json:
            stream.write_bytes(error_json(info, code) + b"\n")
        else:
            stream.write(f"steer: {error_text(info)}\n")
    return code


def _hush() -> None:
    """Keep logs and warnings of vendors off the screen, where each error is told once."""
    # Not a handler of the root logger: an author who sets up logging gets what they set up.
    logging.lastResort = logging.NullHandler()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _help_hint(error: Any) -> str | None:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context is not None else None
