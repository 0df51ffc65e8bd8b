"""The contract as a page of the documentation: ``python -m steer_conformance.contract_page``."""

from __future__ import annotations

import sys
from itertools import groupby

from steer_conformance.contract import CLAUSES, Clause

__all__ = ["contract_page"]

_HEAD = """\
# The contract

What a plugin of each port has to make true, clause by clause. `steer check` and the `*_checks`
functions of `steer_conformance` prove each of them; [Prove a plugin](../how-to/prove-a-plugin.md)
shows how. A clause with a capability is checked where the plugin claims that capability. *Since* is
the contract that brought the clause.

This page is made from `steer_conformance.contract`.
"""


def contract_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for port, clauses in groupby(CLAUSES.values(), key=lambda clause: clause.port):
        rows = "".join(map(_row, clauses))
        parts.append(
            f"\n## {port.capitalize()}\n\n| clause | what holds | capability | since | checks |\n"
            f"|---|---|---|---|---|\n{rows}"
        )
    return "".join(parts)


def _row(clause: Clause) -> str:
    text = clause.text.replace("|", "\\|")
    capability = f"`{clause.capability}`" if clause.capability else ""
    return f"| {clause.id} | {text} | {capability} | {clause.since} | {clause.checks} |\n"


if __name__ == "__main__":
    sys.stdout.write(contract_page())
