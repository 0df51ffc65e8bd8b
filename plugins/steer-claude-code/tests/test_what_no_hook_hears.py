"""What acts, or is read, without a call: nothing of it, unless a policy names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kernel_runs import MODEL, agent_of, run, under
from project import WORDS, made_in, project
from steer.errors import PolicyDenied
from steer.values import JobStatus
from steer_conformance.provider import ToolCall, Turn

pytestmark = pytest.mark.anyio

ANYTHING = under('default = "allow"')
UNHEARD: dict[str, dict[str, Any]] = {
    "Skill": {"tools": ["Skill"]},
    "settings of the project": {"setting_sources": ["project"]},
    "bypassPermissions": {"permission_mode": "bypassPermissions"},
}


async def test_files_of_a_project_neither_act_nor_reach_the_model(tmp_path: Path) -> None:
    made = project(tmp_path)
    prompt = f"/act on @note.txt and @{tmp_path}/note.txt"
    ran = await run(
        agent_of("Bash", "Read", cwd=tmp_path),
        Turn(
            ToolCall("Skill", {"skill": "act"}, id="c1"),
            ToolCall("Bash", {"command": "true", "description": "d"}),
        ),
        Turn("Done."),
        policies=[ANYTHING],
        prompt=prompt,
    )
    assert (ran.result.status, ran.result.content) == (JobStatus.SUCCEEDED, "Done.")
    assert "No such tool available" in ran.told["c1"]
    for request in ran.provider.requests:
        assert any(message.text.endswith(prompt) for message in request.messages)
        assert not [word for word in WORDS if word in json.dumps(request.body)]
    assert made_in(made) == set()


@pytest.mark.parametrize("name", UNHEARD)
async def test_what_nobody_is_asked_about_is_refused_unless_policy_names_it(
    tmp_path: Path, name: str
) -> None:
    settings = {"tools": [], **UNHEARD[name]}
    agent = agent_of(*settings.pop("tools"), cwd=tmp_path, **settings)
    for policies in ([], [ANYTHING], [under("[[tools]]\nallow = '*'")]):
        with pytest.raises(PolicyDenied, match=f"main has {name}, .* acts without asking"):
            await run(agent, policies=policies)


def test_steer_run_says_so_and_exits_with_3(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(
        f'name = "Doer"\nmodel = "{MODEL}"\nruntime = "claude-code"\n'
        '[runtime_config]\ntools = ["Skill"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "steer", "run", "agent.toml", "Do it."],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ANTHROPIC_API_KEY": "any"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "Doer has Skill" in done.stderr
    assert "Take it out of the agent, or allow it in a policy" in done.stderr


@pytest.mark.long
async def test_what_policy_names_acts_as_the_documentation_says(tmp_path: Path) -> None:
    made = project(tmp_path)
    ran = await run(
        agent_of("Skill", "Bash", cwd=tmp_path, setting_sources=["project"]),
        Turn(ToolCall("Skill", {"skill": "act"}, id="c1")),
        Turn("Done."),
        policies=[under("[[tools]]\nallow = ['Skill', 'settings of the project']")],
        prompt="/act",
    )
    assert (ran.result.status, ran.result.content) == (JobStatus.SUCCEEDED, "Done.")
    # Its shell ran, although Bash is allowed to nobody; and so did the hooks of the project.
    assert made_in(made) == {"SessionStart", "UserPromptSubmit", "PreToolUse", "skills"}
    memory = [WORDS[1] in json.dumps(request.body) for request in ran.provider.requests]
    assert memory == [True, True]
