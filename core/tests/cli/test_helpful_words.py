"""What the command line says to somebody who is about to find out how it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import InProcess
from rich.cells import cell_len
from steer.cli.terminal.rows import in_words
from steer.cli.terminal.telling import BAR, teller

COMMANDS = (
    "run", "agents add", "agents show", "agents set-runtime", "jobs show",
    "actions resolve", "events", "policy check", "policy explain", "policy test",
    "artifacts put", "artifacts get", "completion",
)  # fmt: skip
HINTS = "[y] approve once  [a] approve, and further calls with these arguments  [n] deny"


@pytest.fixture
def steer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> InProcess:
    return InProcess(tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize("command", COMMANDS)
def test_arguments_are_shown_by_their_names_alone(steer: InProcess, command: str) -> None:
    shown = steer(*command.split(), "--help").out
    _, after = shown.split("\nArguments:\n")
    arguments = after.split("\n\n")[0] if "\n\n" in after else after
    assert arguments.startswith("  ")
    assert "<" not in arguments


LOOKS = (
    "jobs list", "jobs show latest", "jobs cancel latest", "jobs resume latest",
    "jobs retry latest", "actions list", "actions list --watch", "actions show latest",
    "actions approve 123456", "actions deny 123456", "actions resolve 123456 --answer 1",
    "actions cancel 123456", "events latest", "artifacts list", "artifacts get 123456 -",
    "artifacts put latest x", "agents list", "agents show helper", "agents remove helper --yes",
)  # fmt: skip


@pytest.mark.parametrize("command", LOOKS)
def test_who_looks_into_a_file_that_is_not_there_is_told_so(steer: InProcess, command: str) -> None:
    (steer.folder / "x").write_text("x")
    finished = steer(*command.split(), "--storage", "sqlite:///jbos.db")
    assert (finished.code, finished.out) == (8, "")
    missing = steer.folder / "jbos.db"
    assert finished.error.startswith(f"steer: there is no file {missing}, which --storage names")
    assert not missing.exists()


def test_the_default_storage_need_not_be_there_yet(steer: InProcess) -> None:
    assert steer("jobs", "list").err == "no jobs\n"
    assert steer("actions", "list").err == "nobody is asked anything\n"


@pytest.mark.parametrize("given_too", [(), ("--kind", "native"), ("--principal", "ann")])
def test_explain_without_a_question_says_what_can_be_asked(
    steer: InProcess, given_too: tuple[str, ...]
) -> None:
    finished = steer("policy", "explain", *given_too)
    assert finished.code == 2
    assert finished.error == (
        "steer: nothing is asked. Say what: --tool NAME, --model NAME, --run AGENT, --data NAME or"
        " --action TYPE"
    )


WORDS = st.lists(st.tuples(st.text("ab\u597d", min_size=1), st.sampled_from(["", " "])))


@given(words=WORDS, cells=st.integers(min_value=4, max_value=40))
def test_a_row_ends_between_words_and_no_word_is_lost(
    words: list[tuple[str, str]], cells: int
) -> None:
    rows = in_words(" ".join(f"{word}{gap}" for word, gap in words).rstrip(), cells)
    assert all(cell_len(row) <= cells for row in rows)
    shown = [word for row in rows for word in row.split()]
    assert "".join(shown) == "".join(word for word, _ in words)
    if all(cell_len(word) <= cells for word, _ in words):
        assert shown == [word for word, _ in words]


@pytest.mark.parametrize("columns", [30, 40, 60, 80])
def test_hints_of_keys_are_never_broken_inside_of_a_word(columns: int) -> None:
    stream = Narrow(columns)
    teller(stream, lambda _, text: text)("", HINTS)  # type: ignore[arg-type]  # all it uses
    rows = stream.written.splitlines()
    assert " ".join(stream.written.split()) == " ".join(HINTS.split())
    assert all(len(row) <= columns for row in rows)
    assert [row for row in rows if row.lstrip().startswith("[n] deny")]


def test_what_is_asked_is_shown_letter_by_letter() -> None:
    stream = Narrow(24)
    teller(stream, lambda _, text: text)("", f"{BAR}{'a b ' * 9}")  # type: ignore[arg-type]  # all it uses
    assert stream.written.replace(f"  {BAR}", "").replace("\n", "") == "a b " * 9


class Narrow:
    """A terminal of so many columns."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text
