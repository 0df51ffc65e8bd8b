"""Tools of the SDK's own in tests: what acts, how a model calls it, and what then happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    Computer,
    ComputerTool,
    CustomTool,
    LocalShellTool,
    ShellCallOutcome,
    ShellCommandOutput,
    ShellResult,
    ShellTool,
)
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from sdk_runs import MODEL
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.values import JsonValue
from steer_conformance.provider import Reply, Script, Turn
from wire_items import computer_call, custom_call, local_shell_call, patch_call, said, shell_call

PNG = "iVBORw0KGgo="


class Hands:
    """What acts, and notes what it did."""

    def __init__(self) -> None:
        self.did: list[Any] = []

    def shell(self, request: Any) -> ShellResult:
        self.did.append(request.data.action.commands)
        ran = ShellCommandOutput(
            stdout="a.txt\n", outcome=ShellCallOutcome(type="exit", exit_code=0), command="ls"
        )
        return ShellResult(output=[ran], max_output_length=500)

    async def local_shell(self, request: Any) -> str:
        self.did.append(request.data.action.command)
        return "a.txt"

    def custom(self, _context: Any, text: str) -> str:
        self.did.append(text)
        return f"ran {text}"

    async def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        self.did.append((operation.type, operation.path, operation.diff))
        return ApplyPatchResult(status="completed", output=f"wrote {operation.path}")

    def update_file(self, operation: ApplyPatchOperation) -> str:
        self.did.append((operation.type, operation.path, operation.diff))
        return "updated"

    def delete_file(self, operation: ApplyPatchOperation) -> None:
        self.did.append((operation.type, operation.path))


class Screen(Computer):
    environment = "browser"
    dimensions = (800, 600)

    def __init__(self, did: list[Any]) -> None:
        self.did = did

    def screenshot(self) -> str:
        self.did.append("screenshot")
        return PNG

    def click(self, x: int, y: int, button: Any, *, keys: Any = None) -> None:
        self.did.append(("click", x, y, button, keys))

    def double_click(self, x: int, y: int) -> None:
        raise AssertionError

    def scroll(self, x: int, y: int, scroll_x: int, scroll_y: int) -> None:
        raise AssertionError

    def type(self, text: str) -> None:
        self.did.append(("type", text))

    def wait(self) -> None:
        self.did.append("wait")

    def move(self, x: int, y: int) -> None:
        raise AssertionError

    def keypress(self, keys: list[str]) -> None:
        raise AssertionError

    def drag(self, path: list[tuple[int, int]]) -> None:
        raise AssertionError


CLICK = {"type": "click", "x": 3, "y": 4, "button": "left", "keys": ["ctrl"]}
TYPE = {"type": "type", "text": "hello"}

Make = Callable[[Hands], Any]


def shell(hands: Hands, **fields: Any) -> ShellTool:
    return ShellTool(executor=hands.shell, **fields)


def patching(hands: Hands, **fields: Any) -> ApplyPatchTool:
    return ApplyPatchTool(editor=hands, **fields)


def custom(hands: Hands, **fields: Any) -> CustomTool:
    return CustomTool(name="sql", description="Run SQL.", on_invoke_tool=hands.custom, **fields)


CASES: dict[str, tuple[Make, dict[str, Any], JsonValue, list[Any]]] = {
    "shell": (
        shell,
        shell_call("c1", "ls", "pwd", timeout_ms=900),
        {"commands": ["ls", "pwd"], "timeout_ms": 900},
        [["ls", "pwd"]],
    ),
    "local_shell": (
        lambda hands: LocalShellTool(executor=hands.local_shell),
        local_shell_call("c1", "ls", "-l"),
        {"type": "exec", "command": ["ls", "-l"], "env": {}},
        [["ls", "-l"]],
    ),
    "apply_patch": (
        patching,
        patch_call("c1", type="create_file", path="a.py", diff="+a\n"),
        {"type": "create_file", "path": "a.py", "diff": "+a\n"},
        [("create_file", "a.py", "+a\n")],
    ),
    "sql": (custom, custom_call("c1", "sql", "select 1"), "select 1", ["select 1"]),
    "computer_use_preview": (
        lambda hands: ComputerTool(computer=Screen(hands.did)),
        computer_call("c1", CLICK, TYPE),
        {"actions": [CLICK, TYPE]},
        [("click", 3, 4, "left", ["ctrl"]), ("type", "hello"), "screenshot"],
    ),
}
WITH_WORDS = [name for name in CASES if name != "computer_use_preview"]


def agent_with(tool: Any, **fields: Any) -> Agent[Any]:
    return Agent(name="worker", instructions="Work.", model=MODEL, tools=[tool], **fields)


def script_of(*items: dict[str, Any]) -> Script:
    turns: list[Reply] = [said(item, number=place) for place, item in enumerate(items)]
    return Script([*turns, Turn("Done.")])


def deny(_call: ToolCall) -> Decision:
    return Decision(outcome=GateOutcome.DENY, reason="Not on a Sunday.")
