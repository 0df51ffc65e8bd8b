"""Laws of telling calls apart, whatever ids a conversation uses and however often."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseFunctionWebSearch,
    ResponseOutputItemDoneEvent,
)
from steer_openai_agents.call_ids import call_ids_in, told_apart, unlike_earlier

# Few, so that they meet; and one that looks like what another could become.
IDS = st.sampled_from(["call_1", "call_2", "call_1-2", ""])
KINDS = st.sampled_from(["function_call", "shell_call", "custom_tool_call"])


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Calls of one message with the outputs that follow it, each numbered like its call."""
    ids = draw(st.lists(IDS, unique=True, max_size=3))
    kind = draw(KINDS)
    calls = [{"type": kind, "call_id": each, "number": number} for number, each in enumerate(ids)]
    outputs = [{**call, "type": f"{kind}_output"} for call in calls]
    return [{"role": "user", "content": "?"}, *calls, *draw(st.permutations(outputs))]


TALKS = st.lists(batches(), max_size=5).map(lambda talk: [item for each in talk for item in each])


def done(item: Any) -> ResponseOutputItemDoneEvent:
    """The event of a stream that has a whole item."""
    return ResponseOutputItemDoneEvent(
        type="response.output_item.done", item=item, output_index=0, sequence_number=0
    )


def is_call(item: dict[str, Any]) -> bool:
    return "call_id" in item and not item["type"].endswith("_output")


@given(TALKS)
def test_no_two_calls_have_one_id_and_each_output_has_that_of_its_call(talk: list[Any]) -> None:
    apart = told_apart(talk)
    ids = [item["call_id"] for item in apart if is_call(item)]
    assert len(set(ids)) == len(ids)
    open_calls: dict[str, int] = {}
    for item in apart:
        if is_call(item):
            open_calls[item["call_id"]] = item["number"]
        elif "call_id" in item:
            assert open_calls.pop(item["call_id"]) == item["number"]
    assert not open_calls


@given(TALKS)
def test_nothing_but_ids_that_are_used_again_is_changed(talk: list[Any]) -> None:
    apart = told_apart(talk)
    assert [item | {"call_id": ""} for item in apart] == [item | {"call_id": ""} for item in talk]
    first: dict[str, int] = {}
    for place, item in enumerate(talk):
        if is_call(item) and first.setdefault(item["call_id"], place) == place:
            assert apart[place] is item, "the first call of an id keeps it"
    assert told_apart(apart) == apart


@given(TALKS, IDS)
def test_a_new_call_is_unlike_all_earlier_ones(talk: list[Any], call_id: str) -> None:
    earlier = call_ids_in(told_apart(talk))
    call = ResponseFunctionToolCall(
        type="function_call", call_id=call_id, name="look", arguments="{}"
    )
    told = unlike_earlier(done(call), earlier).item
    assert told.call_id not in earlier
    assert call.call_id == call_id, "what a model of the author's holds is left alone"
    assert (told is call) == (call_id not in earlier)


def test_what_the_provider_did_by_itself_is_told_apart_by_the_ids_of_its_items() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    first, _, second, last = told_apart([search, thought, search, thought])
    assert first == search
    assert last == thought
    assert second == {**search, "id": "ws_1-2"}
    again = ResponseFunctionWebSearch.construct(None, **search)
    told = unlike_earlier(done(again), call_ids_in([first])).item
    assert told.id == "ws_1-2"
