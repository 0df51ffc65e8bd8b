"""A question put to the person at the terminal, while others may answer it elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

import anyio
import anyio.to_thread

from steer.actions import Answer, Question
from steer.cli.people.dialogs import Files, ask
from steer.cli.people.question_text import question_body, question_lines
from steer.cli.terminal.person import Dismissed, Left, Person, Terminal, terminal_input
from steer.cli.terminal.stopping import interrupts_held
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.telling import BAR
from steer.errors import SteerError
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord

__all__ = ["ask_person", "converse", "opened_terminal"]

T = TypeVar("T")


@contextmanager
def opened_terminal(streams: Streams) -> Iterator[Terminal | None]:
    """Give the terminal, ``None`` where nobody could be asked. For the main thread."""
    with terminal_input(streams) as descriptor:
        if descriptor is None:
            yield None
            return
        with interrupts_held() as undisturbed:
            yield Terminal(descriptor=descriptor, streams=streams, undisturbed=undisturbed)


async def ask_person(
    kernel: RuntimeKernel,
    action: ActionRecord,
    question: Question,
    person: Person,
    *,
    scope_id: str,
) -> Answer | Files:
    """Show the question and return the person's answer.

    Raises ``Left`` where they leave it for later, ``Dismissed`` once it was answered elsewhere.
    """

    def talk() -> Answer | Files:
        person.reader.forget_typed()
        for style, line in question_lines(action, question, now=datetime.now(UTC)):
            person.tell(style, line)
        return ask(question, person, show)

    def show() -> None:
        for style, line in question_body(question):
            person.tell(style, f"{BAR}{line}")

    return await converse(kernel, action, person, talk, scope_id=scope_id)


async def converse(
    kernel: RuntimeKernel,
    action: ActionRecord,
    person: Person,
    talk: Callable[[], T],
    *,
    scope_id: str,
) -> T:
    """Return what ``talk`` returns, which blocks in a thread until the action has ended.

    Raises what ``talk`` raises: ``Dismissed`` once somebody else has answered.
    """
    said: list[T] = []
    failure: Exception | None = None

    async def dismiss() -> None:
        try:
            await kernel.wait_action(action.action_id, scope_id=scope_id)
        finally:
            # Also where the whole is cancelled: the thread is waited for.
            person.reader.dismiss()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(dismiss)
            try:
                said.append(await anyio.to_thread.run_sync(talk))
            except (Left, Dismissed, SteerError) as error:
                # Raised again outside, where no group wraps it.
                failure = error
            group.cancel_scope.cancel()
    finally:
        person.reader.close()
    if failure is not None:
        raise failure
    return said[0]
