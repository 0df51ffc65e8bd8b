"""An MCP server on stdin and stdout, whose one tool leaves a file where it runs.

``python stdio_server.py FOLDER`` writes its environment into ``FOLDER/server`` when it starts, and
``FOLDER/acted`` when ``act`` is called.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def answer(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    match asked["method"]:
        case "initialize":
            return {
                "protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}, "resources": {}},
                "serverInfo": {"name": "probe", "version": "1"},
            }
        case "tools/list":
            return {"tools": [{"name": "act", "inputSchema": {"type": "object"}}]}
        case "tools/call":
            (folder / "acted").touch()
            return {"content": [{"type": "text", "text": "acted"}]}
        case "resources/list":
            return {"resources": []}
        case _:
            return {}


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "server").write_text("\0".join(f"{k}={v}" for k, v in os.environ.items()))
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            said = {"jsonrpc": "2.0", "id": asked["id"], "result": answer(asked, folder)}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
