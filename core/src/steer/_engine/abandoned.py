"""Model calls that an earlier attempt began, and of which nobody learned the end."""

from __future__ import annotations

from steer._engine.books import worst_case
from steer._engine.limits import Hold
from steer._engine.state import JobState
from steer.events import Event, ModelRetracted, ModelStarted, UsageReported
from steer.ports.gate import ModelRequest

__all__ = ["settle_abandoned"]


def settle_abandoned(state: JobState) -> None:
    """Take back what such calls had said, and book the most that they can have used.

    They will be made again, so nothing they said may count, complete or not; but they were sent,
    and will be billed.
    """
    for event in state.replay.abandoned:
        if isinstance(event.data, ModelStarted):
            _settle(state, event, event.data)


def _settle(state: JobState, event: Event, started: ModelStarted) -> None:
    request = ModelRequest(
        digest="",
        model=started.model or "",
        path=event.path,
        agent=event.agent,
        provider=started.provider,
        input_bound=started.input_bound,
    )
    used = worst_case(started.input_bound, started.max_output_tokens)
    cost = state.books.worst_cost(request, started.max_output_tokens)
    with state.lock:
        state.limits.settle(Hold(), used, cost)
        state.books.model_call(
            started.call, request, used, cost, outcome="abandoned", attempt=event.attempt
        )
        for data in (
            UsageReported(
                call=started.call,
                usage=used,
                cost=cost,
                model=started.model,
                provider=started.provider,
            ),
            ModelRetracted(call=started.call, reason="the process died", blocks_too=True),
        ):
            state.tell(data, path=event.path, agent=event.agent)
