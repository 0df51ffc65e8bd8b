"""Questions of a run are listed, shown and answered from other processes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from programs import Program, ended, interrupt
from steer_conformance.provider import Provider, ToolCall, Turn
from terminals import at_terminal

REFUND = ToolCall("refund", {"order": 7, "amount": 500})


@contextmanager
def asking(
    steer: Program, *options: str, count: int = 1
) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """A run that waits for people to answer, and the ids of its questions."""
    command = ("run", "shop.py", "Refund order 7", "--approvals", "park", "--park-after", "3600")
    with steer.started(*command, *options) as process:
        assert process.stderr is not None
        ids: list[str] = []
        while len(ids) < count:
            line = process.stderr.readline().decode()
            assert line, "the run ended without asking"
            if found := re.search(r"waiting for a person: .* steer actions approve (\S+)$", line):
                ids.append(found[1])
        yield process, ids


@pytest.fixture
def refunds(steer: Program) -> Callable[[], str]:
    """What was refunded."""
    file = steer.folder / "refunds.txt"
    return lambda: file.read_text() if file.exists() else ""


def told_to_model(provider: Provider) -> str:
    """What the model was told that the last tool call came to."""
    items: list[Any] = provider.requests[-1].body["input"]
    return str(items[-1]["output"])


def test_a_call_that_waits_is_listed_shown_and_approved(
    steer: Program, play: Callable[..., Provider], refunds: Callable[[], str]
) -> None:
    play(Turn(REFUND), Turn("Done."))
    with asking(steer) as (process, [action]):
        (row,) = steer("actions", "list", "--json").rows
        head, listed = steer("actions", "list").out.splitlines()
        shown = steer("actions", "show", action[-12:])
        approved = steer("actions", "approve", action[:13], "--principal", "ann")
        finished = ended(process)
    after = steer("actions", "show", "latest")

    assert (row["action_id"], row["status"], row["type"]) == (action, "pending", "approval")
    assert not {"token_hash", "binding"} & set(row), "nothing that it could be answered with"
    assert head.split() == ["ACTION", "STATUS", "TYPE", "WHAT", "JOB", "ASKED", "UNTIL"]
    assert listed.split()[:5] == [
        action[-12:],
        "pending",
        "approval",
        "refund(order=7,",
        "amount=500)",
    ]
    assert "tool        refund\n" in shown.out
    assert "  order: 7\n  amount: 500\n" in shown.out
    assert shown.err == f"to answer: steer actions approve {action}\n"
    assert approved.code == 0
    assert approved.err.startswith("approved: refund(order=7, amount=500) \u00b7 action ")
    assert (finished.code, refunds()) == (0, "7 500 \n")
    assert "by          ann\n" in after.out
    assert "via         terminal\n" in after.out
    assert steer("actions", "list").err == "nobody is asked anything\n"
    assert len(steer("actions", "list", "--all", "--json").rows) == 1


def test_a_reason_for_a_denial_reaches_the_model(
    steer: Program, play: Callable[..., Provider], refunds: Callable[[], str]
) -> None:
    provider = play(Turn(REFUND), Turn("I see."))
    with asking(steer) as (process, [action]):
        denied = steer("actions", "deny", action, "--reason", "ask the customer first")
        finished = ended(process)

    assert denied.err.startswith("denied: refund(")
    assert (finished.code, refunds()) == (0, "")
    assert "ask the customer first" in told_to_model(provider)


def test_other_arguments_run_in_place_of_the_models(
    steer: Program, play: Callable[..., Provider], refunds: Callable[[], str]
) -> None:
    play(Turn(REFUND), Turn("Done."))
    with asking(steer) as (process, [action]):
        steer("actions", "approve", action, "--arguments", '{"order": 7, "amount": 5}')
        ended(process)

    assert refunds() == "7 5 \n"


def test_an_approval_of_a_tool_holds_for_the_rest_of_the_job(
    steer: Program, play: Callable[..., Provider], refunds: Callable[[], str]
) -> None:
    play(Turn(REFUND), Turn(ToolCall("refund", {"order": 8, "amount": 1})), Turn("Done."))
    with asking(steer) as (process, [action]):
        steer("actions", "approve", action, "--remember", "tool")
        ended(process)

    assert refunds() == "7 500 \n8 1 \n"


@pytest.mark.long
def test_each_way_of_answering_wrongly_is_one_sentence_and_a_code(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND, ToolCall("refund", {"order": 8, "amount": 1})), Turn("Done."))
    with asking(steer, count=2) as (process, [first, second]):
        (job,) = steer("jobs", "list", "--json").rows
        refused = {
            "two": steer("actions", "approve", job["job_id"]),
            "unseen": steer("actions", "approve", "latest"),
            "short": steer("actions", "approve", "abc"),
            "nobody": steer("actions", "approve", "0123456789ab"),
            "elsewhere": steer("actions", "approve", first, "--scope", "other"),
            "misfit": steer("actions", "resolve", first, "--answer", '{"decision": "maybe"}'),
            "no json": steer("actions", "resolve", first, "--answer", "{"),
            "no object": steer("actions", "approve", first, "--arguments", "[1]"),
            "nowhere": steer("actions", "resolve", first),
            "token": steer("actions", "approve", first, "--token-stdin", text="no.token"),
            "no token": steer("actions", "approve", first, "--token-env", "NO_SUCH"),
            "no file": steer("actions", "resolve", first, "--file", "shop.py"),
        }
        cancelled = steer("actions", "cancel", first, "--reason", "never mind")
        refused["late"] = steer("actions", "approve", first)
        steer("actions", "deny", job["job_id"][-12:])
        refused["twice"] = steer("actions", "deny", second)
        ended(process)

    assert cancelled.err.startswith("cancelled: refund(order=7, amount=500)")
    expected = {
        "two": (2, f"the job '{job['job_id']}' waits for 2 actions: {first}, {second}"),
        "unseen": (2, "latest may be a question that you have not seen"),
        "short": (2, "'abc' is too short for an action"),
        "nobody": (7, "there is no action '0123456789ab' in scope default"),
        "elsewhere": (7, f"there is no action '{first}' in scope other"),
        "misfit": (11, "the answer to an action of type approval does not fit: decision: "),
        "no json": (2, "--answer: this is not JSON: "),
        "no object": (2, "--arguments is JSON, but no object"),
        "nowhere": (2, "there is no terminal to ask on"),
        "token": (3, "this is not the token that answers action "),
        "no token": (2, "--token-env: the environment variable NO_SUCH is not set"),
        "no file": (2, f"action {first} asks for no file"),
        "late": (10, f"action {first} has ended: it need not be answered any more"),
        "twice": (10, f"action {second} has ended: local answered: deny"),
    }
    for why, (code, sentence) in expected.items():
        finished = refused[why]
        assert (why, finished.code, finished.error) == (why, code, finished.error)
        assert finished.error.startswith(f"steer: {sentence}"), why
        assert finished.err.count("\n") == 1, why


@pytest.mark.long
def test_an_answer_that_is_too_late_has_one_code_before_and_after_the_job_knows(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("Done."))
    parked = steer("run", "shop.py", "Refund order 7", "--answer-within", "1")
    (action,) = steer("actions", "list", "--json").rows

    over = "which is over; it counts as denied\n"
    while over not in (shown := steer("actions", "show", "latest")).out:
        assert shown.code == 0
    late = steer("actions", "approve", action["action_id"])
    steer("worker", "--until-idle")
    later = steer("actions", "approve", action["action_id"])

    assert (parked.code, late.code, later.code) == (9, 5, 5)
    assert late.error.endswith(": this answer is too late")
    assert later.error == f"steer: action {action['action_id']} has ended: nobody answered in time"
    assert shown.err == "", "there is no use in an answer"


def test_somebody_whom_the_rules_do_not_let_answer_is_told_so(
    steer: Program, play: Callable[..., Provider]
) -> None:
    rules = '[[tools]]\nask = "refund"\napprovers = ["boss-*"]\n'
    (steer.folder / "rules.toml").write_text(rules)
    play(Turn(REFUND), Turn("Done."))
    with asking(steer, "--policy", "rules.toml") as (process, [action]):
        answer = ("actions", "approve", action, "--policy", "rules.toml", "--principal")
        stranger, boss = steer(*answer, "ann"), steer(*answer, "boss-eve")
        assert ended(process).code == 0

    assert stranger.code == 3
    assert stranger.error.startswith(f"steer: ann may not answer action {action}")
    assert boss.code == 0


def test_arguments_are_edited_at_a_terminal_before_they_are_approved(
    steer: Program, play: Callable[..., Provider], refunds: Callable[[], str]
) -> None:
    play(Turn(REFUND), Turn("Done."))
    with asking(steer) as (process, [action]):
        with at_terminal(steer, "actions", "approve", action, "--edit") as terminal:
            terminal.until("arguments>")
            # Ctrl-A, five words on, and the number is another.
            terminal.type("\x7f" * 4 + "5}")
            terminal.enter()
            shown = terminal.until("y/e/n>")
            terminal.enter("y")
            assert terminal.end() == 0
        ended(process)

    assert "\u2502   order: 7\n  \u2502 - amount: 500\n  \u2502 + amount: 5\n" in shown
    assert refunds() == "7 5 \n"


@pytest.mark.long
def test_a_list_that_is_watched_tells_of_each_new_question(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("I see."))
    steer("run", "greeter.py", "Hi")
    with steer.started("actions", "list", "--watch") as watching:
        assert watching.stdout is not None
        with asking(steer) as (process, [action]):
            line = watching.stdout.readline().decode()
            steer("actions", "deny", action)
            ended(process)
        interrupt(watching)
        last = ended(watching)

    assert line.startswith(f"{action[-12:]}  pending  approval  refund(order=7, amount=500)")
    assert (last.code, last.out, last.err) == (130, "", "")


def test_a_list_that_is_watched_at_a_terminal_keeps_up(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(REFUND), Turn("I see."))
    steer("run", "greeter.py", "Hi")
    with at_terminal(steer, "actions", "list", "--watch") as watching:
        watching.until("nobody is asked anything")
        with asking(steer) as (process, [action]):
            watching.until(f"{action[-12:]} +pending +approval +refund")
            steer("actions", "deny", action)
            ended(process)
        watching.until("nobody is asked anything")
        watching.type("\x03")
        assert watching.end() == 130
    assert "Traceback" not in watching.seen
    assert watching.raw.endswith("\x1b[?25h"), "the cursor is there again"
