"""Checks: structured output, and answers that are none."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from steer.errors import BudgetExceeded, ErrorCategory, SteerError
from steer.ports.runtime import Finished
from steer.values import FinishReason

from steer_conformance.checks import check, raises
from steer_conformance.provider import Refusal, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import answering, leaves
from steer_conformance.suites.runtime.stage import Stage


class Verdict(BaseModel):
    """What the agents of these checks have to answer."""

    colour: str
    certain: bool


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"shade_of_grey": {"type": "integer"}},
    "required": ["shade_of_grey"],
    "additionalProperties": False,
}


@check("RT-23", requires="schema")
async def structured_output_is_asked_for_and_given_as_json(case: RuntimeCase) -> None:
    async with case.stage(answering('{"colour": "red", "certain": true}')) as stage:
        finished, _ = await stage.run(stage.agent(output_type=Verdict))
        asked = stage.provider.requests[0].body
    assert finished.output == {"colour": "red", "certain": True}
    assert "colour" in str(asked), "the model is not told which form it has to answer in"


@check("RT-24", requires="schema")
async def an_answer_that_does_not_fit_is_an_error(case: RuntimeCase) -> None:
    for answer in ('{"colour": "red"}', '{"colour": 7, "certain": true}', "Red, I think."):
        async with case.stage(answering(answer)) as stage:
            error, run = await stage.failure(stage.agent(output_type=Verdict))
        assert error.category is ErrorCategory.SCHEMA, f"{answer}: {error!r}"
        if case.plugin.capabilities.model_gate != "none":
            assert len(run.gate.usages) == 1, "the request was answered and paid for"


@check("RT-53", requires="schema")
async def a_schema_from_outside_is_asked_for_and_checked(case: RuntimeCase) -> None:
    async with case.stage(answering('{"shade_of_grey": 50}'), answering("None.")) as stage:
        prepared = stage.prepare(output_schema=_SCHEMA)
        finished, _ = await stage.run(prepared=prepared)
        error, _ = await stage.failure(prepared=prepared)
        asked = stage.provider.requests[0].body
    assert finished.output == {"shade_of_grey": 50}
    assert error.category is ErrorCategory.SCHEMA
    assert any("shade_of_grey" in str(place) for place in leaves(asked))


@check("RT-53", requires="schema")
async def a_schema_that_is_none_is_refused(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        with raises(SteerError):
            stage.prepare(output_schema={"type": "no such type"})


@check("RT-37")
async def an_answer_cut_at_its_limit_says_so(case: RuntimeCase) -> None:
    async with case.stage(Turn("Once upon a", stop="max_tokens")) as stage:
        outcome = await _answered(stage)
    if isinstance(outcome, Finished):
        assert outcome.finish_reason is FinishReason.MAX_OUTPUT_TOKENS
    else:
        assert isinstance(outcome, BudgetExceeded), f"it failed with {outcome!r}"


@check("RT-37")
async def a_refusal_says_that_it_is_one(case: RuntimeCase) -> None:
    async with case.stage(Turn(Refusal("I would rather not."))) as stage:
        outcome = await _answered(stage)
    if isinstance(outcome, Finished):
        assert outcome.finish_reason is FinishReason.REFUSAL
        assert outcome.content == "I would rather not."
    else:
        assert outcome.category is ErrorCategory.CONTENT_FILTER, f"it failed with {outcome!r}"


async def _answered(stage: Stage) -> Finished | SteerError:
    """Run an agent that may end either way."""
    try:
        finished, _ = await stage.run()
    except SteerError as error:
        return error
    return finished
