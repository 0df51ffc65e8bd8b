"""How the model is to be asked, independent of the vendor."""

from __future__ import annotations

from dataclasses import dataclass, fields

from steer.errors import AgentError

__all__ = ["ModelSettings"]

# The most that any vendor accepts; a vendor's own lower limit is for that vendor to say.
_MAX_TEMPERATURE = 2.0


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
        if self.temperature is not None and not 0 <= self.temperature <= _MAX_TEMPERATURE:
            raise AgentError(f"temperature is {self.temperature}, it must lie between 0 and 2")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise AgentError(f"top_p is {self.top_p}, it must lie between 0 and 1")
        if self.max_output_tokens is not None and self.max_output_tokens < 1:
            raise AgentError(
                f"max_output_tokens is {self.max_output_tokens}, it must be at least 1"
            )

    def given(self) -> dict[str, object]:
        """The settings that were made, by name: what an adapter has to pass on or to refuse."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if value is not None}
