"""How the options of a run change what each of its agents asks its model for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents import Model, ModelSettings
from agents.models import get_default_model
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_responses import OpenAIResponsesModel
from openai.types.shared import Reasoning
from steer.errors import ConfigError
from steer.ports.options import PrepareOptions
from steer.values import FilePart, Message

from steer_openai_agents.clients import speaks_openai
from steer_openai_agents.model_table import Interface, ModelRow, Taken, taken
from steer_openai_agents.question import OUTPUT_LIMITS

__all__ = ["Asking", "name_of_model", "provider_of_name"]

_ELSEWHERE = frozenset({"litellm", "any-llm"})
_INTERFACES: Mapping[Interface, str] = {"responses": "Responses", "chat_completions": "Chat"}
# What an author may have called an option in extra_args or extra_body.
_CALLED: Mapping[str, tuple[str, ...]] = {
    "max_output_tokens": OUTPUT_LIMITS,
    "reasoning_effort": ("reasoning", "reasoning_effort"),
}
_FIELDS: Mapping[str, str] = {"max_output_tokens": "max_tokens"}
_DETERMINED = frozenset({"temperature", "seed", "parallel_tool_calls"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What a run's options say about asking models, for every agent of the run.

    ``interface`` is the one that models given by name are asked through. ``rows`` is what the
    user says that models take.
    """

    options: PrepareOptions
    interface: Interface | None
    rows: Mapping[str, ModelRow] = field(default_factory=dict)

    def elsewhere(self) -> Asking:
        """Return the same for models by a provider of the author's."""
        return replace(self, interface=None)

    def takes(self, model: str | Model | None) -> Taken:
        """Return what a model takes."""
        return taken(
            name_of_model(model),
            self._interface_of(model),
            self.rows,
            opaque=isinstance(model, Model) and not speaks_openai(model),
        )

    def settings(
        self, model: str | Model | None, author: ModelSettings, *, agent: str
    ) -> ModelSettings:
        """Return the settings of an agent's author with the options laid over them.

        Raises ``ConfigError`` where the model does not take an option.
        """
        takes = self.takes(model)
        wanted = dict(self._explicit())
        effort = self.effort(author)
        for option, value in wanted.items():
            problem = _problem(option, value, takes, effort)
            if problem is not None:
                raise self._refusal(option, problem, model, agent)
        if self.options.deterministic:
            wanted = dict(_deterministic(takes, effort)) | wanted
            if not wanted.keys() & _DETERMINED:
                problem = "takes neither temperature 0 nor a seed nor one tool call at a time"
                raise self._refusal("deterministic", problem, model, agent)
        return _laid_over(author, wanted, takes) if wanted else author

    def yielding(self, author: ModelSettings) -> ModelSettings:
        """Return the settings of an author's ``RunConfig`` less what the run's options decide.

        The SDK lays them over those of each agent, in which the options are already.
        """
        decided = {option for option, _ in self._explicit()}
        if self.options.deterministic:
            decided |= _DETERMINED
        if not decided:
            return author
        changes: dict[str, Any] = {
            _FIELDS.get(option, option): None for option in decided - {"seed", "reasoning_effort"}
        }
        if "reasoning_effort" in decided and author.reasoning is not None:
            effort = self.options.reasoning_effort
            changes["reasoning"] = author.reasoning.model_copy(update={"effort": effort})
        return replace(author, **_extras_less(author, decided), **changes)

    def effort(self, author: ModelSettings) -> str | None:
        """Return the effort that will be asked for, ``None`` where the provider chooses."""
        if self.options.reasoning_effort is not None:
            return self.options.reasoning_effort
        return None if author.reasoning is None else author.reasoning.effort

    def check_files(
        self, model: str | Model | None, messages: Sequence[Message], *, agent: str
    ) -> None:
        """Refuse documents of a kind that a model does not read. Raises ``ConfigError``."""
        parts = (part for message in messages for part in message.content)
        files = [part for part in parts if isinstance(part, FilePart)]
        kinds = self.takes(model).files if files else True
        if isinstance(kinds, bool):
            return
        for part in files:
            if part.media_type.casefold() not in kinds:
                problem = f"reads {', '.join(kinds)}, and not {part.media_type}"
                raise self._refusal(f"the file {part.name}", problem, model, agent)

    def check_schema(self, model: str | Model | None, *, agent: str) -> None:
        """Refuse a schema for the answer of a model that knows none. Raises ``ConfigError``."""
        if self.options.output_schema is not None and not self.takes(model).output_schema:
            raise self._refusal("output_schema", "knows no structured output", model, agent)

    def _explicit(self) -> Iterator[tuple[str, Any]]:
        for option in (
            "temperature",
            "top_p",
            "max_output_tokens",
            "seed",
            "reasoning_effort",
            "parallel_tool_calls",
        ):
            value = getattr(self.options, option)
            if value is not None:
                yield option, value

    def _interface_of(self, model: str | Model | None) -> Interface | None:
        match model:
            case OpenAIResponsesModel():
                return "responses"
            case OpenAIChatCompletionsModel():
                return "chat_completions"
            case Model():
                return None
            case _:
                return self.interface if provider_of_name(model) == "openai" else None

    def _refusal(
        self, what: str, problem: str, model: str | Model | None, agent: str
    ) -> ConfigError:
        name, interface = name_of_model(model), self._interface_of(model)
        who = f"the model {name} of agent {agent!r}"
        through = f" (through {_INTERFACES[interface]})" if interface else ""
        return ConfigError(
            f"{what} cannot take effect: {who}{through} {problem}",
            fix=f"Drop {what} or name another model; where this is wrong, say in the"
            f' configuration what it takes: [runtimes.openai-agents.models."{name}"]',
        )


