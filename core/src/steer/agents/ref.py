"""References to agents: what a job keeps so that its agent can be built again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from steer.errors import AgentError
from steer.values import JsonValue

__all__ = ["AgentRef", "ImportRef", "InlineRef", "StoredRef", "ref_from_json", "ref_to_json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportRef:
    """An agent in a file or a module.

    ``target`` is the absolute path of a ``.py``, ``.toml`` or ``.json`` file, or a dotted module
    name; then ``folder`` is where the module was found, if that is not where Python itself looks.
    ``name`` is the variable that holds the agent. ``digest`` is the SHA-256, in hex, of the file.
    """

    target: str
    digest: str
    name: str | None = None
    folder: str | None = None
    kind: Literal["import"] = "import"

    def __str__(self) -> str:
        return f"{self.target}:{self.name}" if self.name else self.target


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRef:
    """One version of an agent that a storage keeps."""

    name: str
    version: int
    kind: Literal["stored"] = "stored"

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class InlineRef:
    """A whole definition, as an agent file in JSON would have it.

    Paths in it are relative to ``folder``.
    """

    definition: Mapping[str, JsonValue]
    folder: str | None = None
    kind: Literal["inline"] = "inline"

    def without_settings(self, secret: Collection[str]) -> InlineRef:
        """Return the same without these keys of the runtime's configuration."""
        config = self.definition.get("runtime_config")
        if not isinstance(config, Mapping) or not any(key in secret for key in config):
            return self
        kept = {key: value for key, value in config.items() if key not in secret}
        return replace(self, definition={**self.definition, "runtime_config": kept})

    def __str__(self) -> str:
        return f"inline definition of {self.definition.get('name', 'an agent')}"


# A live object has no reference: after a crash nothing could build it again.
AgentRef: TypeAlias = ImportRef | StoredRef | InlineRef


@cache
def _adapter() -> TypeAdapter[AgentRef]:
    return TypeAdapter(Annotated[AgentRef, Field(discriminator="kind")])


def ref_to_json(ref: AgentRef) -> str:
    """Return a reference as JSON text, an object whose ``kind`` tells the three apart."""
    return _adapter().dump_json(ref).decode()


def ref_from_json(text: str) -> AgentRef:
    """Return the reference that ``ref_to_json`` encoded; ``AgentError`` where it is none."""
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "its root"
        raise AgentError(f"no reference to an agent: {place}: {problem['msg']}") from error
