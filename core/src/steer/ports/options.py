"""What the one who runs an agent sets from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["PrepareOptions", "wrong_figure"]

# The most that any vendor accepts; a vendor's own lower limit is for that vendor to say.
_MAX_TEMPERATURE = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareOptions:
    """What the one who runs an agent sets from outside; ``None`` leaves it to the author.

    An option that cannot take effect is refused, never dropped (RT-51); 0 is a value like any
    other. ``base_url`` is in the vendor's own form. ``config`` is checked by the plugin's own
    config model. ``variables`` fill the declared variables of the instructions.

    ``reasoning_effort`` is the vendor's own word, for example ``low``. ``output_schema`` is a JSON
    schema; ``output_strict`` says whether the vendor is to enforce it while the model writes:
    ``None`` where it can be, ``True`` refuses a schema that cannot be, ``False`` never.

    ``deterministic`` asks each model for as little chance as it lets one ask for: temperature 0,
    a fixed seed (``seed``, or 0) and one tool call at a time. What a model does not take is left
    out; a model that takes none of the three is refused. It fixes what is asked, not what is
    answered: no vendor promises the same answer to the same request.

    Raises ``ConfigError`` for a figure that no vendor accepts, and for options that contradict
    each other.
    """

    model: str | None = None
    base_url: str | None = None
    api_key: SecretStr | None = None
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    deterministic: bool = False
    output_schema: Mapping[str, JsonValue] | None = None
    output_strict: bool | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be, before anything is opened."""
        wrong = wrong_figure(self.temperature, self.top_p, self.max_output_tokens)
        if wrong is not None:
            raise ConfigError(wrong)
        if self.output_strict is not None and self.output_schema is None:
            raise ConfigError(
                "output_strict cannot take effect: there is no output_schema",
                fix="Give the schema, or leave it to the agent's own output type",
            )
        if self.deterministic:
            for contrary, said in (
                (self.temperature not in {None, 0}, f"temperature {self.temperature}"),
                (self.parallel_tool_calls is True, "parallel tool calls"),
            ):
                if contrary:
                    raise ConfigError(
                        f"deterministic and {said} contradict each other", fix="Leave one out"
                    )


def wrong_figure(
    temperature: float | None, top_p: float | None, max_output_tokens: int | None
) -> str | None:
    """Return what is wrong with figures that no vendor accepts, ``None`` where nothing is."""
    if temperature is not None and not 0 <= temperature <= _MAX_TEMPERATURE:
        return f"temperature is {temperature}, it must lie between 0 and 2"
    if top_p is not None and not 0 <= top_p <= 1:
        return f"top_p is {top_p}, it must lie between 0 and 1"
    if max_output_tokens is not None and max_output_tokens < 1:
        return f"max_output_tokens is {max_output_tokens}, it must be at least 1"
    return None
