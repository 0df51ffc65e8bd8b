from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from steer_conformance.demo_files import AGENT

SECONDS = 100


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "STEER_STORAGE": f"sqlite:///{tmp_path}/jobs.db",
        # It must not lead anybody anywhere.
        "STEER_MODEL": "another-model",
        "STEER_BASE_URL": "http://127.0.0.1:9/v1",
    }


def steer(folder: Path, environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "steer", *arguments],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    return finished.returncode, finished.stdout


def test_the_demo_says_what_is_scripted_and_leaves_a_job_in_the_configured_file(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    code, text = steer(tmp_path, environment, "demo")

    assert code == 0, text
    lines = text.splitlines()
    assert lines[0].startswith("The model's words in this demo are scripted")
    typed = [line.split()[1:4] for line in lines if line.startswith("$ steer ")]
    assert typed == [
        ["steer", "run", "weather.py"],
        ["steer", "jobs", "show"],
        ["steer", "events", "latest"],
    ]
    assert AGENT in text
    assert '  \u2192 get_weather(city="Oslo")' in lines
    assert any(line.startswith("  \u2717 denied: save_report(") for line in lines)
    assert any(line.startswith("succeeded \u00b7 512 tokens \u00b7 ") for line in lines)
    assert "model       gpt-5" in lines
    assert any(" tool.denied " in line for line in lines)
    assert "Traceback" not in text
    assert lines[-1] == "The job is still there: steer jobs show latest"
    assert "status      succeeded" in steer(tmp_path, environment, "jobs", "show", "latest")[1]


def test_without_the_runtime_the_demo_says_so_in_one_line(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'agents':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    environment["PYTHONPATH"] = str(tmp_path)

    code, text = steer(tmp_path, environment, "demo")

    assert code == 2
    assert text == (
        "steer: demo: it needs the module 'agents', which is not installed."
        " In a checkout of steer: uv pip install -e plugins/steer-openai-agents\n"
    )
