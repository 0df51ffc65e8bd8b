"""The command line: where it listens, how it ends, what it says of mistakes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import typer
from openai import OpenAI
from steer_conformance.command import provider as provider_command
from steer_conformance.provider import Provider, Script
from typer.testing import CliRunner

Serve = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.toml"
    path.write_text('turns = ["Hello", "Bye"]')
    return path


@pytest.fixture
def serve(script: Path) -> Iterator[Serve]:
    """Starts the command in a process of its own, and makes sure that it ends."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str, folder: Path | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "steer_conformance.provider", "--script", str(script)]
        process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=10)


def ask(base_url: str) -> str:
    with OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        return client.responses.create(model="m", input="Hi").output_text


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_and_sums_up(serve: Serve, number: int) -> None:
    process = serve()
    addresses = dict(pair.split("=", 1) for pair in first_line(process).split())
    assert ask(addresses["OPENAI_BASE_URL"]) == "Hello"
    assert addresses["OPENAI_BASE_URL"] == addresses["ANTHROPIC_BASE_URL"] + "/v1"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert out == "1 requests, 10 input and 5 output tokens billed, 1 turns left\n"
    assert (err, process.returncode) == ("", 0)


def test_json_is_for_programs(serve: Serve) -> None:
    process = serve("--json")
    addresses = json.loads(first_line(process))
    assert addresses["pid"] == process.pid
    for _ in range(2):
        ask(addresses["openai_base_url"])
    with pytest.raises(Exception, match="script is used up"):
        ask(addresses["openai_base_url"])
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    summary = json.loads(out)
    assert (summary["requests"], summary["turns_left"]) == (3, 0)
    assert (summary["input_tokens"], summary["output_tokens"]) == (20, 10)
    assert len(summary["errors"]) == 1


def test_a_ready_file_appears_whole_and_goes_with_the_server(serve: Serve, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    process = serve("--ready-file", str(ready), "--json")
    assert json.loads(first_line(process))["pid"] == process.pid
    assert ask(json.loads(ready.read_text())["openai_base_url"]) == "Hello"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert not ready.exists()


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(provider_command)
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_a_mistake_in_the_script_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"turns": [{"parts": [{"type": "txt"}]}]}')
    code, output = run("--script", str(path))
    assert code == 2
    assert output == (
        f"{path}: turns[0].parts[0]: type 'txt' is none of "
        "'text', 'reasoning', 'refusal', 'tool_call'\n"
    )


def test_a_dialect_of_ones_own_is_spoken_beside_the_others(serve: Serve, script: Path) -> None:
    (script.parent / "own_dialect.py").write_text(
        "from steer_conformance.provider import CHAT\n"
        "class Own:\n"
        "    name, paths = 'own', ('/own',)\n"
        "    def __getattr__(self, name): return getattr(CHAT, name)\n"
        "OWN = Own()\n"
    )
    process = serve("--dialect", "own_dialect:OWN", folder=script.parent)
    addresses = dict(pair.split("=", 1) for pair in first_line(process).split())
    assert ask(addresses["OPENAI_BASE_URL"]) == "Hello"
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    answer = httpx2.post(f"{addresses['STEER_BASE_URL']}/own", json=body)
    assert answer.json()["choices"][0]["message"]["content"] == "Bye"


@pytest.mark.parametrize("target", ["no_such_module:OWN", "json:OWN", "json:dumps", "nonsense"])
def test_a_dialect_that_is_none_is_said_to_be_none(script: Path, target: str) -> None:
    code, output = run("--script", str(script), "--dialect", target)
    assert code == 2
    assert f"{target} names no dialect" in " ".join(output.split())


def test_a_port_that_is_taken_is_one_line_and_exit_code_1(script: Path) -> None:
    with Provider(Script()) as provider:
        port = provider.url.rpartition(":")[2]
        code, output = run("--script", str(script), "--port", port)
    assert code == 1
    assert output.startswith(f"cannot serve on 127.0.0.1 port {port}: ")
    assert output.count("\n") == 1


def test_signal_handlers_are_put_back(script: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    taken = tmp_path / "a-folder"
    taken.mkdir()
    # Writing the ready file fails, which ends the command without a signal.
    code, output = run("--script", str(script), "--ready-file", str(taken))
    assert code == 1
    assert "Is a directory" in output
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert list(tmp_path.glob(".*")) == []
