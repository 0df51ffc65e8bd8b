"""The check of an upload's answer against the files that are stored."""

from __future__ import annotations

from steer.actions.answers import Answer, Uploaded
from steer.actions.checking import answer_of, question_of, unfit
from steer.actions.questions import Upload
from steer.errors import InvalidAnswer, NotFound
from steer.ports.artifact import ArtifactStore
from steer.ports.records import ActionRecord, ArtifactRecord
from steer.values import ActionType, JsonValue

__all__ = ["accepts", "check_upload"]


async def check_upload(
    action: ActionRecord,
    resolution: Answer | JsonValue,
    *,
    scope_id: str,
    artifacts: ArtifactStore,
) -> None:
    """Check that the files which answer an upload are this job's and fit what was asked.

    Of another type of action there is nothing to check. Raises ``InvalidAnswer``, also for an
    answer that ``check_resolution`` refuses.
    """
    if action.type is not ActionType.UPLOAD:
        return
    question = question_of(action.type, action.payload)
    answer = answer_of(action.type, question, resolution)
    problems = []
    if isinstance(question, Upload) and isinstance(answer, Uploaded):
        for artifact_id in answer.artifacts:
            try:
                artifact = await artifacts.get(scope_id, artifact_id)
            except NotFound:
                problems.append(f"artifacts: {artifact_id!r} is not stored; upload it first")
                continue
            if problem := _problem(action, question, artifact):
                problems.append(f"artifacts: {artifact_id!r} {problem}")
    if problems:
        raise unfit(problems, "the answer to an action of type upload", InvalidAnswer)


def accepts(question: Upload, media_type: str) -> bool:
    """Whether a file of this media type is one that the question asks for."""
    given = media_type.partition(";")[0].strip().lower()
    kind = given.partition("/")[0]
    globs = {glob.lower() for glob in question.media_types}
    return not globs.isdisjoint({"*/*", f"{kind}/*", given})


def _problem(action: ActionRecord, question: Upload, artifact: ArtifactRecord) -> str | None:
    if artifact.job_id != action.job_id:
        return "is of another job; upload it for this one"
    if artifact.action_id not in (None, action.action_id):
        return "was uploaded for another question; upload it for this one"
    if not accepts(question, artifact.media_type):
        wanted = ", ".join(question.media_types)
        return f"is {artifact.media_type}; upload one of {wanted}"
    if question.max_bytes is not None and artifact.size > question.max_bytes:
        return f"has {artifact.size:,} bytes; upload one of at most {question.max_bytes:,}"
    return None
