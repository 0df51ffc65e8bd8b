from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import InProcess
from little_distributions import Site

RUNTIMES = """
    from named_runtimes import HELLO, Two

    plugin = Two(HELLO)
    steer_runtimes = plugin.steer_runtimes
"""
HELPER = """\
name = "Helper"
instructions = "Help."
runtime = "first"
model = "m1"

[runtime_config]
key = "s3cret"
pause = 1
"""


@pytest.fixture
def steer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> InProcess:
    """The program, in a folder that holds helper.toml, with the runtimes first and second."""
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    site.add("two-steer", {"two_runtimes_plugin": RUNTIMES})
    monkeypatch.syspath_prepend(site.folder)
    (tmp_path / "helper.toml").write_text(HELPER)
    return InProcess(tmp_path, monkeypatch, capfd)


def test_an_agent_is_stored_shown_changed_and_removed(steer: InProcess) -> None:
    added = steer("agents", "add", "helper.toml", "--name", "helper")
    assert (added.code, added.out) == (0, "helper@1\n")
    assert "not stored, because it is a secret: key." in added.err
    assert added.err.endswith("steer run @helper runs its newest version\n")

    changed = steer(
        "agents", "set-runtime", "@helper", "second", "--model", "m2", "--set", "pause=2"
    )
    assert (changed.code, changed.out) == (0, "helper@2\n")

    (row,) = steer("agents", "list", "--json").rows
    assert (row["name"], row["version"], row["runtime"], row["model"]) == (
        "helper", 2, "second", "m2",
    )  # fmt: skip
    (shown,) = steer("agents", "show", "helper", "--version", "1", "--json").rows
    assert shown["agent"]["definition"]["runtime_config"] == {"pause": 1}
    assert (shown["left_out"], shown["removed"]) == (["key"], False)
    assert [each["version"] for each in shown["versions"]] == [2, 1]

    removed = steer("agents", "remove", "helper", "--yes")
    assert (removed.code, removed.err) == (0, "removed helper\n")
    assert steer("agents", "list").err == "no agents\n"
    assert steer("agents", "show", "helper").error == (
        "steer: agent helper was removed. See its last version: --version 2"
    )
    assert "2 of 2, removed" in steer("agents", "show", "helper", "--version", "2").out


def test_programs_are_told_what_became_of_a_stored_agent(steer: InProcess) -> None:
    add = ("agents", "add", "helper.toml", "--name", "helper", "--json")
    added, again = steer(*add), steer(*add)
    assert (added.err, again.err) == ("", "")
    (new,), (old,) = added.rows, again.rows
    assert (new.pop("new"), old.pop("new")) == (True, False)
    assert (new["name"], new["version"], new["left_out"]) == ("helper", 1, ["key"])
    assert [new] == [old] == steer("agents", "list", "--json").rows

    (changed,) = steer("agents", "set-runtime", "helper", "second", "--json").rows
    assert (changed["version"], changed["runtime"], changed["new"]) == (2, "second", True)
    removed = steer("agents", "remove", "helper", "--yes", "--json")
    assert (removed.rows[0]["version"], removed.err) == (2, "")
    for command in (("set-runtime", "helper", "first"), ("remove", "helper", "--yes")):
        refused = steer("agents", *command, "--json")
        assert (refused.code, refused.out) == (7, "")
        assert json.loads(refused.err)["error"]["code"] == "not_found"


