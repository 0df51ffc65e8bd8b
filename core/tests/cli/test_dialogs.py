"""What somebody types becomes an answer of the type that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from steer.actions import (
    Answer,
    Applied,
    ApplyChanges,
    Approval,
    Choose,
    Chosen,
    Confirm,
    Confirmed,
    Custom,
    Decided,
    FileChange,
    Given,
    Input,
    Option,
    Question,
    Reauth,
    Remember,
    SignedIn,
    Upload,
)
from steer.actions import Answered as AnsweredOwn
from steer.cli.people.dialogs import Files, ask
from steer.cli.terminal.person import Left, Person


class Typing:
    """A ``LineReader`` of what somebody types, line by line; ``None`` is Ctrl-D."""

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)
        self.defaults: list[str] = []
        self.secrets: list[bool] = []

    def read(self, label: str, /, *, default: str = "", secret: bool = False) -> str:
        self.defaults.append(default)
        self.secrets.append(secret)
        line = self.lines.pop(0)
        if line is None:
            raise Left
        return line

    def forget_typed(self) -> None:
        pass

    def dismiss(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


def answered(
    question: Question, typing: Typing, show: Callable[[], None] = lambda: None
) -> tuple[Answer | Files, list[str]]:
    """The answer, and what was told meanwhile."""
    told: list[str] = []
    person = Person(typing, lambda _, text: told.append(text), descriptor=0)
    answer = ask(question, person, show)
    assert typing.lines == []
    return answer, told


REFUND = Approval(tool="refund", arguments={"order": 7, "amount": 500}, remember=tuple(Remember))
TWO = Choose(
    message="Which?",
    options=(Option(id="a", label="A"), Option(id="b", label="B"), Option(id="c", label="C")),
    min=2,
    max=2,
)
FILES = ApplyChanges(
    message="Change them?",
    changes=(
        FileChange(path="a.py", kind="delete"),
        FileChange(path="b.py", kind="create", after="x"),
    ),
)


@pytest.mark.parametrize(
    ("question", "lines", "answer"),
    [
        (Confirm(message="Go?"), ["Y"], Confirmed(confirmed=True)),
        (Confirm(message="Go?"), ["", "what", " n "], Confirmed(confirmed=False)),
        (TWO, ["1,c"], Chosen(chosen=("a", "c"))),
        (TWO, ["1", "4", "3, 2"], Chosen(chosen=("c", "b"))),
        (Input(message="Who?"), ["007"], Given(value="007")),
        (Input(message="Who?", min_length=2), ["x", "xy"], Given(value="xy")),
        (Input(message="N?", schema={"type": "integer"}), ["many", "1.5", "7"], Given(value=7)),
        (Input(message="N?", schema={"type": "string"}), ["007"], Given(value="007")),
        (Input(message="N?", schema={"type": "string"}), ['"x"'], Given(value="x")),
        (Reauth(message="Sign in", provider="GitHub"), ["y"], SignedIn(done=True)),
        (FILES, ["a"], Applied(applied="all")),
        (FILES, ["p", "2"], Applied(applied=("b.py",))),
        (FILES, ["n"], Applied(applied="none")),
        (Custom(kind="rate"), ["five", "5"], AnsweredOwn(data=5)),
        (REFUND, ["y"], Decided(decision="approve")),
        (REFUND, ["a"], Decided(decision="approve", remember=Remember.ARGUMENTS)),
        (REFUND, ["t"], Decided(decision="approve", remember=Remember.TOOL)),
        (REFUND, ["n", "too much"], Decided(decision="deny", reason="too much")),
        (
            REFUND,
            ["e", '{"order": 7, "amount": 5}', "y"],
            Decided(decision="approve", arguments={"order": 7, "amount": 5}),
        ),
    ],
)
@pytest.mark.usefixtures("no_editor")
def test_what_is_typed_is_the_answer(
    question: Question, lines: list[str | None], answer: Answer
) -> None:
    assert answered(question, Typing(*lines))[0] == answer


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        (Confirm(message="Go?"), ["l"]),
        (REFUND, ["l"]),
        (REFUND, ["n", None]),
        (Input(message="Who?"), [None]),
    ],
)
def test_any_question_can_be_left_for_later(question: Question, lines: list[str | None]) -> None:
    with pytest.raises(Left):
        answered(question, Typing(*lines))


def test_only_what_the_question_offers_can_be_approved() -> None:
    once = Approval(tool="refund", remember=(Remember.ONCE,))

    answer, told = answered(once, Typing("a", "t", "y"))

    assert answer == Decided(decision="approve")
    assert "[t]" not in told[0]
    assert told[1:] == ["type y, n, e, s or l"] * 2


def test_all_of_it_can_be_seen_before_anything_is_decided() -> None:
    shown: list[str] = []

    answer, _ = answered(REFUND, Typing("s", "y"), lambda: shown.append("whole"))

    assert (answer, shown) == (Decided(decision="approve"), ["whole"])


@pytest.mark.usefixtures("no_editor")
def test_an_edit_starts_from_what_was_asked_and_shows_what_it_changes() -> None:
    typing = Typing("e", '{"order": 7', "e", '{"order": 8, "amount": 500}', "n", "y")

    answer, told = answered(REFUND, typing)

    assert answer == Decided(decision="approve"), "the edit was taken back"
    assert typing.defaults[1] == '{"order": 7, "amount": 500}'
    assert typing.defaults[3] == '{"order": 7', "what was typed is not lost for a slip"
    assert any(line.startswith("this is not JSON: ") for line in told)
    bars = [line for line in told if line.startswith("\u2502")]
    assert bars == ["\u2502 - order: 7", "\u2502 + order: 8", "\u2502   amount: 500"]


@pytest.mark.usefixtures("no_editor")
def test_an_edit_that_changes_nothing_approves_nothing() -> None:
    typing = Typing("e", '{"amount": 500, "order": 7}', "n", "")

    answer, told = answered(REFUND, typing)

    assert answer == Decided(decision="deny")
    assert "nothing was changed" in told


@pytest.mark.usefixtures("no_editor")
@pytest.mark.parametrize("text", ["[1]", "7", "", '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_none_are_refused_in_one_line(text: str) -> None:
    answer, told = answered(REFUND, Typing("e", text, "n", "y"))

    assert answer == Decided(decision="approve")
    assert any("is not JSON" in line or "no object" in line for line in told)


def test_an_editor_is_given_the_arguments_and_what_it_leaves_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "my editor"
    editor.write_text(f'#!/bin/sh\ncp "$2" \'{tmp_path}/given.json\'\nsed -i s/500/5/ "$2"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"'{editor}' -w")
    monkeypatch.setenv("EDITOR", "false")

    answer, _ = answered(REFUND, Typing("e", "y"))

    assert answer == Decided(decision="approve", arguments={"order": 7, "amount": 5})
    assert (tmp_path / "given.json").read_text() == '{\n  "order": 7,\n  "amount": 500\n}\n'


@pytest.mark.parametrize("editor", ["false", "/nowhere/editor", "'"])
def test_an_editor_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch, editor: str) -> None:
    monkeypatch.setenv("VISUAL", editor)

    answer, told = answered(REFUND, Typing("e", "n", "y"))

    assert answer == Decided(decision="approve")
    assert any("editor" in line or "VISUAL" in line for line in told)


def test_a_secret_is_typed_unseen() -> None:
    typing = Typing(" pass word ")

    answer, _ = answered(Input(message="Password?", secret=True), typing)

    assert answer == Given(value=" pass word "), "white space may be part of it"
    assert typing.secrets == [True]


def test_files_are_asked_for_one_by_one(tmp_path: Path) -> None:
    one = tmp_path / "one.txt"
    one.write_text("1")
    upload = Upload(message="Files?", max_files=3)

    answer, told = answered(upload, Typing("", str(tmp_path), str(one), ""))

    assert answer == Files(paths=(one,))
    assert told == ["that is no file", f"{tmp_path} is no file"]
