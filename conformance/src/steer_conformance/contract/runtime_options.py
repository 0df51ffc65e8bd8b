"""The clauses of runtimes about options: what is set from outside has an effect, or is refused."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["OPTION_CLAUSES"]

OPTION_CLAUSES = (
    Clause(
        id="RT-46",
        port="runtime",
        capability="temperature",
        text="A temperature reaches the model; 0 is one.",
    ),
    Clause(
        id="RT-47", port="runtime", capability="top_p", text="A value of top_p reaches the model."
    ),
    Clause(
        id="RT-48",
        port="runtime",
        capability="max_output_tokens",
        text="A bound on the answer reaches the model.",
    ),
    Clause(
        id="RT-49",
        port="runtime",
        capability="tool_choice",
        text="The choice of a tool reaches the model.",
    ),
    Clause(
        id="RT-50", port="runtime", capability="seed", text="A seed reaches the model; 0 is one."
    ),
    Clause(
        id="RT-51",
        port="runtime",
        text="An option that the runtime does not claim is refused, never dropped.",
    ),
    Clause(
        id="RT-52",
        port="runtime",
        checks=3,
        text="The model and the instructions that a request names take the place of the author's, "
        "and instructions reach the model with their variables filled in.",
    ),
    Clause(
        id="RT-53",
        port="runtime",
        capability="schema",
        checks=2,
        text="A schema that a request names is asked for and checked as the author's own would be.",
    ),
    Clause(
        id="RT-54",
        port="runtime",
        text="A setting that the runtime does not have is refused.",
    ),
    Clause(
        id="RT-58",
        port="runtime",
        capability="parallel_tool_calls",
        text="Whether tools may be called several at a time reaches the model.",
    ),
    Clause(
        id="RT-59",
        port="runtime",
        capability="reasoning_effort",
        text="An effort of reasoning reaches the model.",
    ),
    Clause(
        id="RT-60",
        port="runtime",
        checks=2,
        text="The address and the key that a request sets are those with which models are asked, "
        "or are refused.",
    ),
    Clause(
        id="RT-61",
        port="runtime",
        text="To be deterministic changes what models are asked, or is refused.",
    ),
    Clause(
        id="RT-62",
        port="runtime",
        capability="schema",
        text="Whether a schema is to be enforced changes what models are asked; of True and False, "
        "what cannot take effect is refused.",
    ),
)
