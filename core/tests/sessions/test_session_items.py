"""The items of a session: as they are kept, and what of them a run is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.ports.records import SessionRecord
from steer.ports.runtime import PastRun
from steer.redaction import Redaction, RedactionRule, Redactor
from steer.sessions import (
    Compacted,
    SessionItem,
    decode_item,
    encode_item,
    past_runs,
    session_of,
)
from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SECRET = "ACME-1234"

texts = st.text(max_size=20)
parts = st.one_of(
    st.builds(TextPart, text=texts),
    st.builds(ImagePart, url=texts),
    st.builds(FilePart, data=texts, media_type=texts, name=texts),
    st.builds(ToolCallPart, call_id=texts, tool=texts, arguments=texts),
    st.builds(ToolResultPart, call_id=texts, content=texts, is_error=st.booleans()),
)
messages = st.builds(
    Message, role=st.sampled_from(Role), content=st.lists(parts, max_size=3).map(tuple)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
runs = st.builds(
    PastRun,
    messages=st.lists(messages, max_size=3).map(tuple),
    runtime=texts,
    items=json_values,
)
items = st.one_of(
    st.builds(SessionItem, run=runs, job_id=texts, at=st.just(NOW)),
    st.builds(Compacted, runs=st.lists(runs, max_size=3).map(tuple), job_id=texts, at=st.just(NOW)),
)


@given(items)
def test_an_item_is_read_as_it_was_written(item: SessionItem | Compacted) -> None:
    assert decode_item(encode_item(item)) == item


@given(st.lists(items, max_size=6))
def test_a_run_is_shown_what_was_compacted_last_and_what_came_since(
    kept: list[SessionItem | Compacted],
) -> None:
    last = max((n for n, one in enumerate(kept) if isinstance(one, Compacted)), default=-1)
    since = [one.run for one in kept[last + 1 :] if isinstance(one, SessionItem)]
    before = kept[last] if last >= 0 else None
    compacted = before.runs if isinstance(before, Compacted) else ()
    assert past_runs(kept) == (*compacted, *since)


@pytest.mark.parametrize("text", ["", "1", "{}", '{"type": "later", "job_id": "j"}'])
def test_an_item_of_a_form_to_come_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="version of steer"):
        decode_item(text)


def test_a_session_is_shown_without_secrets_and_without_the_vendors_items() -> None:
    called = ToolCallPart(call_id="c", tool="look", arguments=f'{{"id": "{SECRET}"}}')
    run = PastRun(
        messages=(
            user_message(SECRET),
            Message(role=Role.ASSISTANT, content=(called,)),
            Message(role=Role.TOOL, content=(ToolResultPart(call_id="c", content=SECRET),)),
            Message(role=Role.USER, content=(ImagePart(url=f"https://a/{SECRET}"),)),
            Message(
                role=Role.USER,
                content=(FilePart(data="eA==", media_type="text/plain", name=SECRET),),
            ),
        ),
        runtime="toy",
        items=[SECRET],
    )
    kept = [
        encode_item(Compacted(runs=(run,), job_id="j", at=NOW)),
        encode_item(SessionItem(run=run, job_id="j", at=NOW)),
    ]
    record = SessionRecord(session_id="talk", version=2, items=tuple(kept))
    redactor = Redactor(Redaction(rules=[RedactionRule(name="acme", pattern="ACME-[0-9]{4}")]))
    session = session_of(record, lambda _job_id: redactor)
    assert SECRET not in repr(session)
    assert [len(run.messages) for run in session.past] == [5, 5]
    assert session_of(record, lambda _job_id: None).past[0].messages == run.messages
