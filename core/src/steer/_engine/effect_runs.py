"""What an effect is given by the gate: its arguments, its key, and what it may do meanwhile."""

from __future__ import annotations

import hashlib
import uuid

from steer._engine.asking import ToolAsk
from steer._engine.state import JobState
from steer._engine.told_files import created
from steer.ports.gate import EffectRun, ToolCall
from steer.ports.records import ArtifactRecord
from steer.values import JsonValue, well_formed

__all__ = ["effect_run"]


def effect_run(state: JobState, call: ToolCall, arguments: JsonValue) -> EffectRun:
    """Return what the effect of a call is given."""
    return EffectRun(
        key=f"{state.context.job_id}/{call.key}",
        arguments=arguments,
        ask=ToolAsk(state, call),
        keep=ToolKeep(state, call),
    )


class ToolKeep:
    """Implements ``steer.ports.gate.Keep`` for one run of one tool call."""

    def __init__(self, state: JobState, call: ToolCall) -> None:
        self._state = state
        self._call = call

    async def __call__(self, content: bytes, /, *, name: str, media_type: str) -> ArtifactRecord:
        """Keep a file: see ``Keep``."""
        state, call = self._state, self._call
        context = state.context
        state.check()
        artifact = await state.artifacts.put(
            context.scope_id,
            context.job_id,
            content,
            name=name,
            media_type=media_type,
            artifact_id=self._id_of(content, name),
            created_by=context.principal_id,
        )
        state.tell(created(artifact), path=call.path, agent=call.agent)
        return artifact

    def _id_of(self, content: bytes, name: str) -> str:
        """Return the id that the same file of the same call has whenever it is run."""
        digest = hashlib.sha256(content).hexdigest()
        key = f"{self._state.context.job_id}/{self._call.key}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}\0{digest}\0{well_formed(name)}"))
