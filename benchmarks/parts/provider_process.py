"""The scripted provider in a process of its own, so that only clients are measured."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from steer_conformance.provider import Script, dump_script

__all__ = ["provider_process"]


@contextlib.contextmanager
def provider_process(script: Script) -> Iterator[Mapping[str, str]]:
    """Serve a script; yield what the provider says of itself, its addresses among it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.json"
        file.write_text(dump_script(script))
        command = [sys.executable, "-m", "steer_conformance.provider", "--json", "--script"]
        with subprocess.Popen([*command, str(file)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.terminate()
