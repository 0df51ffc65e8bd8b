from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import PATIENCE, Program, ended
from steer.events import JobStarted
from steer.fold import Fold
from steer_conformance.provider import Failure, Provider, Reasoning, Turn


def test_the_models_text_goes_to_standard_output_and_all_else_beside_it(program: Program) -> None:
    finished = program("run", "worker.py", "Note it")

    assert finished.code == 0
    assert finished.out == "First I note it.\nIt is noted.\n"
    *told, status = finished.err.splitlines()
    # What a tool prints comes when it prints it, what steer tells of it a moment later.
    assert sorted(told) == [
        "  \u2190 note: noted",
        '  \u2192 note(line="one")',
        "a tool prints this",
    ]
    assert status.startswith("succeeded \u00b7 30 tokens \u00b7 1 tool call \u00b7 ")
    assert (program.folder / "notes.txt").read_text() == "one\n"


def test_in_one_pipe_no_line_is_written_into_another(steer: Program) -> None:
    with steer.started("run", "worker.py", "Note it", stderr=subprocess.STDOUT) as process:
        lines = ended(process).out.splitlines()

    lines.remove("a tool prints this")
    assert lines[:4] == [
        "First I note it.",
        '  \u2192 note(line="one")',
        "  \u2190 note: noted",
        "It is noted.",
    ]


def test_json_prints_every_event_and_nothing_else(program: Program) -> None:
    finished = program("run", "worker.py", "Note it", "--json")

    events = finished.events
    assert [event.seq for event in events if event.seq] == list(range(1, 19))
    assert (events[0].type, events[-1].type) == ("job.started", "job.completed")
    fold = Fold(job_id=events[0].job_id)
    for event in events:
        fold.add(event)
    (job,) = program("jobs", "show", "latest", "--json").rows
    assert fold.result().content == job["result"]["content"] == "It is noted."
    assert fold.result().usage.total_tokens == 30
    assert "a tool prints this" in finished.err


def test_quiet_prints_the_final_answer_alone(program: Program) -> None:
    finished = program("run", "worker.py", "Note it", "--quiet")

    assert finished.out == "It is noted.\n"
    assert finished.err == "a tool prints this\n"


def test_two_forms_at_once_are_refused(steer: Program) -> None:
    finished = steer("run", "greeter.py", "Hi", "--quiet", "--json")

    assert (finished.code, finished.out) == (2, "")
    assert finished.rows == []
    assert "--json and --quiet exclude each other" in finished.err


@pytest.mark.parametrize(
    ("arguments", "given"),
    [((), "H\u00e9llo"), (("-",), "H\u00e9llo\n"), (("H\u00e9llo",), "ignored")],
)
def test_the_prompt_is_an_argument_or_what_is_piped_in(
    program: Program, arguments: tuple[str, ...], given: str
) -> None:
    program("run", "greeter.py", *arguments, text=given)

    (job,) = program("jobs", "show", "latest", "--json").rows
    (message,) = job["request"]["input"]
    assert [part["text"] for part in message["content"]] == ["H\u00e9llo"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (b"", "the prompt is empty. Say what the agent is to do"),
        (b" \n", "the prompt is empty. Say what the agent is to do"),
        (b"caf\xe9", "the prompt on standard input is not UTF-8 text (byte 3)"),
    ],
)
def test_a_prompt_that_is_none_is_refused(steer: Program, given: bytes, problem: str) -> None:
    finished = steer("run", "greeter.py", text=given)

    assert (finished.code, finished.out) == (2, "")
    assert finished.err == f"steer: {problem}\n"


def test_the_same_key_shows_the_same_job_and_another_request_is_a_conflict(
    program: Program,
) -> None:
    first = program("run", "worker.py", "Note it", "--idempotency-key", "k1", "--json")
    again = program("run", "worker.py", "Note it", "--idempotency-key", "k1", "--json")
    other = program("run", "worker.py", "Something else", "--idempotency-key", "k1")

    assert again.events[-1] == first.events[-1]
    assert (program.folder / "notes.txt").read_text() == "one\n"
    assert other.code == 7
    assert "the idempotency key 'k1' was used for another request" in other.error


def test_a_limit_ends_the_run_with_its_own_exit_code(steer: Program) -> None:
    finished = steer("run", "worker.py", "Note it", "--max-turns", "1")

    assert finished.code == 4
    assert finished.err.splitlines()[-1].startswith("failed \u00b7 ")
    assert finished.error == "steer: the run has had its 1 turn"


def test_a_limit_below_zero_is_refused_before_anything_runs(steer: Program) -> None:
    finished = steer("run", "worker.py", "Note it", "--max-turns", "-1")

    assert finished.code == 2
    assert finished.err == "steer: budget max_turns is -1, it must be 0 or more\n"


def test_a_policy_file_denies_a_tool_and_the_run_goes_on(steer: Program) -> None:
    (steer.folder / "rules.toml").write_text(
        'default = "allow"\n[[tools]]\ndeny = "note"\nreason = "no notes today"\n'
    )

    finished = steer("run", "worker.py", "Note it", "--policy", "rules.toml")

    assert finished.code == 0
    assert '  \u2717 denied: note(line="one"): no notes today' in finished.err.splitlines()
    assert not (steer.folder / "notes.txt").exists()


