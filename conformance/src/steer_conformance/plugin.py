"""What this distribution adds to the program ``steer``: three commands."""

from __future__ import annotations

from collections.abc import Iterable

from steer.plugin import CommandPlugin, hookimpl

__all__ = ["steer_commands"]


@hookimpl
def steer_commands() -> Iterable[CommandPlugin]:
    """Declare the commands."""
    yield CommandPlugin(
        name="check",
        summary="Check a plugin against the contract of its port.",
        contract=1,
        open="steer_conformance.check_command:open_check",
    )
    yield CommandPlugin(
        name="demo",
        summary="A tour of twenty seconds: a real agent, a scripted model, no key.",
        contract=1,
        open="steer_conformance.demo:open_demo",
        requires=("steer-openai-agents", "openai-agents"),
        install="steer-openai-agents",
    )
    yield CommandPlugin(
        name="provider",
        summary="Serve a script as OpenAI and Anthropic would serve a model.",
        contract=1,
        open="steer_conformance.command:open_provider",
    )
