"""Which file of a job a user means: by its id, or a part of it."""

from __future__ import annotations

from steer.errors import ConfigError, NotFound
from steer.kernel import RuntimeKernel
from steer.ports.records import ArtifactRecord
from steer.ports.storage import MAX_PAGE

__all__ = ["find_artifact"]

_SHORTEST = 6
_WHOLE = 36


async def find_artifact(kernel: RuntimeKernel, name: str, *, scope_id: str) -> ArtifactRecord:
    """Return the file that ``name`` means: its id, or its beginning or end.

    Raises ``NotFound``, and ``ConfigError`` where the name is too short or fits several files.
    """
    if len(name) >= _WHOLE:
        return await kernel.artifact(name, scope_id=scope_id)
    if len(name) < _SHORTEST:
        raise ConfigError(
            f"{name!r} is too short for an artifact",
            fix=f"Give at least {_SHORTEST} characters of its id",
        )
    part, cursor = name.casefold(), None
    found: list[ArtifactRecord] = []
    while True:
        page = await kernel.artifacts(scope_id=scope_id, limit=MAX_PAGE, cursor=cursor)
        found += [
            one
            for one in page.items
            if one.artifact_id.endswith(part) or one.artifact_id.startswith(part)
        ]
        if (cursor := page.cursor) is None:
            break
    if not found:
        raise NotFound(
            f"there is no artifact {name!r} in scope {scope_id}", fix="See: steer artifacts list"
        )
    if len(found) > 1:
        ids = ", ".join(one.artifact_id for one in found[:3])
        raise ConfigError(f"{name!r} fits {len(found)} artifacts: {ids}", fix="Give more of the id")
    return found[0]
