"""A folder with agents, and the program to run them with."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from in_process import InProcess
from little_distributions import Site
from programs import Program
from steer_conformance.provider import Provider, Reply, Script

# A shell ignores Ctrl-C on behalf of what it starts in the background, and programs inherit that:
# then it could not be tested that they heed it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Runs by the stepwise runtime of the tests: no vendor, no server.
GREETER = """
    from stepwise import Stepwise, Turn

    agent = Stepwise(name="Greeter", turns=(Turn(text="Hello, you."),))
"""
WORKER = """
    from pathlib import Path

    from stepwise import Call, Stepwise, ToolSpec, Turn

    async def note(run):
        with Path("notes.txt").open("a") as file:
            file.write(run.arguments["line"] + "\\n")
        print("a tool prints this")
        return "noted"

    agent = Stepwise(
        name="Worker",
        turns=(
            Turn(text="First I note it.", calls=(Call(tool="note", arguments={"line": "one"}),)),
            Turn(text="It is noted."),
        ),
        tools={"note": ToolSpec(run=note)},
    )
"""
# Runs by the OpenAI Agents SDK.
PLAIN = """
    from agents import Agent, function_tool

    @function_tool
    def add(a: int, b: int) -> int:
        "Add two numbers."
        return a + b

    agent = Agent(name="Plain", model="gpt-5", tools=[add])
"""
# What it refunds has to be approved; asked for an address, it asks a person.
SHOP = """
    from pathlib import Path
    from agents import Agent, function_tool

    @function_tool(needs_approval=True)
    def refund(order: int, amount: int, note: str = "") -> str:
        with Path("refunds.txt").open("a") as file:
            file.write(f"{order} {amount} {note}\\n")
        return f"refunded {amount}"

    @function_tool
    def look(what: str) -> str:
        print(f"looked at {what}")
        return what

    agent = Agent(name="Shop", model="gpt-5", tools=[refund, look])
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where the stepwise runtime is installed."""
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    site.add("stepwise", {}, entry_points="[steer]\nstepwise = stepwise_plugin\n")
    return site.folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds greeter.py, worker.py, plain.py and shop.py."""
    folder = tmp_path / "work"
    folder.mkdir()
    sources = {"greeter": GREETER, "worker": WORKER, "plain": PLAIN, "shop": SHOP}
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(dedent(source))
    return folder


@pytest.fixture
def program(folder: Path, site: Path) -> Program:
    """The program as a process of its own, in the folder with the agents.

    Tests about processes have it as their ``steer``.
    """
    return Program(folder, path=(site,))


@pytest.fixture
def steer(
    folder: Path, site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Program:
    """The program in the process of the test, in the folder with the agents."""
    return InProcess(folder, monkeypatch, capfd, path=(site,))


@pytest.fixture
def play(steer: Program, scripted_provider: Callable[..., Provider]) -> Callable[..., Provider]:
    """Starts a provider with these turns, which the program then asks."""

    def start(*turns: Reply) -> Provider:
        provider = scripted_provider(Script(turns))
        steer.env["OPENAI_BASE_URL"] = provider.openai_base_url
        return provider

    return start
