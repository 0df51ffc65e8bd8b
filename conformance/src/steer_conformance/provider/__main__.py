"""``python -m steer_conformance.provider --script FILE``."""

import typer

from steer_conformance.command import provider

if __name__ == "__main__":
    typer.run(provider)