def _problem(option: str, value: object, takes: Taken, effort: str | None) -> str | None:
    """Return why a model does not take an option, ``None`` where it does."""
    known: object = getattr(takes, option)
    if known is True:
        return None
    if known == "without_reasoning":
        if effort in {None, "none"}:
            return None
        return f"takes it at the reasoning effort none only, and is asked for {effort}"
    if isinstance(known, tuple):
        return None if value in known else f"knows the efforts {', '.join(known)}, not {value!r}"
    return "does not take it"


def _deterministic(takes: Taken, effort: str | None) -> Iterator[tuple[str, Any]]:
    # Where the provider chooses the effort, nobody knows whether it takes a temperature.
    if takes.temperature is True or (takes.temperature and effort == "none"):
        yield "temperature", 0.0
    if takes.seed:
        yield "seed", 0
    if takes.parallel_tool_calls:
        yield "parallel_tool_calls", False


def _laid_over(author: ModelSettings, wanted: Mapping[str, Any], takes: Taken) -> ModelSettings:
    extras = _extras_less(author, wanted)
    arguments: dict[str, Any] = extras["extra_args"] or {}
    changes: dict[str, Any] = {}
    for option, value in wanted.items():
        match option:
            case "max_output_tokens":
                changes["max_tokens"] = None if takes.max_completion_tokens else value
                if takes.max_completion_tokens:
                    arguments["max_completion_tokens"] = value
            case "seed":
                arguments["seed"] = value
            case "reasoning_effort":
                reasoning = author.reasoning or Reasoning()
                changes["reasoning"] = reasoning.model_copy(update={"effort": value})
            case _:
                changes[option] = value
    return replace(author, **{**extras, "extra_args": arguments or None}, **changes)


def _extras_less(author: ModelSettings, options: Iterable[str]) -> dict[str, Any]:
    """Return an author's extra arguments and body without what they say of these options."""
    called = {name for option in options for name in _CALLED.get(option, (option,))}
    arguments = {k: v for k, v in (author.extra_args or {}).items() if k not in called}
    body = author.extra_body
    if isinstance(body, Mapping):
        body = {k: v for k, v in body.items() if k not in called} or None
    return {"extra_args": arguments or None, "extra_body": body}


def name_of_model(model: str | Model | None) -> str:
    """Return the name that a model has at its provider, or that of its class."""
    if isinstance(model, Model):
        return str(getattr(model, "model", type(model).__name__))
    return get_default_model() if model is None else model.removeprefix("openai/")


def provider_of_name(model: str | None) -> str:
    """Return whose a model given by name is: OpenAI's unless its prefix names another."""
    prefix, slash, _ = (model or "").partition("/")
    return prefix if slash and prefix in _ELSEWHERE else "openai"
