"""OpenAI Responses: ``POST /v1/responses``.

Source: https://platform.openai.com/docs/api-reference/responses and /responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from steer_conformance.provider.dialect import Dialect, Frame, Plain
from steer_conformance.provider.openai_errors import error_object
from steer_conformance.provider.reading import as_message, as_text, objects, required
from steer_conformance.provider.replies import Failure, Turn
from steer_conformance.provider.request import (
    Conversation,
    Message,
    PastCall,
    Request,
    ToolResult,
)
from steer_conformance.provider.response_items import Item, items
from steer_conformance.provider.response_object import ENDINGS, finished_response, new_response
from steer_conformance.provider.wire import encode, event, open_object

__all__ = ["RESPONSES"]


class _Responses:
    """The dialect as pure functions of turn and request."""

    name = "responses"
    paths = ("/v1/responses",)
    stream_type = "text/event-stream; charset=utf-8"
    request_id_header = "x-request-id"

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        required(body, "model")
        given = body.get("input")
        entries = [{"role": "user", "content": given}] if isinstance(given, str) else given
        history = list(objects(entries))
        instructions = body.get("instructions")
        system = (Message("system", instructions),) if isinstance(instructions, str) else ()
        return Conversation(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            messages=system + tuple(m for item in history if (m := as_message(item))),
            tools=tuple(str(t.get("name") or t.get("type")) for t in objects(body.get("tools"))),
            past_calls=tuple(
                PastCall(
                    id=str(item.get("call_id")),
                    name=str(item.get("name")),
                    arguments=str(item.get("arguments")),
                )
                for item in history
                if item.get("type") == "function_call"
            ),
            tool_results=tuple(
                ToolResult(call_id=str(item.get("call_id")), text=as_text(item.get("output")))
                for item in history
                if item.get("type") == "function_call_output"
            ),
            complete=not (
                body.get("previous_response_id")
                or body.get("conversation")
                or body.get("prompt")
                or any(item.get("type") == "item_reference" for item in history)
            ),
        )

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        writer = _Writer()
        started = new_response(request)
        yield writer.frame("response.created", response=started)
        yield writer.frame("response.in_progress", response=started)
        for index, item in enumerate(items(turn, request)):
            yield from _stream_item(writer, turn, item, index)
        ended = finished_response(turn, request)
        yield writer.frame(ENDINGS[turn.stop].event, response=ended)

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        return Plain(encode(finished_response(turn, request)))

    def failure(self, failure: Failure, request_id: str, /) -> bytes:  # noqa: ARG002 - it is only in the header here
        return encode({"error": error_object(failure)})

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:
        error = error_object(failure)
        fields = {"code": error["code"], "message": error["message"], "param": None}
        return event({"type": "error", "sequence_number": sequence} | fields, "error")


class _Writer:
    """Numbers the events of one stream."""

    def __init__(self) -> None:
        self._sequence = 0

    def frame(self, kind: str, **fields: Any) -> Frame:
        data = {"type": kind, "sequence_number": self._sequence} | fields
        self._sequence += 1
        return Frame(event(data, kind))

    def deltas(self, kind: str, pieces: list[str], **fields: Any) -> Iterator[Frame]:
        head = open_object({"type": kind} | fields)
        opening = b"event: %b\ndata: %b" % (kind.encode(), head)
        for piece in pieces:
            numbered = b'%b,"sequence_number":%d,"delta":%b}\n\n'
            yield Frame(numbered % (opening, self._sequence, encode(piece)), delta=True)
            self._sequence += 1


def _stream_item(writer: _Writer, turn: Turn, item: Item, output_index: int) -> Iterator[Frame]:
    place: dict[str, Any] = {"output_index": output_index}
    yield writer.frame("response.output_item.added", **place, item=item.opened)
    place["item_id"] = item.id
    for section in item.sections:
        where = {**place, **section.place}
        if section.added:
            yield writer.frame(section.added, **where, part=section.opened)
        yield from writer.deltas(
            section.delta, turn.pieces(section.text), **where, **section.delta_fields
        )
        yield writer.frame(
            section.done, **where, **{section.repeated_as: section.text}, **section.done_fields
        )
        if section.ended:
            yield writer.frame(section.ended, **where, part=section.closed)
    yield writer.frame("response.output_item.done", output_index=output_index, item=item.closed)


RESPONSES: Final[Dialect] = _Responses()
