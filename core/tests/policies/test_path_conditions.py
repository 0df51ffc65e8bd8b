from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.policies import Condition

segments = st.lists(st.sampled_from(["", ".", "..", "a", "b", "files"]), max_size=8)


@pytest.mark.parametrize(
    "path",
    [
        "/files",
        "/files/",
        "/files/a.txt",
        "/files/a/../b",
        "//files/./a",
        "/x/../files/a",
        "/../files/a",
        "/files/..a",
        "/files/a b\n",
    ],
)
def test_a_path_in_the_directory_is_under_it(path: str) -> None:
    assert Condition(under="/files").judge(path) is True


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/files-old",
        "/files-old/a",
        "/Work/a",
        "/files/..",
        "/files/../etc/passwd",
        "/files/a/../../etc/passwd",
        "/files/a/../../files-old",
        "//etc/passwd",
        "/files ",
    ],
)
def test_a_path_outside_the_directory_is_not_under_it(path: str) -> None:
    assert Condition(under="/files").judge(path) is False


@pytest.mark.parametrize(
    "path",
    [
        "",
        "files/a",
        "../files",
        "~/files",
        "~root",
        "/files\\..\\etc",
        "/files/a\0b",
        "file:///files/a",
    ],
)
def test_a_path_whose_meaning_lies_elsewhere_cannot_be_judged(path: str) -> None:
    assert Condition(under="/files").judge(path) is None


def test_relative_directories_hold_relative_paths_that_stay_inside() -> None:
    data = Condition(under="data")
    assert data.judge("data/a") is True
    assert data.judge("./data/../data") is True
    assert data.judge("data/../secrets") is False
    assert data.judge("../data/a") is None
    assert data.judge("data/../../data") is None
    assert data.judge("/data/a") is None


def test_the_working_directory_holds_what_does_not_climb_out_of_it() -> None:
    here = Condition(under=".")
    assert here.judge("a/b") is True
    assert here.judge("a/../..") is None


def test_one_of_several_directories_is_enough() -> None:
    either = Condition(under=["/files", "/tmp", "data"])  # noqa: S108 - no file is made
    assert either.judge("/tmp/x") is True  # noqa: S108 - no file is made
    assert either.judge("data/x") is True
    # It is not under the absolute ones, and nobody knows where the relative one is.
    assert either.judge("/etc/passwd") is None


@given(segments)
def test_dots_and_doubled_slashes_mean_what_the_file_system_says(parts: list[str]) -> None:
    walked: list[str] = []
    for part in parts:
        if part == "..":
            walked = walked[:-1]
        elif part not in ("", "."):
            walked.append(part)
    assert Condition(under="/files").judge("/" + "/".join(parts)) is (walked[:1] == ["files"])


@pytest.mark.parametrize("directory", ["~/files", "../files", "C:\\work", "https://example.com/a"])
def test_a_directory_that_paths_cannot_be_compared_with_is_refused(directory: str) -> None:
    with pytest.raises(ConfigError, match="is not a directory that paths can be compared with"):
        Condition(under=directory)
