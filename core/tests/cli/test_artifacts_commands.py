from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from programs import Program

BILL = b"%PDF-1.7\x00\xff" * 100_000


@pytest.fixture
def kept(steer: Program) -> str:
    """A job with a file, whose id it is."""
    steer("run", "greeter.py", "Hi")
    (steer.folder / "bill.pdf").write_bytes(BILL)
    put = steer("artifacts", "put", "latest", "bill.pdf")
    assert (put.code, put.err) == (0, "")
    return put.out.strip()


def test_a_file_that_was_put_is_listed_and_got_as_it_was(steer: Program, kept: str) -> None:
    head, row = steer("artifacts", "list", "--job", "latest").out.splitlines()
    assert head.split() == ["ARTIFACT", "NAME", "TYPE", "BYTES", "JOB", "CREATED"]
    assert row.split()[:4] == [kept[-12:], "bill.pdf", "application/pdf", "1,000,000"]

    got = steer("artifacts", "get", kept[-12:], "copy.pdf")

    assert (got.code, got.out, got.err) == (0, "", "saved 1,000,000 bytes\n")
    assert (steer.folder / "copy.pdf").read_bytes() == BILL
    (shown,) = steer("artifacts", "list", "--json").rows
    assert (shown["artifact_id"], shown["size"]) == (kept, len(BILL))
    assert shown["created_by"] == "local"


def test_a_file_that_is_there_is_replaced_only_by_force(steer: Program, kept: str) -> None:
    copy, link = steer.folder / "copy.pdf", steer.folder / "link.pdf"
    copy.write_text("mine")
    link.symlink_to("nowhere.pdf")

    for name in ("copy.pdf", "link.pdf"):
        refused = steer("artifacts", "get", kept, name)
        assert refused.code == 2
        assert refused.error == f"steer: '{name}' is there already. --force replaces it"
    assert copy.read_text() == "mine"
    assert not (steer.folder / "nowhere.pdf").exists()

    assert steer("artifacts", "get", kept, "copy.pdf", "--force").code == 0
    told = steer("artifacts", "get", kept, "copy.pdf", "--force", "--json")
    assert (told.code, told.err) == (0, "")
    assert told.rows == steer("artifacts", "list", "--json").rows
    assert copy.read_bytes() == BILL
    assert not list(steer.folder.glob(".steer-*"))


def test_no_path_is_made_of_what_a_file_is_called(steer: Program, kept: str) -> None:
    name = "../../evil\x1b[31m\u202egpj.exe"
    put = steer("artifacts", "put", "latest", "-", "--name", name, text=b"x")
    assert put.code == 0
    listed = steer("artifacts", "list").out
    assert "\x1b" not in listed
    assert "\u202e" not in listed
    refused = steer("artifacts", "get", put.out.strip(), "../work")
    assert refused.code == 2
    assert not (steer.folder.parent.parent / name).exists()


def test_a_file_goes_through_pipes(program: Program, kept: str) -> None:
    got = program("artifacts", "get", kept, "-", "--json")
    assert (got.code, "Save it in a file, or leave out --json" in got.err) == (2, True)
    refused = program("artifacts", "put", "latest", "-", text=b"x")
    assert refused.error == "steer: the standard input has no name. Give it one with --name"
    put = program("artifacts", "put", "latest", "-", "--name", "a.txt", "--json", text=b"text\n")
    assert put.rows[0]["media_type"] == "text/plain"
    assert program("artifacts", "get", put.rows[0]["artifact_id"], "-").out == "text\n"


def test_a_file_that_was_changed_in_the_store_is_not_saved(steer: Program, kept: str) -> None:
    (store,) = Path(steer.folder).rglob("*.db")
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE artifact_pieces SET content = x'00' WHERE start > 0")
    connection.close()
    for target in ("copy.pdf", "-"):
        got = steer("artifacts", "get", kept, target)
        assert got.code == 8
        assert "is not what was kept" in got.error
        assert got.out == ""
    assert not (steer.folder / "copy.pdf").exists()
    assert not list(steer.folder.glob(".steer-*"))


def test_files_that_are_not_there_are_refused_in_a_sentence(steer: Program, kept: str) -> None:
    for arguments, code, said in (
        (("get", "0" * 12, "x"), 7, "there is no artifact '000000000000' in scope default"),
        (("get", "0", "x"), 2, "'0' is too short for an artifact"),
        (("get", kept, "."), 2, "'.' is a folder"),
        (("get", kept, "-", "--force"), 2, "--force replaces a file, and - is none"),
        (("get", kept, "no/x"), 2, "there is no folder 'no'"),
        (("put", "latest", "nothing.pdf"), 2, "the file 'nothing.pdf' cannot be read"),
        (("put", "latest", "bill.pdf", "--type", "pdf"), 2, "'pdf' is no media type"),
        (("put", "latest", "bill.pdf", "--action", "none"), 7, "there is no action none"),
        (("list", "--job", "0" * 12), 7, "there is no job"),
    ):
        refused = steer("artifacts", *arguments)
        assert refused.code == code, arguments
        assert said in refused.error
        assert re.search(r"^Traceback", refused.err, re.MULTILINE) is None


def test_a_file_larger_than_may_be_is_refused(steer: Program, kept: str) -> None:
    with (steer.folder / "large.bin").open("wb") as file:
        file.truncate(33 * 2**20)
    refused = steer("artifacts", "put", "latest", "large.bin")
    assert refused.code == 4
    assert "a file of more than 33,554,432 bytes is not kept" in refused.error


def test_lists_have_pages(steer: Program, kept: str) -> None:
    steer("artifacts", "put", "latest", "bill.pdf")
    first = steer("artifacts", "list", "--limit", "1", "--json")
    rest = steer("artifacts", "list", "--cursor", first.err.split()[-1], "--json")
    assert [one["artifact_id"] for one in first.rows] == [kept]
    assert len(rest.rows) == 1
    assert steer("artifacts", "list", "--scope", "other").err == "no artifacts\n"
