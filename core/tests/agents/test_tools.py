"""A typed function as a tool: what the model sees of it, and how it runs."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Annotated, Any, Literal, assert_type

import pytest
from pydantic import BaseModel, Field
from steer.agents import ParsedArguments, ToolContext, tool
from steer.errors import AgentError
from steer.values import Effect

pytestmark = pytest.mark.anyio

NONE = ParsedArguments({})


def nobody(outcome: Future[Any]) -> None:
    pytest.fail("no call of this test is to be abandoned")


who: ContextVar[str] = ContextVar("who")


class Item(BaseModel):
    sku: str
    count: int = 1


@tool
def refund(
    order_id: int,
    items: list[Item],
    reason: Literal["broken", "late"] = "broken",
    *,
    context: ToolContext,
) -> str:
    """Refund an order.

    Only for orders of this year.

    Args:
        order_id: The number
            on the invoice.
        reason: Why.

    Returns:
        A receipt.
    """
    return f"{context.scope_id} refunds {order_id}: {items[0].sku} is {reason}"


def test_the_model_sees_name_description_and_arguments() -> None:
    assert refund.name == "refund"
    assert refund.description == "Refund an order.\n\nOnly for orders of this year."
    assert refund.strict
    assert refund.input_schema == {
        "type": "object",
        "properties": {
            "order_id": {"type": "integer", "description": "The number on the invoice."},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "reason": {
                "type": "string",
                "enum": ["broken", "late"],
                "description": 'Why. (default: "broken")',
            },
        },
        "required": ["order_id", "items", "reason"],
        "additionalProperties": False,
        "$defs": {
            "Item": {
                "type": "object",
                "title": "Item",
                "properties": {
                    "sku": {"type": "string"},
                    "count": {"type": "integer", "description": "(default: 1)"},
                },
                "required": ["sku", "count"],
                "additionalProperties": False,
            }
        },
    }


async def test_parsed_arguments_are_what_the_function_declares(call_context: ToolContext) -> None:
    arguments = refund.parse('{"order_id": "7", "items": [{"sku": "cup"}]}')
    assert arguments == {"order_id": 7, "items": [Item(sku="cup")], "reason": "broken"}
    assert (
        await refund.run(arguments, call_context, abandoned=nobody)
        == "acme refunds 7: cup is broken"
    )


def test_the_function_can_still_be_called(call_context: ToolContext) -> None:
    direct = refund(7, [Item(sku="cup")], "late", context=call_context)
    assert_type(direct, str)
    assert direct == "acme refunds 7: cup is late"
    assert list(inspect.signature(refund).parameters) == ["order_id", "items", "reason", "context"]


@pytest.mark.parametrize(
    "docstring",
    [
        "Find it.\n\nArgs:\n    place: where\n      to look\n    deep (bool): how far\n",
        "Find it.\n\n:param place: where to look\n:param deep: how far\n:returns: it\n",
        "Find it.\n\nParameters\n----------\nplace : str\n    where to look\ndeep\n    how far\n",
    ],
    ids=["google", "sphinx", "numpy"],
)
def test_descriptions_come_from_the_usual_docstrings(docstring: str) -> None:
    def find(place: str, deep: bool) -> None: ...

    find.__doc__ = docstring
    made = tool(find)
    assert made.description == "Find it."
    assert made.input_schema["properties"]["place"]["description"] == "where to look"
    assert made.input_schema["properties"]["deep"]["description"] == "how far"


def test_annotated_descriptions_and_bounds_come_before_the_docstring() -> None:
    @tool
    def pay(amount: Annotated[int, Field(gt=0, description="cents")], to: Annotated[str, "IBAN"]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a result type is not needed
        """Pay.

        Args:
            amount: not this
        """

    assert pay.input_schema["properties"] == {
        "amount": {"type": "integer", "exclusiveMinimum": 0, "description": "cents"},
        "to": {"type": "string", "description": "IBAN"},
    }


def test_the_context_is_never_shown_to_the_model() -> None:
    @tool
    def act(
        number: Annotated[int, Field(gt=0)],
        maybe: ToolContext | None = None,
    ) -> None:
        """Act."""

    assert act.input_schema["properties"] == {"number": {"type": "integer", "exclusiveMinimum": 0}}


def test_a_docstring_that_no_parser_understands_is_taken_as_it_is() -> None:
    def odd(a: int) -> None: ...

    odd.__doc__ = ": :returns::returns:Example:"
    assert tool(odd).description == ": :returns::returns:Example:"


def test_a_tool_without_parameters_takes_none() -> None:
    @tool
    def ping() -> str:
        return "pong"

    assert ping.input_schema == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert ping.description == ""
    assert ping.parse("") == ping.parse("{}") == ping.parse({}) == {}


def test_options_override_what_the_function_says() -> None:
    made = tool(name="look-up", description="Look.", effect="none", timeout=2.5, strict=False)(
        refund.function
    )
    assert (made.name, made.description, made.effect) == ("look-up", "Look.", Effect.NONE)
    assert (made.timeout, made.strict) == (2.5, False)
    assert made.input_schema["required"] == ["order_id", "items"]
    assert refund.effect is Effect.ONCE
    assert refund.timeout is None


def test_free_keys_make_a_tool_open_unless_strict_is_insisted_on() -> None:
    def search(filters: dict[str, str]) -> None: ...

    assert not tool(search).strict
    with pytest.raises(AgentError, match="tool 'search': filters accepts free keys"):
        tool(search, strict=True)


def test_a_type_defined_beside_the_tool_in_a_function_is_found() -> None:
    class Local(BaseModel):
        x: int

    @tool
    def use(local: Local) -> int:
        return local.x

    assert use.parse('{"local": {"x": 3}}') == {"local": Local(x=3)}


def test_parameters_may_have_names_that_pydantic_keeps_for_itself() -> None:
    @tool
    def odd(json: int, copy: int, _hidden: int, model_config: int, self_: int = 5) -> None: ...

    given = '{"json": 1, "copy": 2, "_hidden": 3, "model_config": 4}'
    assert odd.parse(given) == {
        "json": 1,
        "copy": 2,
        "_hidden": 3,
        "model_config": 4,
        "self_": 5,
    }


def test_a_bound_method_is_a_tool() -> None:
    class Shop:
        def __init__(self, name: str) -> None:
            self.name = name

        def sell(self, item: str) -> str:
            """Sell."""
            return f"{self.name} sells {item}"

    made = tool(Shop("north").sell)
    assert list(made.input_schema["properties"]) == ["item"]
    assert made("cup") == "north sells cup"


def test_a_decorated_function_keeps_its_signature() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @tool
    @logged
    def double(number: int) -> int:
        """Double it."""
        return 2 * number

    assert double.description == "Double it."
    assert double.parse('{"number": 2}') == {"number": 2}


def untyped(a, b: int):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - the mistake that is tested
    pass


def with_rest(*numbers: int) -> None: ...
def with_options(**options: int) -> None: ...
def positional(a: int, /) -> None: ...
def twice(a: ToolContext, b: ToolContext) -> None: ...
def with_field(a: int = Field(3)) -> None: ...
def with_handle(a: threading.Lock) -> None: ...
def unresolved(a: NotHere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the mistake
def yields(a: int) -> Iterator[int]:
    yield a


async def yields_later(a: int) -> AsyncIterator[int]:
    yield a


class Unbound:
    def method(self, a: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (untyped, "tool 'untyped' has a parameter without a type: a. Annotate it"),
        (
            Unbound.method,
            (
                "tool 'method' has a parameter without a type: self. "
                "Decorate the bound method instead: tool(instance.method)"
            ),
        ),
        (
            with_rest,
            (
                "tool 'with_rest' takes *numbers: 'int', which a model cannot fill in by name. "
                "Use ordinary parameters"
            ),
        ),
        (
            with_options,
            (
                "tool 'with_options' takes **options: 'int', which a model cannot fill in by name. "
                "Use ordinary parameters"
            ),
        ),
        (
            positional,
            (
                "tool 'positional' takes a: 'int', which a model cannot fill in by name. "
                "Use ordinary parameters"
            ),
        ),
        (twice, "tool 'twice' asks for its context twice: a, b"),
        (
            with_field,
            (
                "tool 'with_field' has a Field as the default of a. "
                "Write Annotated[TYPE, Field(...)] and a plain default"
            ),
        ),
        (
            unresolved,
            (
                "tool 'unresolved' has an annotation that cannot be resolved: "
                "name 'NotHere' is not defined. "
                "Define or import the type above the tool, outside of `if TYPE_CHECKING:`"
            ),
        ),
        (yields, "tool 'yields' yields. Return one value, for example a list"),
        (yields_later, "tool 'yields_later' yields. Return one value, for example a list"),
        (
            functools.partial(with_rest, 1),
            "tool 'partial' is made of a partial. Put it into a function with typed parameters",
        ),
        (
            lambda: None,
            (
                "'<lambda>' is no name for a tool. "
                "Use name= with up to 64 letters, digits, underscores and hyphens"
            ),
        ),
    ],
)
def test_a_function_that_no_model_could_call_is_refused(
    function: Callable[..., Any], message: str
) -> None:
    with pytest.raises(AgentError) as caught:
        tool(function)
    assert str(caught.value) == message


def test_a_type_that_json_cannot_carry_is_refused_by_name() -> None:
    with pytest.raises(AgentError) as caught:
        tool(with_handle)
    assert caught.value.message.startswith("tool 'with_handle' has a type that JSON cannot carry")


def test_an_unknown_effect_and_an_impossible_timeout_are_refused() -> None:
    with pytest.raises(AgentError, match="Choose one of none, idempotent, once"):
        tool(refund.function, effect="twice")
    with pytest.raises(AgentError, match="tool 'refund' has a timeout of 0 s"):
        tool(refund.function, timeout=0)