def test_a_stored_agent_is_shown_for_people(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    steer("agents", "set-runtime", "helper", "second", "--set", "pause=2")

    head, row = steer("agents", "list").out.splitlines()
    assert head.split() == ["NAME", "VERSION", "RUNTIME", "MODEL", "FROM", "STORED"]
    assert row.split()[:4] == ["helper", "2", "second", "m1"]

    facts, definition, versions = steer("agents", "show", "helper").out.split("\n\n")
    shown = dict(line.split(maxsplit=1) for line in facts.splitlines())
    assert (shown["version"], shown["runtime"], shown["model"]) == ("2 of 2", "second", "m1")
    assert shown["settings"] == '{"pause": 2}'
    assert shown["folder"] == str(steer.folder)
    assert '"instructions": "Help."' in definition
    assert [line.split()[0] for line in versions.splitlines()] == [
        "VERSION", "helper@2", "helper@1",
    ]  # fmt: skip


def test_a_version_is_shown_by_the_name_that_runs_it(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    steer("agents", "add", "helper.toml", "--name", "helper", "--model", "other")
    assert "1 of 2" in steer("agents", "show", "helper@1").out
    assert steer("agents", "show", "helper@9").code == 7
    refused = steer("agents", "show", "helper@1", "--version", "2")
    assert (refused.code, "has a version already" in refused.error) == (2, True)


def test_storing_the_same_again_changes_nothing_and_says_so(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    again = steer("agents", "add", "helper.toml", "--name", "helper")
    assert again.out == "helper@1\n"
    assert "it was stored so before; nothing is changed\n" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("add", "nothing.toml"), 2, "nothing.toml does not exist"),
        (("add", "helper.toml", "--name", "a b"), 2, "'a b' is no name to store an agent by"),
        (("add", "@helper"), 2, "@helper is stored already"),
        (("add", "helper.toml", "--set", "key=x", "--set", "token=x"), 2, "--set token: a secret"),
        (("add", "helper.toml", "--set", "paws=1"), 2, "runtime first: unknown key 'paws'"),
        (("add", "helper.toml", "--runtime", "third"), 2, "third: there is no such runtime"),
        (("add", "helper.toml", "--storage", "memory://"), 2, "memory:// is seen by one process"),
        (("show", "helper"), 7, "there is no agent helper in scope default"),
        (("set-runtime", "helper", "second"), 7, "there is no agent helper in scope default"),
        (("remove", "helper"), 7, "there is no agent helper in scope default"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    steer: InProcess, arguments: tuple[str, ...], code: int, error: str
) -> None:
    finished = steer("agents", *arguments)
    assert (finished.code, finished.out) == (code, "")
    assert finished.error.startswith(f"steer: {error}")


def test_a_runtime_that_does_not_fit_leaves_the_version_as_it_is(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    refused = steer("agents", "set-runtime", "helper", "second", "--set", "paws=1")
    assert refused.code == 2
    assert refused.error.startswith("steer: runtime second: unknown key 'paws'")
    assert [row["version"] for row in steer("agents", "list", "--json").rows] == [1]


def test_nothing_is_removed_where_nobody_can_be_asked(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    refused = steer("agents", "remove", "helper")
    assert refused.code == 2
    assert refused.error.endswith("There is nobody to ask here. Add --yes")
    assert len(steer("agents", "list", "--json").rows) == 1


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, 0), ("n\n", 130, 1), ("", 130, 1)])
def test_whoever_is_at_the_terminal_is_asked_before_an_agent_is_removed(
    steer: InProcess, typed: str, code: int, left: int
) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    removed = steer("agents", "remove", "helper", typed=typed)
    assert removed.code == code
    assert "Remove agent helper@1? [y/N]" in removed.out + removed.err
    assert len(steer("agents", "list", "--json").rows) == left


def test_a_list_of_agents_is_paged(steer: InProcess) -> None:
    for name in ("a", "b", "c"):
        steer("agents", "add", "helper.toml", "--name", name)
    first = steer("agents", "list", "--limit", "2", "--json")
    cursor = first.err.split()[-1]
    rest = steer("agents", "list", "--cursor", cursor, "--json")
    assert [row["name"] for row in (*first.rows, *rest.rows)] == ["a", "b", "c"]


def test_a_stored_agent_runs_here_and_in_a_worker_and_its_job_says_which(steer: InProcess) -> None:
    steer("agents", "add", "helper.toml", "--name", "helper")
    ran = steer("run", "@helper", "Hi", "--quiet")
    assert (ran.code, ran.out) == (0, "first, m1, 1\n")

    queued = steer("run", "@helper", "Hi", "--detach")
    steer("agents", "set-runtime", "helper", "second")
    steer("agents", "remove", "helper", "--yes")
    assert steer("worker", "--until-idle").code == 0

    (job,) = steer("jobs", "show", queued.out.strip(), "--json").rows
    assert job["result"]["content"] == "first, m1, 1"
    assert "from        helper@1" in steer("jobs", "show", "latest").out
    gone = steer("run", "@helper", "Hi")
    assert gone.code == 7
    assert gone.error.startswith(
        "steer: there is no agent helper in scope default. See: steer agents list"
    )
