"""How long imports and the smallest commands take, beside ``import pydantic`` in the same run.

Promise: ``import steer`` takes at most 1.5 times as long as ``import pydantic``; what an
application needs of steer is shown beside it. Processes alternate and the fastest of each counts.
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 15
PROGRAMS = {
    "python alone": ("-c", "pass"),
    "import pydantic": ("-c", "import pydantic; pydantic.BaseModel; pydantic.TypeAdapter"),
    "import steer": ("-c", "import steer"),
    "its kernel": ("-c", "from steer import ExecutionRequest, RuntimeKernel"),
    "steer --version": ("-m", "steer", "--version"),
    "steer plugins": ("-m", "steer", "plugins"),
}


def seconds(program: tuple[str, ...]) -> float:
    """The time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Print the table; return whether the promise fails."""
    fastest = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            fastest[name] = min(fastest[name], seconds(program))
    base = fastest["python alone"]
    pydantic = fastest["import pydantic"] - base
    for name, total in fastest.items():
        own = total - base
        share = own / pydantic
        print(f"{name:<16} {total * 1e3:7.1f} ms; less python {own * 1e3:7.1f} ms = x{share:.2f}")
    return int(fastest["import steer"] - base > 1.5 * pydantic)


if __name__ == "__main__":
    raise SystemExit(main())
