"""Running one check: alone, bounded, and explained where it fails."""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from junitparser import JUnitXml
from steer.capabilities import Capabilities, Suspension
from steer.errors import ConfigError, NotFound
from steer.plugin import CommandPlugin
from steer_conformance.checks import (
    Check,
    Expectations,
    Subject,
    Suite,
    check,
    lacking,
    raises,
)
from steer_conformance.explaining import explained
from steer_conformance.profiles import PULL_REQUEST, profile_named
from steer_conformance.report import CheckOutcome, Report, Result
from steer_conformance.running import outcome_of, perform, planned
from steer_conformance.selecting import selector
from steer_conformance.showing import as_json_lines, write_junit

PLUGIN = CommandPlugin(name="acme", summary="", contract=1, open="acme:open")
SUBJECT = Subject(plugin=PLUGIN, factory=list, profile=replace(PULL_REQUEST, patience=0.001))


@contextmanager
def given_case(subject: Subject) -> Iterator[Subject]:
    yield subject


def outcome(tried: Check[Any], subject: Subject = SUBJECT) -> Result:
    suite: Suite[Any] = Suite(port="command", checks=(tried,), case=given_case)
    (plan,) = planned(suite, subject, Expectations())
    return outcome_of(plan, "the command")


def test_an_async_check_that_waits_for_ever_fails_by_name_where_it_stands() -> None:
    @check("XX-1")
    async def it_waits(case: object) -> None:
        await asyncio.Event().wait()

    late = outcome(it_waits)
    assert late.outcome is CheckOutcome.FAILED
    assert late.message.startswith("XX-1/it_waits did not end within 0.06 seconds")
    assert late.reproduce == "the command"


def test_a_check_that_swallows_the_end_of_its_time_fails_all_the_same() -> None:
    @check("XX-1")
    async def it_swallows(case: object) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    late = outcome(it_swallows)
    assert late.message.startswith("XX-1/it_swallows did not end within 0.06 seconds")


def test_a_sync_check_that_hangs_is_given_up_with_the_line_it_hangs_at() -> None:
    let_go = threading.Event()

    @check("XX-1")
    def it_hangs(case: object) -> None:
        let_go.wait(60)

    late = outcome(it_hangs)
    let_go.set()
    assert late.message.startswith("XX-1/it_hangs did not end within 0.06 seconds; it stands at")
    assert "let_go.wait(60)" in late.message or "self._cond" in late.message


def test_what_ends_a_program_or_skips_is_a_failure_of_the_check() -> None:
    for ending in (SystemExit, KeyboardInterrupt, pytest.skip.Exception, unittest.SkipTest):

        @check("XX-1")
        def it_ends(case: object, ending: type[BaseException] = ending) -> None:
            raise ending

        ended = outcome(it_ends)
        assert ended.outcome is CheckOutcome.FAILED
        assert ended.message.startswith("XX-1/it_ends was ended by "), ended.message


def test_what_no_file_can_hold_is_escaped(tmp_path: Path) -> None:
    @check("XX-1", seconds=60_000)
    def it_quotes(case: object) -> None:
        raise AssertionError("half an emoji \ud83d, a zero \x00")

    quoted = outcome(it_quotes)
    assert quoted.message.startswith("half an emoji \\ud83d, a zero \x00")
    report = Report(plugin="acme", profile="pr", results=(quoted,))
    assert "half an emoji" in as_json_lines(report)
    write_junit(report, tmp_path / "junit.xml")
    ((case,),) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert case.result[0].message == "half an emoji \\ud83d, a zero \\x00"


def test_a_check_that_returns_something_is_refused() -> None:
    @check("XX-1")
    def it_forgets_to_wait(case: object) -> Any:
        return 3

    assert "a check asserts" in outcome(it_forgets_to_wait).message


def test_each_check_has_an_event_loop_and_a_case_of_its_own() -> None:
    seen: list[object] = []

    @check("XX-1", seconds=60_000)
    async def it_looks(case: object) -> None:
        seen.extend((asyncio.get_running_loop(), case))

    @contextmanager
    def fresh(subject: Subject) -> Iterator[object]:
        yield object()

    suite: Suite[Any] = Suite(port="command", checks=(it_looks,), case=fresh)
    perform(suite, it_looks, SUBJECT)
    perform(suite, it_looks, SUBJECT)
    assert len({id(each) for each in seen}) == 4


