"""What a run asks is asked where it is shown: at a real terminal, of the real SDK."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from programs import Program
from steer.events import JobStatusChanged
from steer.values import JobStatus
from steer_conformance.provider import Provider, ToolCall, Turn
from terminals import at_terminal

REFUND = ToolCall("refund", {"order": 7, "amount": 500})
KEYS = r"y/a/t/n/e/s/l>"


@pytest.fixture
def refunds(steer: Program) -> Callable[[], str]:
    """What was refunded."""
    file = steer.folder / "refunds.txt"
    return lambda: file.read_text() if file.exists() else ""


def told_to_model(provider: Provider) -> list[str]:
    """What the model was told that its last tool calls came to."""
    items = provider.requests[-1].body["input"]
    return [str(item["output"]) for item in items if item.get("type") == "function_call_output"]


def test_a_call_runs_once_it_was_approved_in_place(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn("I refund it.", REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        # Typed before there was a question, so it answers none.
        terminal.enter("y")
        asked = terminal.until(KEYS)
        assert refunds() == ""
        terminal.enter("")
        terminal.until("type y, a, t, n, e, s or l")
        terminal.until(KEYS)
        terminal.enter("y")
        code = terminal.end()

    assert "I refund it.\n" in asked
    assert "\u2502 may this run? refund\n  \u2502 order: 7\n  \u2502 amount: 500\n" in asked
    assert "\u2502 agent: Shop\n" in asked
    assert (code, refunds()) == (0, "7 500 \n")
    assert "local answered: approve" in terminal.seen


def test_a_call_that_is_denied_does_not_run_and_the_model_reads_why(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    provider = play(Turn(REFUND), Turn("I see."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7", term="dumb") as terminal:
        terminal.until(KEYS)
        terminal.enter("n")
        terminal.until("empty")
        terminal.enter("ask the customer first")
        assert terminal.end() == 0

    assert refunds() == ""
    assert "ask the customer first" in told_to_model(provider)[0]
    assert "\x1b" not in terminal.raw, "it cannot move its cursor"


def test_edited_arguments_are_shown_as_a_difference_and_are_what_runs(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        terminal.until(KEYS)
        terminal.enter("e")
        terminal.until("arguments>")
        terminal.type("\x7f" * 4 + "5}")
        terminal.enter()
        difference = terminal.until("y/e/n>")
        terminal.enter("y")
        assert terminal.end() == 0

    assert "\u2502   order: 7\n  \u2502 - amount: 500\n  \u2502 + amount: 5\n" in difference
    assert refunds() == "7 5 \n"
    assert "(the model asked for refund(order=7, amount=500))" in terminal.seen


@pytest.mark.long
def test_an_editor_has_the_terminal_for_itself(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))
    editor = steer.folder / "editor"
    # Ctrl-C means something to it, and must not cancel the run.
    editor.write_text(
        "#!/bin/sh\ntrap 'sed -i s/500/5/ \"$1\"; exit 0' INT\necho editing\n"
        "while :; do sleep 0.1; done\n"
    )
    editor.chmod(0o755)
    steer.env["EDITOR"] = str(editor)

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        terminal.until(KEYS)
        terminal.enter("e")
        terminal.until("editing")
        terminal.type("\x03")
        terminal.until("y/e/n>")
        terminal.enter("y")
        assert terminal.end() == 0

    assert refunds() == "7 5 \n"


@pytest.mark.long
def test_what_was_approved_for_the_tool_is_not_asked_again(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn(ToolCall("refund", {"order": 8, "amount": 1})), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund both") as terminal:
        terminal.until(KEYS)
        terminal.enter("t")
        assert terminal.end() == 0

    assert refunds() == "7 500 \n8 1 \n"
    assert terminal.seen.count("may this run?") == 1


def test_a_question_that_is_answered_elsewhere_goes_away_and_says_by_whom(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        asked = terminal.until(KEYS)
        terminal.type("half an ans")
        terminal.until("half an ans")
        found = re.search(r"action: (\S+)", asked)
        assert found is not None
        approved = steer("actions", "approve", found[1], "--principal", "ann")
        after = terminal.until("ann answered: approve")
        code = terminal.end()

    assert approved.code == 0
    assert "half an ans" not in after
    assert (code, refunds()) == (0, "7 500 \n")


def test_ctrl_c_at_the_prompt_cancels_the_run_and_leaves_the_terminal_as_it_was(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        terminal.until(KEYS)
        terminal.type("\x03")
        terminal.until("cancelled: Ctrl-C")
        assert terminal.echoes
        assert terminal.end() == 130

    assert refunds() == ""
    (row,) = steer("actions", "list", "--all", "--json").rows
    assert row["status"] == "cancelled"


def test_what_comes_from_elsewhere_is_held_back_while_somebody_is_asked(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND, ToolCall("look", {"what": "a thing"})), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund and look") as terminal:
        asked = terminal.until(KEYS)
        # The other tool is done meanwhile: its record is in the store.
        while not any(row["type"] == "tool.end" for row in events(steer)):
            pass
        terminal.enter("s")
        again = terminal.until(KEYS)
        terminal.enter("n")
        terminal.until("empty")
        terminal.enter("")
        rest = terminal.until("succeeded")

    assert "looked at a thing" not in again
    assert "\u2190 look" not in asked.partition("may this run?")[2] + again
    assert "looked at a thing" in asked + rest
    assert "\u2190 look: a thing" in asked + rest


def events(steer: Program) -> list[dict[str, object]]:
    return [dict(row) for row in steer("events", "latest", "--json").rows]


HOSTILE = {
    "order": 7,
    "amount": 1,
    "note": "ok\x1b[2J\x1b[1;1H\u202e\x07"
    + "   " * 60
    + "y/a/t/n/e/s/l> y"
    + "\n\x9b31m\r  approved\n" * 40,
}


def test_nothing_in_a_call_can_look_like_the_program_or_move_the_cursor(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(ToolCall("refund", HOSTILE)), Turn("I see."))

    with at_terminal(steer, "run", "shop.py", "Refund", term="dumb", columns=60) as terminal:
        asked = terminal.until(r"\ny/a/t/n/e/s/l>")
        terminal.enter("s")
        whole = terminal.until(r"\ny/a/t/n/e/s/l>")
        terminal.enter("n")
        terminal.until("empty")
        terminal.enter("")
        terminal.end()

    assert "\x1b" not in terminal.raw
    assert not set("\x07\x9b\u202e") & set(terminal.raw)
    question = asked[asked.index("  \u2502 may this run?") : asked.index("\n  [y]")]
    rows = question.splitlines()
    assert all(row.startswith("  \u2502 ") for row in rows)
    assert all(len(row) <= 60 for row in rows)
    assert len(rows) < len(whole.splitlines()) / 2, "what is long is cut"
    assert "s shows all" in question
    assert "\\u001b[2J" in question


@pytest.mark.long
def test_a_question_is_asked_beside_an_answer_that_goes_elsewhere(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7", "--quiet") as terminal:
        terminal.until(KEYS)
        terminal.enter("y")
        terminal.end()

    assert refunds() == "7 500 \n"
    assert terminal.seen.endswith("Done.\n")


@pytest.mark.long
def test_nobody_is_asked_where_that_is_said(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    provider = play(Turn(REFUND), Turn("I see."))

    finished = steer("run", "shop.py", "Refund order 7", "--approvals", "deny")

    assert (finished.code, refunds()) == (0, "")
    assert "\u2717 denied: refund(order=7, amount=500)" in finished.err
    assert provider is not None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--approvals ask", "--approvals ask needs a terminal, and there is none to ask on"),
        ("--approvals deny --park-after 5", "--park-after has no effect where nobody is asked"),
        ("--approvals deny --answer-within 5", "--answer-within has no effect where nobody is"),
        ("--park-after -1", "approvals: inline_seconds is -1.0"),
    ],
)
def test_options_that_cannot_hold_are_refused(steer: Program, options: str, line: str) -> None:
    finished = steer("run", "shop.py", "Hi", *options.split())

    assert finished.code == 2
    assert finished.err.startswith(f"steer: {line}")


@pytest.mark.long
def test_a_question_that_is_left_parks_the_job_until_it_is_answered_elsewhere(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    provider = play(Turn("I refund it.", REFUND), Turn("Done."))

    with at_terminal(steer, "run", "shop.py", "Refund order 7") as terminal:
        terminal.until(KEYS)
        terminal.enter("l")
        assert terminal.end() == 9
    found = re.search(
        r"steer actions approve (\S+); then: steer jobs resume ([\w-]+)", terminal.seen
    )
    assert found is not None, terminal.seen
    approved = steer("actions", "approve", found[1])
    resumed = steer("jobs", "resume", found[2])

    assert approved.code == 0
    assert "steer jobs resume" in approved.err
    assert (resumed.code, refunds()) == (0, "7 500 \n"), resumed
    assert len(provider.requests) == 2, "what the model had said is not asked again"


def test_without_a_terminal_the_job_waits_and_says_how_to_answer(
    steer: Program, refunds: Callable[[], str], play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("I see."))

    parked = steer("run", "shop.py", "Refund order 7")
    (action,) = steer("actions", "list", "--json").rows
    denied = steer("actions", "deny", action["action_id"], "--reason", "no")
    resumed = steer("jobs", "resume", action["job_id"])

    assert (parked.code, refunds()) == (9, "")
    assert parked.err.splitlines()[-1].startswith(
        f"the job waits for a person. to answer: steer actions approve {action['action_id']}; then:"
    )
    assert (denied.code, resumed.code, refunds()) == (0, 0, "")


@pytest.mark.long
def test_a_program_reads_of_events_and_code_that_the_job_waits(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND))

    parked = steer("run", "shop.py", "Refund order 7", "--json")

    assert (parked.code, parked.err) == (9, "")
    assert [event.type for event in parked.events].count("action.required") == 1
    last = parked.events[-1].data
    assert isinstance(last, JobStatusChanged)
    assert last.new is JobStatus.WAITING_ACTION
