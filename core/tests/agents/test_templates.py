"""Only declared variables are replaced; every other byte of the text stays."""

from __future__ import annotations

import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.agents import Template, Variable
from steer.errors import AgentError

# Brace-heavy text: the interesting cases are braces that touch names and each other.
texts = st.lists(
    st.sampled_from(["{", "}", "{{", "}}", "a", "b", "city", "{a}", "{b}", "{{a}}", '"', ": ", "é"])
).map("".join)
names = st.sampled_from(["a", "b", "city"])
values = st.dictionaries(names, texts)


def template(text: str, *declared: str, **with_default: str) -> Template:
    variables = {name: Variable() for name in declared}
    variables |= {name: Variable(default=value) for name, value in with_default.items()}
    return Template(text=text, variables=variables, agent="helper")


def scanned(text: str, given_values: Mapping[str, str]) -> str:
    """Render by reading the text from left to right: written apart from the code under test."""
    out: list[str] = []
    while text:
        for name, value in given_values.items():
            if text.startswith("{{" + name + "}}"):
                out.append("{" + name + "}")
                text = text[len(name) + 4 :]
                break
            if text.startswith("{" + name + "}"):
                out.append(value)
                text = text[len(name) + 2 :]
                break
        else:
            out.append(text[0])
            text = text[1:]
    return "".join(out)


@given(text=st.text() | texts)
def test_a_text_without_declared_variables_is_left_byte_for_byte(text: str) -> None:
    assert template(text).render({}) == text


@given(text=st.text(alphabet=string.printable) | texts, chosen=values)
def test_rendering_equals_reading_the_text_from_left_to_right(
    text: str, chosen: dict[str, str]
) -> None:
    used = {name: value for name, value in chosen.items() if "{" + name + "}" in text}
    assert template(text, *used).render(used) == scanned(text, used)


@given(value=texts)
def test_a_value_is_inserted_literally_and_never_read_again(value: str) -> None:
    rendered = template("<{a}|{b}>", "a", "b").render({"a": value, "b": "end"})
    assert rendered == f"<{value}|end>"


def test_json_and_code_stay_as_they_are() -> None:
    text = 'Answer {"city": "{city}", "n": {}} as {{x}} or f"{y!r:>{width}}" or ${z}.'
    assert template(text, "city").render({"city": "Bonn"}) == text.replace("{city}", "Bonn")


def test_doubled_braces_write_out_the_name_of_a_declared_variable() -> None:
    assert template("{{city}} is {city}", "city").render({"city": "Bonn"}) == "{city} is Bonn"


def test_a_variable_without_a_default_is_required() -> None:
    assert Variable().required
    assert not Variable(default="").required


def test_a_default_stands_in_for_a_missing_value() -> None:
    greeting = template("Be {tone}.", tone="kind")
    assert greeting.render({}) == "Be kind."
    assert greeting.render({"tone": ""}) == "Be ."


def test_a_missing_value_is_an_error_that_names_variable_and_agent() -> None:
    described = Template(
        text="In {city}", variables={"city": Variable(description="a town")}, agent="helper"
    )
    with pytest.raises(AgentError) as caught:
        described.render({})
    assert str(caught.value) == (
        "agent 'helper' needs a value for its variable 'city' (a town). "
        "Give it with the request, or declare a default"
    )


def test_an_undeclared_value_is_an_error_that_lists_the_declared_ones() -> None:
    with pytest.raises(AgentError) as caught:
        template("{a}{b}", "a", "b").render({"a": "1", "b": "2", "c": "3"})
    assert str(caught.value) == "agent 'helper' has no variable 'c'. Declared variables: a, b"


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(AgentError, match="variable 'a' of agent 'helper' was given a value of"):
        template("{a}", "a").render({"a": 3})  # type: ignore[dict-item]


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "a}"])
def test_a_variable_needs_the_form_of_a_name(name: str) -> None:
    with pytest.raises(AgentError, match="letters, digits and underscores"):
        template(f"{{{name}}}", name)


def test_a_declared_variable_that_is_never_used_is_a_mistake() -> None:
    with pytest.raises(AgentError) as caught:
        template("In {ctiy}", "city")
    assert str(caught.value) == (
        "agent 'helper' declares the variable 'city', but its instructions never use {city}. "
        "Use it there, or drop the declaration"
    )
