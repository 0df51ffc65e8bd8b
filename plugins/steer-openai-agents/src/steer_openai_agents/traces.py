"""Traces that an author's code begins itself, with ``trace``: none, unless they are asked for."""

from __future__ import annotations

import threading
from typing import Any

from agents.tracing import (
    Span,
    Trace,
    TraceProvider,
    TracingConfig,
    TracingProcessor,
    get_trace_provider,
    set_trace_provider,
)

from steer_openai_agents.frame import frame_or_none

__all__ = ["DispatchingTraces"]

# The provider of traces is one for the process, and runtimes are opened and closed in any thread.
_PLACE = threading.Lock()


class DispatchingTraces(TraceProvider):
    """Stands before the SDK's provider of traces until it is closed.

    The traces of runs that were not to be traced are not recorded; all others are left alone.
    """

    def __init__(self) -> None:
        self.closed = False
        with _PLACE:
            self.previous: TraceProvider = get_trace_provider()
            set_trace_provider(self)

    def close(self) -> None:
        """Stand aside, and give the place back to the newest provider that is still in use."""
        with _PLACE:
            self.closed = True
            provider: TraceProvider = get_trace_provider()
            while isinstance(provider, DispatchingTraces) and provider.closed:
                provider = provider.previous
            set_trace_provider(provider)

    def create_trace(  # noqa: PLR0917 - the SDK's signature
        self,
        name: str,
        trace_id: str | None = None,
        group_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        disabled: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
        tracing: TracingConfig | None = None,
    ) -> Trace:
        frame = None if self.closed else frame_or_none()
        untraced = frame is not None and not frame.active.tracing
        return self.previous.create_trace(
            name,
            trace_id=trace_id,
            group_id=group_id,
            metadata=metadata,
            disabled=disabled or untraced,
            tracing=tracing,
        )

    def create_span(
        self,
        span_data: Any,
        span_id: str | None = None,
        parent: Trace | Span[Any] | None = None,
        disabled: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> Span[Any]:
        return self.previous.create_span(span_data, span_id, parent, disabled)

    def register_processor(self, processor: TracingProcessor) -> None:
        self.previous.register_processor(processor)

    def set_processors(self, processors: list[TracingProcessor]) -> None:
        self.previous.set_processors(processors)

    def get_current_trace(self) -> Trace | None:
        return self.previous.get_current_trace()

    def get_current_span(self) -> Span[Any] | None:
        return self.previous.get_current_span()

    def set_disabled(self, disabled: bool) -> None:  # noqa: FBT001 - the SDK's signature
        self.previous.set_disabled(disabled)

    def time_iso(self) -> str:
        return self.previous.time_iso()

    def gen_trace_id(self) -> str:
        return self.previous.gen_trace_id()

    def gen_span_id(self) -> str:
        return self.previous.gen_span_id()

    def gen_group_id(self) -> str:
        return self.previous.gen_group_id()

    def force_flush(self) -> None:
        self.previous.force_flush()

    def shutdown(self) -> None:
        self.previous.shutdown()
