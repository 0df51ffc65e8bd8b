"""The clauses of signal channels."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["SIGNALS_CLAUSES"]

SIGNALS_CLAUSES = (
    Clause(
        id="SG-1",
        port="signals",
        text="What is published inside the `async with` of a subscription wakes its waiter, and "
        "every other waiter for the topic, as long as nothing is lost on the way.",
    ),
    Clause(
        id="SG-2",
        port="signals",
        checks=2,
        text="A signal between two waits is kept; several count as one.",
    ),
    Clause(
        id="SG-3",
        port="signals",
        text="No wake-up is lost for a waiter that follows the contract: one that reads after "
        "subscribing, after each wake and after each time-out sees every change.",
    ),
    Clause(
        id="SG-4",
        port="signals",
        text="Without a signal wait() returns false once its seconds have passed, and not before.",
    ),
    Clause(
        id="SG-5",
        port="signals",
        checks=2,
        text="A waiter that ends its subscription, or is cancelled while it waits, cuts off "
        "nobody else, and a cancelled wait can be repeated.",
    ),
    Clause(
        id="SG-6",
        port="signals",
        text="A signal in one scope is none in another.",
    ),
    Clause(
        id="SG-7",
        port="signals",
        text="A topic is itself alone: not those that begin with it, end in it, or look like a "
        "pattern of it.",
    ),
    Clause(
        id="SG-8",
        port="signals",
        text="Publishing to nobody is no error and is not kept for whoever subscribes later.",
    ),
    Clause(
        id="SG-9",
        port="signals",
        text="aclose() wakes all waiters a last time.",
    ),
)