def test_a_case_that_cannot_be_made_or_left_fails_its_check() -> None:
    @check("XX-1", seconds=60_000)
    def it_does_nothing(case: object) -> None:
        pass

    @contextmanager
    def leaky(subject: Subject) -> Iterator[object]:
        yield object()
        raise OSError("the folder is still in use")

    suite: Suite[Any] = Suite(port="command", checks=(it_does_nothing,), case=leaky)
    with pytest.raises(OSError, match="still in use"):
        perform(suite, it_does_nothing, SUBJECT)


def test_an_assertion_without_words_is_shown_with_its_values() -> None:
    # Built at run time: pytest rewrites the assertions of this file, as it does a suite's.
    namespace: dict[str, Any] = {}
    source = "def law(found, wanted):\n    assert found == wanted and len(found)\n"
    exec(compile(source, __file__, "exec"), namespace)  # noqa: S102 - see above
    with pytest.raises(AssertionError) as raised:
        namespace["law"]([1], [2])
    assert "test_running.py:2 in law" in explained(raised.value)
    raised.value.add_note("Failing test case: law(...)")
    assert explained(raised.value).endswith("Failing test case: law(...)")


def test_raises_takes_what_is_wanted_and_tells_what_came_instead() -> None:
    with raises(NotFound, ConfigError) as caught:
        raise NotFound("no such job")
    assert str(caught.value) == "no such job"
    nothing = "nothing was raised, and NotFound had to be"
    with pytest.raises(AssertionError, match=nothing), raises(NotFound):
        pass
    other = "NotFound had to be raised, not OSError: full"
    with pytest.raises(AssertionError, match=other), raises(NotFound):
        raise OSError("full")
    with pytest.raises(SystemExit), raises(NotFound):
        raise SystemExit


def test_a_requirement_is_a_capability_or_a_degree_of_one() -> None:
    can = Capabilities(suspend=Suspension.ONE_PER_MESSAGE, tools=True)
    assert lacking(["tools", "suspend", "suspend=one_per_message"], can) == ()
    assert lacking(["schema", "suspend=many"], can) == ("schema", "suspend=many")
    assert lacking(["suspend"], Capabilities()) == ("suspend",)
    with pytest.raises(LookupError, match="telepathy is no capability"):
        lacking(["telepathy"], can)


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("XX-1", ["one_word"]),
        ("XX-1 or XX-12", ["one_word", "other_words"]),
        ("word", ["one_word", "other_words"]),
        ("not (one or schema)", ["other_words", "no_match"]),
        ("words and not XX-1", ["other_words"]),
        ("schema", []),
    ],
)
def test_an_expression_chooses_by_clause_word_and_capability(
    expression: str, chosen: list[str]
) -> None:
    def named(clause: str, name: str) -> Check[object]:
        def function(case: object) -> None: ...

        function.__name__ = name
        return check(clause)(function)

    checks = [named("XX-1", "one_word"), named("XX-12", "other_words"), named("XX-3", "no_match")]
    wanted = selector(expression)
    assert [each.name for each in checks if wanted(each)] == chosen


@pytest.mark.parametrize("expression", ["", "a b", "and", "(a", "a or", "a(b)"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ConfigError, match="-k"):
        selector(expression)


def test_a_seed_repeats_what_it_found_and_no_seed_finds_the_same_always() -> None:
    def tried(seed: int | None, name: str = "nightly") -> list[int]:
        seen: list[int] = []
        profile = replace(profile_named(name, seed=seed), examples=20)

        @profile.for_all(st.integers())
        def law(number: int) -> None:
            seen.append(number)

        return seen

    assert tried(7) == tried(7) != tried(8)
    assert tried(None, "pr") == tried(None, "pr")
    assert profile_named("nightly").seed != profile_named("nightly").seed
    with pytest.raises(ConfigError, match="no profile 'daily'; there is brief, pr, nightly"):
        profile_named("daily")


def test_a_smaller_example_is_not_looked_for_for_ever() -> None:
    tried: list[int] = []

    def smallest(patience: float) -> int:
        tried.clear()
        profile = replace(PULL_REQUEST, patience=patience, examples=200)
        with pytest.raises(AssertionError, match="too much"):

            @profile.for_all(st.integers())
            def law(number: int) -> None:
                tried.append(number)
                assert number < 1000, "too much"

        return tried[-1]

    assert smallest(patience=1.0) == 1000
    # Without any time for it, the example that failed first is the one that is told.
    first = smallest(patience=0.0)
    assert first == next(number for number in tried if number >= 1000)
