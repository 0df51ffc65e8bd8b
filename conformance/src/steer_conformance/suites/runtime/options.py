"""Checks: options take effect, or are refused. None is dropped without a word."""

from __future__ import annotations

from typing import Any

from steer.agents import Variable
from steer.errors import ConfigError

from steer_conformance.checks import check, raises
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import Props, answering, leaves
from steer_conformance.suites.runtime.stage import Stage

_VALUES: dict[str, Any] = {
    "temperature": 0.25,
    "top_p": 0.75,
    "max_output_tokens": 321,
    "seed": 4711,
    "tool_choice": "look",
    "parallel_tool_calls": False,
    "reasoning_effort": "high",
}


@check("RT-46", requires="temperature")
async def a_temperature_reaches_the_model_be_it_0(case: RuntimeCase) -> None:
    await _reaches(case, "temperature", _VALUES["temperature"])
    await _reaches(case, "temperature", 0.0)


@check("RT-47", requires="top_p")
async def top_p_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "top_p", _VALUES["top_p"])


@check("RT-48", requires="max_output_tokens")
async def a_bound_on_the_answer_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "max_output_tokens", _VALUES["max_output_tokens"])


@check("RT-49", requires=("tool_choice", "tools"))
async def the_choice_of_a_tool_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "tool_choice", _VALUES["tool_choice"])


@check("RT-50", requires="seed")
async def a_seed_reaches_the_model_be_it_0(case: RuntimeCase) -> None:
    await _reaches(case, "seed", _VALUES["seed"])
    await _reaches(case, "seed", 0)


@check("RT-58", requires=("parallel_tool_calls", "tools"))
async def one_tool_call_at_a_time_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "parallel_tool_calls", _VALUES["parallel_tool_calls"])


@check("RT-59", requires="reasoning_effort")
async def an_effort_reaches_the_model(case: RuntimeCase) -> None:
    await _reaches(case, "reasoning_effort", _VALUES["reasoning_effort"])


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
        for name, value in _VALUES.items():
            if not getattr(case.capabilities, name):
                with raises(ConfigError):
                    stage.prepare(agent, **{name: value})


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
