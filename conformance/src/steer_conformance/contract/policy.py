"""The clauses of policies."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["POLICY_CLAUSES"]

POLICY_CLAUSES = (
    Clause(
        id="PO-1",
        port="policy",
        text="The same question gets the same answer: from this policy, from another one opened "
        "with the same configuration, and whatever else was asked in between.",
    ),
    Clause(
        id="PO-2",
        port="policy",
        text="Every question, about answering an action too, is answered with a verdict or with "
        "None, of the types that the port names, and an approval that it asks for expires after a "
        "finite time above zero if at all; asking raises nothing. Arguments that are no object, or "
        "no JSON at all, are no exception.",
    ),
    Clause(
        id="PO-3",
        port="policy",
        text="A question is not changed, its arguments included.",
    ),
    Clause(
        id="PO-4",
        port="policy",
        text="Name and version are texts without spaces or '@', and stay what they are.",
    ),
    Clause(
        id="PO-5",
        port="policy",
        text="A denial says why, since the model is told.",
    ),
    Clause(
        id="PO-6",
        port="policy",
        text="Only the arguments of a tool are rewritten, to JSON, and what they were rewritten "
        "to is neither denied nor rewritten again.",
    ),
    Clause(
        id="PO-7",
        port="policy",
        text="Questions asked at the same time, from several threads or tasks, are each answered "
        "as if alone.",
    ),
    Clause(
        id="PO-8",
        port="policy",
        text="Evaluating is what the declaration says: awaited and answered within the ten "
        "seconds that policies have where it is asynchronous, and done on return where not.",
    ),
    Clause(
        id="PO-9",
        port="policy",
        capability="rules",
        text="Of the rules that apply to a tool the strictest holds: deny, then ask, then allow.",
    ),
    Clause(
        id="PO-10",
        port="policy",
        capability="rules",
        text="The order in which rules are given does not matter, whatever is asked.",
    ),
    Clause(
        id="PO-11",
        port="policy",
        capability="rules",
        text="A rule that is added never loosens what another rule decided, nor what is said of "
        "anything but its own tool, be it a model, a run, data or who may answer; one that denies "
        "loosens nothing at all.",
    ),
    Clause(
        id="PO-12",
        port="policy",
        capability="rules",
        text="A tool that no rule covers is not allowed.",
    ),
    Clause(
        id="PO-13",
        port="policy",
        capability="rules",
        text="Other rules make another version, since an approval is bound to the one it was given "
        "under.",
    ),
    Clause(
        id="PO-14",
        port="policy",
        text="It answers what its author says that it is about: each tool and question that the "
        "setup names, or some question at least where it names none.",
    ),
)
