"""Laws of the sums: nothing that the CLI counts is missed, and nothing is booked twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from steer.values import Usage
from steer_claude_code.run.vendor_usage import Seen, Tally, counted_usage, reported_usage

counts = st.integers(0, 1000)
models = st.sampled_from(["claude-sonnet-4-5", "claude-haiku-4-5"])


def as_counted(usage: Usage) -> dict[str, Any]:
    return {
        "inputTokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadInputTokens": usage.cached_tokens,
        "cacheCreationInputTokens": usage.cache_write_tokens,
        "thinkingTokens": usage.reasoning_tokens,
    }


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    plain, cached, written, output = (draw(counts) for _ in range(4))
    return Usage(
        input_tokens=plain + cached + written,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=draw(st.integers(0, output)),
    )


def by_model(messages: list[tuple[str, Usage]]) -> dict[str, dict[str, Any]]:
    sums: dict[str, Usage] = {}
    for model, usage in messages:
        sums[model] = sums.get(model, Usage()) + usage
    return {model: as_counted(usage) for model, usage in sums.items()}


@given(usages())
def test_a_count_of_the_cli_holds_the_cache_beside_the_input(usage: Usage) -> None:
    assert counted_usage(as_counted(usage)) == usage


@given(st.lists(st.tuples(models, usages())))
def test_what_was_booked_as_the_cli_counts_it_misses_nothing(
    messages: list[tuple[str, Usage]],
) -> None:
    tally = Tally()
    for model, usage in messages:
        tally.add(Seen(model=model, booked=usage, least=usage))
    assert list(tally.missing(by_model(messages))) == []


@given(st.lists(st.tuples(models, usages())), st.lists(st.tuples(models, usages())))
def test_what_only_the_cli_has_counted_is_found_once_and_for_its_model(
    heard: list[tuple[str, Usage]], hidden: list[tuple[str, Usage]]
) -> None:
    tally = Tally()
    for model, usage in heard:
        tally.add(Seen(model=model, booked=usage, least=usage))
    counted = by_model(heard + hidden)
    found = {model: as_counted(usage) for model, usage in tally.missing(counted)}
    wanted = {
        model: raw for model, raw in by_model(hidden).items() if counted_usage(raw) != Usage()
    }
    assert found == wanted
    assert list(tally.missing(counted)) == []


@given(
    st.lists(usages(), min_size=1),
    usages().filter(lambda usage: usage.input_tokens > 0),
    counts,
    st.booleans(),
    st.lists(counts, min_size=1, max_size=3),
)
def test_an_answer_that_broke_off_hides_nothing_of_a_subagent(
    whole: list[Usage], broken: Usage, guess: int, left_out: bool, subagent: list[int]
) -> None:
    tally, model = Tally(), "claude-sonnet-4-5"
    for usage in whole:
        tally.add(Seen(model=model, booked=usage, least=usage))
    booked = broken + Usage(output_tokens=guess)
    tally.add(Seen(model=model, booked=booked, least=broken, lost=True))
    begun = Usage(input_tokens=5, output_tokens=1)
    real = [begun + Usage(output_tokens=tokens) for tokens in subagent]
    for _ in real:
        tally.add(Seen(model=model, booked=begun, least=begun, unreported=True))
    counted = sum([*whole, *real, *([] if left_out else [broken])], Usage())
    found = sum((usage for _, usage in tally.missing({model: as_counted(counted)})), Usage())
    assert found == Usage(output_tokens=sum(subagent))


def test_a_model_that_answers_with_a_date_in_its_name_is_the_one_that_was_asked() -> None:
    tally = Tally()
    usage = Usage(input_tokens=3, output_tokens=2)
    tally.add(Seen(model="claude-sonnet-4-5-20250929", booked=usage, least=usage))
    assert list(tally.missing({"claude-sonnet-4-5": as_counted(usage)})) == []


def test_a_model_whose_name_fits_to_none_is_compared_by_the_sums() -> None:
    tally = Tally()
    usage = Usage(input_tokens=3, output_tokens=2)
    tally.add(Seen(model="deployment-7", booked=usage, least=usage))
    counted = as_counted(usage + Usage(output_tokens=4))
    assert list(tally.missing({"sonnet[1m]": counted})) == [("sonnet[1m]", Usage(output_tokens=4))]


def test_a_usage_with_words_that_are_not_known_is_read_as_far_as_it_goes() -> None:
    usage = reported_usage({"input_tokens": 3, "output_tokens": None, "tomorrow": {}})
    assert usage == Usage(requests=1, input_tokens=3)
