"""Asking what a run asks, in the middle of showing it."""

from __future__ import annotations

from steer.actions import Answer, Question, Upload, check_resolution
from steer.cli.error_text import error_text
from steer.cli.people.action_text import answered_text, how_to_answer, question_in
from steer.cli.people.answering import VIA
from steer.cli.people.dialogs import Files
from steer.cli.people.prompting import ask_person
from steer.cli.people.uploading import store_files
from steer.cli.runs.parked import durable
from steer.cli.runs.printers import RunPrinter
from steer.cli.terminal.person import Dismissed, Left, Terminal
from steer.cli.terminal.telling import Tell
from steer.errors import (
    ActionClosed,
    ActionExpired,
    ConfigError,
    InvalidAnswer,
    PluginError,
    PolicyDenied,
)
from steer.events import ActionRequired, Event
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, JsonValue

__all__ = ["InPlace"]


class InPlace:
    """Asks the person at the terminal of a run, one question at a time.

    ``by`` is the principal who answers. A question that is left for later parks the job.
    """

    def __init__(
        self,
        kernel: RuntimeKernel,
        handle: ExecutionHandle,
        terminal: Terminal,
        printer: RunPrinter,
        *,
        by: str,
    ) -> None:
        self._kernel = kernel
        self._handle = handle
        self._scope_id = handle.scope_id
        self._terminal = terminal
        self._printer = printer
        self._by = by

    async def ask(self, event: Event) -> None:
        """Have the question of an event answered, unless it has been, or cannot be here."""
        if not isinstance(event.data, ActionRequired):
            return
        await durable(self._handle, event)
        action = await self._kernel.action(event.data.action_id, scope_id=self._scope_id)
        if action.status is not ActionStatus.PENDING:
            return
        with self._printer.asking() as tell:
            question = question_in(action)
            if question is None:
                tell(
                    "error", f"this version of steer cannot ask what is asked of type {action.type}"
                )
                tell("note", how_to_answer(action))
                return
            try:
                while not await self._answered(action, question, tell):
                    pass
            except Left:
                if not await self._handle.park():
                    tell(
                        "note", f"it cannot be left, so the run waits here; {how_to_answer(action)}"
                    )
            except (Dismissed, ActionClosed, ActionExpired):
                ended = await self._kernel.action(action.action_id, scope_id=self._scope_id)
                tell("note", f"it is asked no more: {answered_text(ended)}")

    async def _answered(self, action: ActionRecord, question: Question, tell: Tell) -> bool:
        """Ask once; return whether that is all there is to do here."""
        person = self._terminal.person(tell)
        answer = await ask_person(self._kernel, action, question, person, scope_id=self._scope_id)
        try:
            await self._kernel.resolve_action(
                action.action_id,
                await self._resolution(action, question, answer),
                scope_id=self._scope_id,
                principal_id=self._by,
                via=VIA,
            )
        except (ConfigError, InvalidAnswer) as error:
            tell("error", error_text(error.info()))
            return False
        except (PolicyDenied, PluginError) as error:
            tell("error", error_text(error.info()))
            tell("note", f"it waits for somebody who may; {how_to_answer(action)}")
        return True

    async def _resolution(
        self, action: ActionRecord, question: Question, answer: Answer | Files
    ) -> JsonValue:
        if isinstance(question, Upload) and isinstance(answer, Files):
            answer = await store_files(
                self._kernel,
                action,
                question,
                answer.paths,
                scope_id=self._scope_id,
                by=self._by,
            )
        return check_resolution(action.type, action.payload, answer)
