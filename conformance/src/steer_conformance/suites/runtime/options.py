"""Checks: options take effect, or are refused. None is dropped without a word."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import SecretStr
from steer.agents import Variable
from steer.capabilities import Capabilities
from steer.errors import ConfigError, SteerError
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Prepared

from steer_conformance.checks import check, raises
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import Props, answering, leaves
from steer_conformance.suites.runtime.stage import Stage

VALUES: dict[str, Any] = {
    "temperature": 0.25,
    "top_p": 0.75,
    "max_output_tokens": 321,
    "seed": 4711,
    "tool_choice": "look",
    "parallel_tool_calls": False,
    "reasoning_effort": "medium",  # the default of neither GPT-5 in its SDK nor Claude
}
"""A value of each option that a runtime claims or not."""

PROVED_ELSEWHERE = {
    "model": "RT-52",
    "instructions": "RT-52",
    "variables": "RT-52",
    "output_schema": "RT-53",
    "config": "RT-54",
    "base_url": "RT-60",
    "api_key": "RT-60",
    "deterministic": "RT-61",
    "output_strict": "RT-62",
}
"""The clauses of the options that are no capabilities of their own."""

# Nobody listens there: it is the port of a service that has been discarded.
_NOWHERE = "http://127.0.0.1:9/v1"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}


@check("RT-46", requires="temperature")
async def a_temperature_reaches_the_model_be_it_0(case: RuntimeCase) -> None:
    await _reaches(case, "temperature", VALUES["temperature"])
    await _reaches(case, "temperature", 0.0)


@check("RT-47", requires="top_p")
async def top_p_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "top_p", VALUES["top_p"])


@check("RT-48", requires="max_output_tokens")
async def a_bound_on_the_answer_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "max_output_tokens", VALUES["max_output_tokens"])


@check("RT-49", requires=("tool_choice", "tools"))
async def the_choice_of_a_tool_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "tool_choice", VALUES["tool_choice"])


@check("RT-50", requires="seed")
async def a_seed_reaches_the_model_be_it_0(case: RuntimeCase) -> None:
    await _reaches(case, "seed", VALUES["seed"])
    await _reaches(case, "seed", 0)


@check("RT-58", requires=("parallel_tool_calls", "tools"))
async def one_tool_call_at_a_time_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "parallel_tool_calls", VALUES["parallel_tool_calls"])


@check("RT-59", requires="reasoning_effort")
async def an_effort_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "reasoning_effort", VALUES["reasoning_effort"])


async def _reaches(case: RuntimeCase, name: str, value: Any) -> None:
    async with case.stage(answering("One."), answering("Two."), used_up=False) as stage:
        model = case.setup.models.get(name, case.setup.model)
        agent = _agent(case, stage, model=model)
        assert getattr(stage.prepare(agent).capabilities, name), (
            f"{name} is claimed, and the model {model!r} does not take it: "
            f"name one that does in RuntimeSetup(models={{{name!r}: ...}}), or claim it no longer"
        )
        await stage.run(agent)
        await stage.run(agent, options={name: value})
        plain, told = (leaves(request.body) for request in stage.provider.requests)
    new = [leaf for place, leaf in told.items() if place not in plain or plain[place] != leaf]
    # 0 is equal to False, and no temperature is.
    same = [leaf == value and isinstance(leaf, bool) is isinstance(value, bool) for leaf in new]
    assert any(same), f"{name}={value!r} changed {new!r} of the request"


@check("RT-51")
async def an_option_that_is_not_claimed_is_refused(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        agent = _agent(case, stage)
        for name in claimable_options():
            if not getattr(case.capabilities, name):
                with raises(ConfigError):
                    stage.prepare(agent, **{name: VALUES[name]})


def claimable_options() -> tuple[str, ...]:
    """The options that a runtime claims one by one."""
    claims = {each.name for each in fields(Capabilities)}
    return tuple(each.name for each in fields(PrepareOptions) if each.name in claims)


@check("RT-60")
async def a_model_is_asked_at_the_address_that_was_set_or_it_is_refused(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello."), used_up=False) as stage:
        prepared = _prepared_or_refused(stage, base_url=_NOWHERE)
        if prepared is not None:
            with raises(SteerError):
                await stage.run(prepared=prepared)
        assert stage.provider.requests == (), "the address was dropped without a word"


@check("RT-60")
async def a_model_is_asked_with_the_key_that_was_set_or_it_is_refused(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello."), used_up=False) as stage:
        prepared = _prepared_or_refused(stage, api_key=SecretStr("sk-of-this-run"))
        if prepared is None:
            return
        await stage.run(prepared=prepared)
        (asked,) = stage.provider.requests
    arrived = (*asked.headers.values(), asked.query, str(asked.body))
    assert any("sk-of-this-run" in each for each in arrived), "the key was dropped without a word"


@check("RT-61")
async def as_little_chance_as_can_be_is_asked_for_or_it_is_refused(case: RuntimeCase) -> None:
    async with case.stage(answering("One."), answering("Two."), used_up=False) as stage:
        agent = _agent(case, stage)
        prepared = _prepared_or_refused(stage, agent, deterministic=True)
        if prepared is None:
            return
        await stage.run(agent)
        await stage.run(prepared=prepared)
        plain, fixed = (request.body for request in stage.provider.requests)
    assert plain != fixed, "deterministic changed nothing of the request"


@check("RT-62", requires="schema")
async def to_enforce_a_schema_is_asked_for_or_refused(case: RuntimeCase) -> None:
    answers = [answering('{"colour": "red"}')] * 2
    async with case.stage(*answers, used_up=False) as stage:
        for strict in (True, False):
            prepared = _prepared_or_refused(stage, output_schema=_SCHEMA, output_strict=strict)
            if prepared is None:
                return
            await stage.run(prepared=prepared)
        enforced, free = (request.body for request in stage.provider.requests)
    assert enforced != free, "output_strict changes nothing of the request, and is not refused"


def _prepared_or_refused(stage: Stage, agent: Any = None, **options: Any) -> Prepared | None:
    """What is prepared so, ``None`` where an option was refused as it has to be."""
    try:
        return stage.prepare(agent, **options)
    except ConfigError:
        return None


@check("RT-52")
async def another_model_is_the_one_that_is_asked(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello.")) as stage:
        await stage.run(options={"model": "another-1"})
        assert stage.provider.requests[0].model == "another-1"


@check("RT-52")
async def other_instructions_take_the_place_of_the_authors(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello.")) as stage:
        agent = stage.agent(instructions="Speak plainly.")
        await stage.run(agent, options={"instructions": "Speak Klingon."})
        body = str(stage.provider.requests[0].body)
    assert "Speak Klingon." in body
    assert "Speak plainly." not in body


@check("RT-52")
async def instructions_and_their_variables_reach_the_model(case: RuntimeCase) -> None:
    async with case.stage(answering("Bonjour.")) as stage:
        agent = stage.agent(
            instructions="Speak {language}; braces like {this} stay.",
            variables={"language": Variable()},
        )
        await stage.run(agent, options={"variables": {"language": "French"}})
        body = str(stage.provider.requests[0].body)
    assert "Speak French; braces like {this} stay." in body


def _agent(case: RuntimeCase, stage: Stage, **fields: Any) -> Any:
    return stage.agent(tools=[Props().look()] if case.capabilities.tools else [], **fields)
