"""The clauses of how a plugin is packed; they hold for every kind."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["PACKAGING_CLAUSES"]

PACKAGING_CLAUSES = (
    Clause(
        id="PK-1",
        port="packaging",
        text="Importing the plugin module imports nothing of what the plugin `requires` or its "
        "distribution depends on, but for what `steer.plugin` imports by itself, nor what its "
        "targets name.",
    ),
    Clause(
        id="PK-2",
        port="packaging",
        text="The entry point resolves, and its hooks declare this plugin, once, for a contract "
        "that this steer has.",
    ),
    Clause(
        id="PK-3",
        port="packaging",
        text="Each target that is declared (`open`, `config`, `testing`, `nesting`) can be "
        "imported; what is to be called can be called as the hook says.",
    ),
    Clause(
        id="PK-4",
        port="packaging",
        text="The distribution states its version, and which versions of steer it works with.",
    ),
    Clause(
        id="PK-5",
        port="packaging",
        text="The contract is written as a number, not taken from the steer it meets.",
    ),
    Clause(
        id="PK-6",
        port="packaging",
        text="Every key of the configuration is documented, by a description of the field or in "
        "the docstring of the model.",
    ),
    Clause(
        id="PK-7",
        port="packaging",
        text="Of steer, only the public modules are imported.",
    ),
    Clause(
        id="PK-8",
        port="packaging",
        text="What is said in `requires` is what the distribution depends on, with its extras.",
    ),
)
