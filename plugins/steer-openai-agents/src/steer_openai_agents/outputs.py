"""What came of a tool, in a JSON form from which the SDK tells the model the same again."""

from __future__ import annotations

import math
from typing import Any

from agents.tool import FunctionTool, ToolOutputFileContent, ToolOutputImage, ToolOutputText
from pydantic_core import to_jsonable_python
from steer.errors import ErrorCategory, ErrorInfo, SteerError
from steer.values import JsonValue

__all__ = ["ToolFailed", "recorded_output"]

_STRUCTURED = (ToolOutputText, ToolOutputImage, ToolOutputFileContent)
_KINDS = frozenset({"text", "image", "file"})


def recorded_output(result: Any, tool: FunctionTool) -> JsonValue:
    """Return the form of a result that is recorded and given to the SDK on a replay.

    Texts, pictures and files stay what they are, also in lists, and so does plain JSON. Of
    anything else the model reads ``str(result)``, so that is what is kept.
    """
    if tool.output_json_schema is not None:
        return _typed(result, tool)
    if isinstance(result, _STRUCTURED):
        return _dumped(result)
    if isinstance(result, list | tuple) and result and all(map(_is_structured, result)):
        return [_dumped(item) for item in result]
    return result if _is_json(result) else str(result)


def _typed(result: Any, tool: FunctionTool) -> JsonValue:
    """Return the result of a tool that declares the schema of its results."""
    adapter = tool._output_type_adapter  # noqa: SLF001 - what the SDK itself dumps it with
    if isinstance(result, str):
        return result
    if adapter is not None:
        return adapter.dump_python(result, mode="json", by_alias=True)
    return to_jsonable_python(result)


def _is_structured(item: Any) -> bool:
    return isinstance(item, _STRUCTURED) or (
        type(item) is dict and item.get("type") in _KINDS and _is_json(item)
    )


def _dumped(item: Any) -> JsonValue:
    return item if type(item) is dict else item.model_dump(mode="json", exclude_none=True)


def _is_json(value: Any) -> bool:
    """Whether the value reads the same after it went through JSON; a tuple would not."""
    kind = type(value)
    if kind in (str, int, bool) or value is None:
        return True
    if kind is float:
        return math.isfinite(value)
    if kind is list:
        return all(map(_is_json, value))
    if kind is dict:
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    return False


class ToolFailed(SteerError):
    """A tool raised, or took too long, and the model is told ``told`` instead of a result."""

    code = "tool"

    def __init__(self, error: BaseException, told: str, *, category: ErrorCategory) -> None:
        super().__init__(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        self.told = told
        self.category = category

    def info(self) -> ErrorInfo:
        # A replay tells the model the same words without asking the author's code for them.
        return ErrorInfo(
            code=self.code,
            message=self.message,
            category=self.category,
            details={"told": self.told},
        )
