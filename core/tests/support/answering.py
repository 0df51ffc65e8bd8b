"""Answers one action as a process of its own, once its standard input says so.

``python answering.py URL ACTION PRINCIPAL DECISION`` prints ``took`` or the error's code and text.
"""

from __future__ import annotations

import asyncio
import sys

from asking import asking
from steer import RuntimeKernel
from steer.errors import SteerError


async def main(url: str, action_id: str, principal: str, decision: str) -> None:
    async with RuntimeKernel(storage=url, policies=[asking()]) as kernel:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        try:
            await kernel.resolve_action(action_id, {"decision": decision}, principal_id=principal)
        except SteerError as error:
            sys.stdout.write(f"{error.code} {error}\n")
        else:
            sys.stdout.write("took\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
