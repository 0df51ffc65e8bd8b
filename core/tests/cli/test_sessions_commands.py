from __future__ import annotations

import json

import anyio
import anyio.to_thread
import pytest
from in_process import InProcess
from kernels import Moment, open_kernel
from programs import Program
from steer.sessions import KeepLast
from talking import saying, talk
from terminals import at_terminal

SECRET = "ACME-1234-5678"
RULES = """
[redaction]
rules = [{ name = "acme", pattern = "ACME(?:-[0-9]{4}){2}" }]
"""


@pytest.fixture
def url(steer: Program) -> str:
    steer.env["STEER_STORAGE"] = url = f"sqlite:///{steer.folder}/runs.db"
    return url


@pytest.fixture
def here(
    steer: Program,
    url: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> InProcess:
    """The same commands in this process."""
    program = InProcess(steer.folder, monkeypatch, capfd)
    monkeypatch.setenv("STEER_STORAGE", url)
    return program


def fill(url: str, *prompts: str, session_id: str = "talk", most: int | None = None) -> None:
    """Talk in a session, in this process."""

    async def talked() -> None:
        compaction = None if most is None else KeepLast(messages=most)
        async with open_kernel(storage=url, compaction=compaction) as kernel:
            for prompt in prompts:
                request = talk(prompt, saying(f"To {prompt}"), session_id=session_id)
                await (await kernel.execute(request)).result()

    anyio.run(talked)


def test_runs_go_on_with_a_session_and_it_is_listed_and_shown(
    steer: Program, here: InProcess
) -> None:
    for prompt in ("Hi", "And \x1b[31mnow?"):
        done = steer("run", "greeter.py", prompt, "--session", "ann", "--quiet")
        assert (done.code, done.out) == (0, "Hello, you.\n")
    head, row = here("sessions", "list").out.splitlines()
    assert head.split() == ["SESSION", "ITEMS", "CHANGED", "BUSY", "WITH"]
    assert row.split()[:2] == ["ann", "2"]
    (listed,) = here("sessions", "list", "--json").rows
    assert (listed["session_id"], listed["items"], listed["held_by"]) == ("ann", 2, None)
    shown = here("sessions", "show", "ann")
    assert shown.code == 0
    assert shown.out.splitlines()[-4:] == [
        "assistant Hello, you.",
        "",
        "user      And \u241b[31mnow?",
        "assistant Hello, you.",
    ]
    assert "\x1b" not in shown.out
    first, second = here("sessions", "show", "ann", "--json").rows
    assert second["runs"][0]["messages"][1]["content"] == [{"text": "Hello, you.", "type": "text"}]
    assert first["runs"][0]["runtime"] == "stepwise"


def test_a_busy_session_refuses_by_the_job_that_has_it(
    program: Program, here: InProcess, url: str
) -> None:
    program.env["STEER_STORAGE"] = url

    async def meanwhile() -> None:
        place = Moment("said:0")
        async with open_kernel(storage=url) as kernel:
            await (await kernel.execute(talk("Zero", saying("0")))).result()
            handle = await kernel.execute(talk("One", saying("1", reach=place)))
            await place.arrive()

            def look() -> None:
                refused = program("run", "greeter.py", "Hi", "--session", "talk")
                assert refused.code == 7
                assert handle.job_id in refused.error
                waited = ("--session-busy", "wait", "--session-wait", "0.05")
                refused = program("run", "greeter.py", "Hi", "--session", "talk", *waited)
                assert (refused.code, handle.job_id in refused.error) == (7, True)
                assert handle.job_id[-12:] in here("sessions", "list").out
                assert handle.job_id in here("sessions", "show", "talk").out
                kept = here("sessions", "delete", "talk", "--yes")
                assert (kept.code, handle.job_id in kept.error) == (7, True)

            await anyio.to_thread.run_sync(look)
            place.go.set()
            await handle.result()

    anyio.run(meanwhile)


def test_sessions_are_listed_by_pages_copied_and_deleted(here: InProcess, url: str) -> None:
    fill(url, "One", "Two")
    copied = here("sessions", "fork", "talk", "copy", "--items", "1")
    assert (copied.code, copied.err) == (0, "copy has 1 item\n")
    first = here("sessions", "list", "--limit", "1", "--json")
    cursor = first.err.split()[-1]
    second = here("sessions", "list", "--limit", "1", "--json", "--cursor", cursor)
    assert [row["session_id"] for row in (*first.rows, *second.rows)] == ["copy", "talk"]
    again = here("sessions", "fork", "talk", "copy")
    assert (again.code, "a session copy already" in again.error) == (7, True)
    fewer = here("sessions", "fork", "talk", "more", "--items", "3")
    assert fewer.code == 2
    assert fewer.error == (
        "steer: session talk has 2 items, and 3 were to be copied."
        " Copy as many as there are at most, and 1 at least"
    )
    unasked = here("sessions", "delete", "copy")
    assert (unasked.code, unasked.error.endswith("Add --yes")) == (2, True)
    gone = here("sessions", "delete", "copy", "-y")
    assert (gone.code, gone.err) == (0, "deleted copy\n")
    for command in (("show", "copy"), ("delete", "copy", "-y"), ("fork", "copy", "x")):
        refused = here("sessions", *command)
        assert (refused.code, "there is no session copy" in refused.error) == (7, True)


def test_programs_are_told_what_became_of_a_session(here: InProcess, url: str) -> None:
    fill(url, "One", "Two")
    copied = here("sessions", "fork", "talk", "copy", "--items", "1", "--json")
    listed = here("sessions", "list", "--json").rows
    assert (copied.rows, copied.err) == (listed[:1], "")
    assert (copied.rows[0]["session_id"], copied.rows[0]["items"]) == ("copy", 1)
    gone = here("sessions", "delete", "talk", "--yes", "--json")
    assert (gone.rows, gone.err) == (listed[1:], "")
    for command in (("fork", "talk", "x"), ("delete", "talk", "--yes")):
        refused = here("sessions", *command, "--json")
        assert (refused.code, refused.out) == (7, "")
        assert json.loads(refused.err)["error"]["code"] == "not_found"


def test_who_deletes_at_a_terminal_is_asked(steer: Program, url: str) -> None:
    fill(url, "One")
    for typed, said, code in (("n", "nothing was deleted", 1), ("y", "deleted talk", 0)):
        with at_terminal(steer, "sessions", "delete", "talk") as terminal:
            terminal.until("delete talk with 1 item for good")
            terminal.enter(typed)
            terminal.until(said)
            assert terminal.process.wait(60) == code


def test_what_was_made_shorter_is_shown_with_all(here: InProcess, url: str) -> None:
    fill(url, "1", "2", "3", most=2)
    shown = here("sessions", "show", "talk").out
    assert "user      1" not in shown
    assert "user      3" in shown
    whole = here("sessions", "show", "talk", "--all").out
    assert all(f"user      {number}" in whole for number in "123")
    assert {row["type"] for row in here("sessions", "show", "talk", "--all", "--json").rows} == {
        "run",
        "compacted",
    }


def test_what_is_kept_out_of_events_is_not_shown(steer: Program, here: InProcess, url: str) -> None:
    fill(url, f"My key is {SECRET}")
    (steer.folder / "steer.toml").write_text(RULES)
    for form in ((), ("--json",)):
        shown = here("sessions", "show", "talk", *form)
        assert shown.code == 0
        assert SECRET not in shown.out
        assert "My key is" in shown.out


def test_options_of_a_session_without_effect_are_refused(here: InProcess, url: str) -> None:
    for options, said in (
        (("--session-busy", "wait"), "Name one with --session"),
        (("--session", "a", "--session-wait", "3"), "Add --session-busy wait"),
        (("--session", "a", "--session-busy", "wait", "--detach"), "waits its turn"),
    ):
        refused = here("run", "greeter.py", "Hi", *options)
        assert (refused.code, said in refused.error) == (2, True), refused.err
    # Nothing ran, so not even the file was made.
    assert here("sessions", "list").code == 8
