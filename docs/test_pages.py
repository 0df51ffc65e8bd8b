"""Run every example of the documentation, page by page, in the order of a reader.

The blocks of a page share a folder, which holds a copy of examples/; its Python blocks share a
namespace and an event loop. A block's language says what becomes of it:

- ``python``: run; top-level ``await`` is allowed. Lines ``#> text`` say what the block prints.
- ``console``: what follows ``$ `` (and ``> `` on further lines) is run by bash and must succeed,
  unless ``$ echo $?`` comes next. The other lines are the output; ``...`` stands for anything.
- ``toml``, ``json``: parsed. ``text``: nothing to check. ``sh``: setting up a machine, where only
  the commands of this repository can be checked to exist.
- any of these with ``title="agent.py"`` after the language: written to that file,
  for what follows; Python then only has to compile.

A first line ``<!-- provider: examples/scripts/weather.json -->`` starts the scripted provider on
that script; OPENAI_BASE_URL, ANTHROPIC_BASE_URL and the keys then lead to it. A line
``<!-- installs: steer-acme -->`` has the project in that folder, which the page writes, count as
installed, as ``pip install --editable`` would.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from markdown_it import MarkdownIt
from steer_conformance.provider import Provider, load_script

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("*/README.md"),
    *ROOT.glob("plugins/*/README.md"),
]
SECONDS = 60
STATUS = "exit status of the last command:"
INSTALLS = re.compile(r"^<!-- installs: (\S+) -->$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block; ``line`` is where its text begins."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT) if page.is_relative_to(ROOT) else page)


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "fence" and token.map:
            line = token.map[0] + 2
            info = re.fullmatch(r'(\w+)(?: title="([^"]+)")?', token.info.strip())
            assert info, f"{name_of(page)}:{line}: cannot tell what {token.info!r} is"
            language, title = info.groups()
            yield Block(page=page, line=line, language=language, title=title, text=token.content)


class PythonBlocks:
    """Runs the Python blocks of one page in one module and on one event loop."""

    def __init__(self, module: ModuleType, runner: asyncio.Runner) -> None:
        self._module = module
        self._runner = runner

    def run(self, block: Block) -> None:
        # The empty lines make a traceback name the line of the page.
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with redirect_stdout(StringIO()) as printed:
            result = eval(code, self._module.__dict__)  # noqa: S307 - running the page is the point
            if inspect.iscoroutine(result):
                self._runner.run(asyncio.wait_for(result, SECONDS))
        expected = re.findall(r"^\s*#> ?(.*)$", block.text, flags=re.MULTILINE)
        if expected:
            check_output(printed.getvalue(), "\n".join(expected), str(block))


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of a console block and what the page says it prints."""

    text: str
    output: str
    may_fail: bool


def commands_of(block: Block) -> Iterator[Command]:
    """Read a console block: `$ ` begins a command, `> ` goes on with it, the rest is output."""
    before, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert parts, f"{block}: no line begins with `$ `"
    assert not before, f"{block}: this is no command's output: {before}"
    following = [*parts[1:], ""]
    for part, after in zip(parts, following, strict=True):
        first, *rest = part.splitlines()
        further = list(itertools.takewhile(lambda line: line.startswith("> "), rest))
        yield Command(
            text="\n".join([first, *(line.removeprefix("> ") for line in further)]),
            output="\n".join(rest[len(further) :]),
            may_fail=after.startswith("echo $?"),
        )