def test_a_policy_that_forbids_the_run_has_its_own_exit_code(steer: Program) -> None:
    (steer.folder / "rules.toml").write_text(
        '[[runs]]\ndeny = "Greeter"\nreason = "not at night"\n'
    )

    finished = steer("run", "greeter.py", "Hi", "--policy", "rules.toml", "--principal", "ann")

    assert (finished.code, finished.out) == (3, "")
    assert finished.error == "steer: policy does not let ann run Greeter: not at night"
    assert steer("jobs", "list", "--json").rows == []


def test_settings_come_from_flags_then_the_environment_then_a_file(steer: Program) -> None:
    (steer.folder / "steer.toml").write_text('principal = "file"\nscope = "from-file"\n')
    steer.env["STEER_PRINCIPAL"] = "variable"

    flag = steer("run", "greeter.py", "Hi", "--principal", "flag", "--json").events[0].data
    variable = steer("run", "greeter.py", "Hi", "--json").events[0].data
    del steer.env["STEER_PRINCIPAL"]
    file = steer("run", "greeter.py", "Hi", "--json").events[0].data

    started = [data for data in (flag, variable, file) if isinstance(data, JobStarted)]
    assert [data.principal_id for data in started] == ["flag", "variable", "file"]
    assert [data.scope_id for data in started] == ["from-file"] * 3


def test_a_key_is_named_and_never_given_on_the_command_line(steer: Program) -> None:
    given = steer("run", "greeter.py", "Hi", "--api-key-env", "sk-12345")
    missing = steer("run", "greeter.py", "Hi", "--api-key-env", "NO_SUCH_KEY")
    setting = steer("run", "greeter.py", "Hi", "--set", "api_key=sk-12345")

    assert [each.code for each in (given, missing, setting)] == [2, 2, 2]
    assert "sk-12345" not in given.err + setting.err
    assert missing.error == "steer: --api-key-env: the environment variable NO_SUCH_KEY is not set"


def test_options_reach_a_real_provider(steer: Program, play: Callable[..., Provider]) -> None:
    provider = play(Turn(Reasoning("Let me think."), "Four."))
    base_url = steer.env.pop("OPENAI_BASE_URL")
    steer.env["MY_KEY"] = "the-key"

    finished = steer(
        "run", "plain.py", "What is 2 + 2?", f"--base-url={base_url}", "--api-key-env=MY_KEY",
        "--model=gpt-5-mini", "--max-output-tokens=77", "--set=api=chat_completions",
    )  # fmt: skip

    assert (finished.code, finished.out) == (0, "Four.\n")
    assert finished.err.splitlines()[0] == "Let me think."
    (request,) = provider.requests
    assert (request.model, request.dialect) == ("gpt-5-mini", "chat")
    assert request.headers["authorization"] == "Bearer the-key"
    assert 77 in request.body.values()
    assert "the-key" not in steer("jobs", "show", "latest", "--json").out


def test_a_schema_asks_for_json_that_fits_it(steer: Program, play: Callable[..., Provider]) -> None:
    play(Turn('{"city": "Oslo"}'))
    (steer.folder / "city.json").write_text(
        '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
    )

    finished = steer("run", "plain.py", "Where?", "--schema", "city.json", "--quiet")

    assert finished.out == '{"city": "Oslo"}\n'
    (job,) = steer("jobs", "show", "latest", "--json").rows
    assert job["result"]["output"] == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "the schema city.json is not JSON"),
        ("[]", "the schema city.json is JSON, but no object"),
        (None, "the schema city.json cannot be read: No such file or directory"),
    ],
)
def test_a_schema_that_is_none_is_refused(steer: Program, text: str | None, problem: str) -> None:
    if text is not None:
        (steer.folder / "city.json").write_text(text)

    finished = steer("run", "greeter.py", "Hi", "--schema", "city.json")

    assert finished.code == 2
    assert finished.error.startswith(f"steer: {problem}")


def test_a_reader_that_goes_away_cancels_the_run(steer: Program) -> None:
    with steer.started("run", "worker.py", "Note it", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()

    (job,) = steer("jobs", "show", "latest", "--json").rows
    assert job["status"] in {"cancelled", "succeeded"}


def test_output_that_cannot_be_written_cancels_the_run(steer: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "steer", "run", "worker.py", "Note it"],
            cwd=steer.folder, env=steer.env, stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == (
        "steer: the output cannot be written: No space left on device"
    )
    (job,) = steer("jobs", "show", "latest", "--json").rows
    assert job["status"] in {"cancelled", "succeeded"}


def test_a_terminal_without_the_signs_gets_plain_ones(program: Program) -> None:
    program.env["PYTHONIOENCODING"] = "ascii"
    (program.folder / "smiley.py").write_text(
        "from stepwise import Stepwise, Turn\n"
        'agent = Stepwise(turns=(Turn(text="\u263a \\ud800"),))\n'
    )

    finished = program("run", "smiley.py", "Hi")

    assert (finished.code, finished.out) == (0, "\\u263a \\ufffd\n")
    assert finished.err.startswith("succeeded - 15 tokens - ")


def test_a_provider_that_is_busy_is_asked_again_and_that_is_said(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Failure(503, message="Busy.", headers={"retry-after-ms": "1"}), Turn("Hello."))
    finished = steer("run", "plain.py", "Hi", "--retries", "1")

    assert (finished.code, finished.out) == (0, "Hello.\n")
    assert "the model is asked again in 1 ms: openai answered 503: Busy." in finished.err


def test_a_run_without_retries_ends_with_the_first_failure(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Failure(503, message="Busy."), Turn("Hello."))
    finished = steer("run", "plain.py", "Hi", "--retries", "0")

    assert finished.code == 6
    assert finished.err.startswith("steer: openai answered 503: Busy\n")
