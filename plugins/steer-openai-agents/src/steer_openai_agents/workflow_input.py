"""What a workflow function takes, and a conversation in that form."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from steer.errors import AgentError, ConfigError, ErrorCategory, RuntimeFailure
from steer.values import Message, Role, TextPart

from steer_openai_agents.call_ids import told_apart
from steer_openai_agents.conversation import sdk_input

__all__ = ["InputForm", "form_of"]

_USUAL_FIELD = "input_as_text"
_ACCEPTED = (
    "a str, a list of input items, a pydantic model or a TypedDict with the text "
    f"{_USUAL_FIELD}, or a dict, which is given that key"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputForm:
    """How a function is given the input of a run.

    ``items`` and ``text`` say whether it takes a whole conversation, and a lone text; it takes one
    of them at least. ``wrapped`` makes a text what the function expects.
    """

    function: str
    items: bool = False
    text: bool = True
    wrapped: Callable[[str], object] = str

    def value(self, messages: Sequence[Message]) -> object:
        """Return the conversation as the function's argument.

        Raises ``ConfigError`` where a function that takes a text is given more than one, and
        ``RuntimeFailure`` where the author's own model refuses the text.
        """
        if self.items:
            given = sdk_input(messages)
            if isinstance(given, list):
                return told_apart(given)
            return given if self.text else [{"role": "user", "content": given}]
        return self._wrapped(self._lone_text(messages))

    def _lone_text(self, messages: Sequence[Message]) -> str:
        match messages:
            case [Message(role=Role.USER, content=parts)] if all(
                isinstance(part, TextPart) for part in parts
            ):
                return messages[0].text
        found = "files or pictures" if len(messages) == 1 else f"{len(messages)} messages"
        raise ConfigError(
            f"{self.function} takes one text, and was given {found}",
            fix="Give it a text, or let its parameter be a list of input items",
        )

    def _wrapped(self, text: str) -> object:
        try:
            return self.wrapped(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise RuntimeFailure(
                f"the input of {self.function} does not take this text: {first['msg']}",
                category=ErrorCategory.VALIDATION,
            ) from error


def form_of(function: Callable[..., Any]) -> InputForm:
    """Return what a function takes. Raises ``AgentError`` where no text can be given to it."""
    name = function.__name__
    required = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if len(required) != 1 or required[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise AgentError(
            f"{name} takes {len(required)} arguments, and a workflow takes one: its input",
            fix=f"Let its one parameter be {_ACCEPTED}",
        )
    form = _form(name, _annotation(function, required[0]))
    if form is None:
        shown = inspect.formatannotation(required[0].annotation)
        kind = (
            f"is a {shown}"
            if required[0].annotation is not inspect.Parameter.empty
            else ("has no type")
        )
        raise AgentError(
            f"the parameter {required[0].name} of {name} {kind}, which no text can be given to",
            fix=f"Let it be {_ACCEPTED}",
        )
    return form


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    try:
        return typing.get_type_hints(inspect.unwrap(function)).get(parameter.name)
    except Exception as error:  # whatever evaluating an author's annotations raises
        raise AgentError(
            f"the types of {function.__name__} cannot be read: {type(error).__name__}: {error}",
            fix="Define the types that its annotations name in the same file",
        ) from error


def _form(function: str, kind: Any) -> InputForm | None:  # noqa: PLR0911 - one return for each kind
    if get_origin(kind) in {Union, types.UnionType}:
        return _union(function, get_args(kind))
    base = get_origin(kind) or kind
    if base is str:
        return InputForm(function=function)
    if base in {list, Sequence}:
        return InputForm(function=function, items=True, text=False)
    if typing.is_typeddict(base):
        return _keyed(function, _text_key_of_dict(base))
    if base in {dict, Mapping}:
        return _keyed(function, _USUAL_FIELD)
    if isinstance(base, type) and issubclass(base, BaseModel):
        return _modelled(function, base)
    return None


def _union(function: str, kinds: Sequence[Any]) -> InputForm | None:
    """Return the form that takes the most, for an author who takes several."""
    forms = [form for kind in kinds if (form := _form(function, kind)) is not None]
    if any(form.items for form in forms):
        plain = any(form.text and form.wrapped is str for form in forms)
        return InputForm(function=function, items=True, text=plain)
    return forms[0] if forms else None


def _keyed(function: str, key: str | None) -> InputForm | None:
    if key is None:
        return None
    return InputForm(function=function, wrapped=lambda text: {key: text})


def _text_key_of_dict(kind: Any) -> str | None:
    hints = typing.get_type_hints(kind)
    required: frozenset[str] = kind.__required_keys__
    texts = [key for key in hints if hints[key] is str and required <= {key}]
    return _only(texts)


def _modelled(function: str, kind: type[BaseModel]) -> InputForm | None:
    required = {name for name, field in kind.model_fields.items() if field.is_required()}
    texts = [
        name
        for name, field in kind.model_fields.items()
        if field.annotation is str and required <= {name}
    ]
    name = _only(texts)
    if name is None:
        return None
    key = _key_of(name, kind.model_fields[name])
    return InputForm(function=function, wrapped=lambda text: kind.model_validate({key: text}))


def _key_of(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name


def _only(texts: Sequence[str]) -> str | None:
    if _USUAL_FIELD in texts:
        return _USUAL_FIELD
    return texts[0] if len(texts) == 1 else None
