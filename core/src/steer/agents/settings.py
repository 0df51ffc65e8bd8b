"""How the model is to be asked, independent of the vendor."""

from __future__ import annotations

from dataclasses import dataclass, fields

from steer.errors import AgentError
from steer.ports.options import wrong_figure

__all__ = ["ModelSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """Sampling and tool settings; ``None`` leaves one to the vendor, 0 is a value like any other.

    ``tool_choice`` is ``auto``, ``none``, ``required`` or the name of a tool.
    ``reasoning_effort`` is the vendor's own word, for example ``low``.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        """Refuse figures that no vendor accepts, before a request is paid for."""
        wrong = wrong_figure(self.temperature, self.top_p, self.max_output_tokens)
        if wrong is not None:
            raise AgentError(wrong)

    def given(self) -> dict[str, object]:
        """The settings that were made, by name: what an adapter has to pass on or to refuse."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if value is not None}