def run_console(block: Block) -> None:
    """Run the commands of a block in one shell and compare what each of them prints."""
    commands = list(commands_of(block))
    # `(exit ...)` gives the status back to the next command, which may be `echo $?`.
    stop = "trap 'kill $(jobs -p) 2>/dev/null' EXIT\n"
    tell = f"status=$?; printf '\\n{STATUS} %s\\n' $status; (exit $status)"
    finished = subprocess.run(
        ["/usr/bin/env", "bash", "-c", stop + "".join(f"{c.text}\n{tell}\n" for c in commands)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    *results, _ = re.split(rf"\n{STATUS} (\d+)\n", finished.stdout)
    assert len(results) == 2 * len(commands), f"{block}: not all were run\n{finished.stdout}"
    for command, printed, status in zip(commands, results[::2], results[1::2], strict=True):
        where = f"{block}: {command.text}"
        assert status == "0" or command.may_fail, f"{where}\nfailed with {status}\n{printed}"
        check_output(printed, command.output, where)


def check_output(printed: str, expected: str, where: str) -> None:
    """Compare line by line; a line ``...`` stands for any lines, ``...`` in one for any text."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in tidy(expected)
    )
    shown = "".join(f"{line}\n" for line in tidy(printed))
    assert re.fullmatch(pattern, shown), f"{where}\n{expected}\n--- but it printed\n{shown}"


def tidy(text: str) -> list[str]:
    """Return the lines without the white space that nobody sees."""
    return [line.rstrip() for line in text.strip("\n").splitlines()] if text.strip() else []


def check_setup(block: Block) -> None:
    """Check that the commands of this repository, which a ``sh`` block names, exist."""
    usage = subprocess.run(
        [sys.executable, ROOT / "dev.py", "help"], capture_output=True, text=True, check=True
    ).stdout
    sessions = re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    for command in re.findall(r"\bdev\.py (\w+)", block.text):
        assert f"\n  {command} " in usage, f"{block}: there is no dev.py {command}"
    for session in re.findall(r"\bnox -s (\w+)", block.text):
        assert session in sessions, f"{block}: there is no session {session}"
    for path in re.findall(
        r"(?:^|\s)(?:\./)?((?:core|plugins|conformance)/?[^\s'\"]*)", block.text
    ):
        assert (ROOT / path.partition("[")[0]).exists(), f"{block}: there is no {path}"


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder and an environment like those of somebody who tries the page out."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    for name in [
        name for name in os.environ if name.startswith(("STEER_", "OPENAI_", "ANTHROPIC_"))
    ]:
        monkeypatch.delenv(name)
    settings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def serve(reader: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Starts the scripted provider that a page asks for."""
    with ExitStack() as running:

        def start(script: str) -> None:
            provider = running.enter_context(Provider(load_script(reader / script)))
            monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_base_url)
            monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.anthropic_base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "scripted")
            monkeypatch.setenv("ANTHROPIC_API_KEY", "scripted")

        yield start


def run_block(block: Block, python: PythonBlocks) -> None:
    """Do with a block what its language asks for."""
    match block.language:
        case "python" if block.title:
            compile(block.text, block.title, "exec")
        case "python":
            python.run(block)
        case "console":
            run_console(block)
        case "toml":
            tomllib.loads(block.text)
        case "json":
            json.loads(block.text)
        case "sh":
            check_setup(block)
        case "text":
            pass
        case language:
            pytest.fail(f"{block}: no way to check a block of {language!r}")


def install(project: Path, site: Path) -> None:
    """Write down, where Python looks for it, what an installer reads in a project's file."""
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    name, version = described["name"], described["version"]
    needs = [f"Requires-Dist: {each}" for each in described["dependencies"]]
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *needs]
    (info / "METADATA").write_text("".join(f"{line}\n" for line in lines))
    points = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in members.items())
        for group, members in described["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))


def run_page(page: Path, serve: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the blocks of a page, the current folder being the reader's."""
    if wanted := re.match(r"<!-- provider: (\S+) -->\n", page.read_text()):
        serve(wanted[1])
    site = Path("installed").resolve()
    project = wanted[1] if (wanted := INSTALLS.search(page.read_text())) else ""
    if project:
        sources = Path(project, "src").resolve()
        monkeypatch.setenv("PYTHONPATH", f"{sources}{os.pathsep}{site}")
    # A module of its own, since pydantic looks up the names of annotations in sys.modules.
    module = ModuleType("documentation_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with asyncio.Runner() as runner:
        python = PythonBlocks(module, runner)
        for block in blocks_of(page):
            if block.title:
                file = Path(block.title)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
                if project and file == Path(project, "pyproject.toml"):
                    install(Path(project), site)
            run_block(block, python)


# Each of them takes from a quarter to half a minute, so the full matrix runs these.
LONG_PAGES = {
    "docs/how-to/approve-tool-calls.md",
    "docs/how-to/continue-a-conversation.md",
    "docs/how-to/run-an-openai-agents-file.md",
    "docs/how-to/run-claude-code.md",
    "docs/how-to/see-what-runs-cost.md",
    "docs/how-to/send-files-and-conversations.md",
    "docs/how-to/store-agents.md",
    "docs/how-to/survive-a-crash.md",
    "docs/reference/command-line.md",
    "docs/tutorial/write-a-runtime.md",
}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=name_of(page),
            marks=[pytest.mark.long] if name_of(page) in LONG_PAGES else [],
        )
        for page in PAGES
        if "```" in page.read_text()
    ],
)
def test_every_example_of_the_page_runs(
    page: Path, serve: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_page(page, serve, monkeypatch)


@pytest.mark.parametrize(
    "untrue",
    [
        "```python\nassert False\n```",
        "```python\nasync def no():\n    assert False\nawait no()\n```",
        "```python\nprint(1)\n#> 2\n```",
        "```console\n$ false\n```",
        "```console\n$ echo one\ntwo\n```",
        "```console\n$ echo one\n```",
        "```toml\na =\n```",
        "```sh\npython3 dev.py dance\n```",
        "```cobol\nSTOP RUN\n```",
    ],
)
def test_an_example_that_is_not_true_fails(
    untrue: str, reader: Path, serve: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = reader / "page.md"
    page.write_text(untrue)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        run_page(page, serve, monkeypatch)
