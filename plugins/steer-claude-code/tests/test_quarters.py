"""What a process of the CLI is given, and what of its host no process ever sees."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from steer.errors import ConfigError
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process import launcher
from steer_claude_code.process.environment import Given, given_to_cli
from steer_claude_code.process.quarters import quarters
from steer_claude_code.process.supervisor import MARKER, remove
from steer_claude_code.variables import refused
from supervised import SDK, environment_of, living, names_in, parent_of, pids, program, start

HOME, CLAUDE, TEMP = Path("/there/home"), Path("/there/config"), Path("/there/temp")
SECRET = "a-secret-of-the-hosts-shell"
TOKEN = "token-of-this-process"
ASKING = """\
#!/bin/bash
cat <&"$CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
echo
sh -c 'echo $$; exec /bin/sleep 1000' &
echo $$
read -r _
"""


@pytest.fixture
def a_shell_full_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "ANTHROPIC_API_KEY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("PROJECT", "Ω = π")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.mark.anyio
@pytest.mark.usefixtures("a_shell_full_of_secrets")
@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "without a guard"])
async def test_no_process_is_given_what_nobody_named(
    guard: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "guarded", lambda: guard)
    mine = {"GREETING": "it's $HOME\nand `more`", "EMPTY": ""}
    cli = program(tmp_path, ASKING)
    async with living(cli, environment=mine, pass_on=("PROJECT", "NOT_SET")) as place:
        process = await start(place)
        assert process.stdout is not None
        assert await process.stdout.readline() == f"{TOKEN}\n".encode()
        said = await pids(process, 2)
        (one,) = (pid for pid in said if os.fsencode(cli) in _arguments(pid))
        environment = environment_of(one)
        assert environment.pop("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR").isdigit()
        assert environment == EXPECTED | {
            **mine,
            "PROJECT": "Ω = π",
            "LC_ALL": "C.UTF-8",
            "HOME": str(place.home),
            "CLAUDE_CONFIG_DIR": str(place.config),
            "CLAUDE_CODE_TMPDIR": str(place.temp),
            "TMPDIR": str(place.temp),
            "PATH": os.environ["PATH"],
            "PWD": str(Path.cwd()),
            MARKER: str(place.root),
        } | {name: value for name, value in os.environ.items() if _says_where(name)}
        everyone = {*said, process.pid, parent_of(one)} if guard else set(said)
        for pid in everyone:
            assert SECRET not in environment_of(pid).values()
            assert TOKEN not in environment_of(pid).values()
            assert not any(TOKEN.encode() in argument for argument in _arguments(pid))
        assert names_in(place.root) == ["claude", "config", "home", "temp"]
        for folder in (place.root, place.home, place.config, place.temp):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not place.root.exists()


def _says_where(name: str) -> bool:
    """Whether a variable is one of language and time, which the CLI is always given."""
    return name in {"LANG", "LANGUAGE", "TZ"} or name.startswith("LC_")


def _arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


EXPECTED = {
    **SDK,
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "API_FORCE_IDLE_TIMEOUT": "0",
    "API_TIMEOUT_MS": "1000000000",
    "CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",
    "CLAUDE_CODE_DISABLE_MODEL_ACCESS_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_FORK_SUBAGENT": "0",
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_TOTAL_TOKENS_REMINDER": "0",
    "CLAUDE_ENABLE_BYTE_WATCHDOG": "0",
    "CLAUDE_ENABLE_STREAM_WATCHDOG": "0",
    "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS": "1000000000",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "ENABLE_TOOL_SEARCH": "false",
    "MCP_TIMEOUT": "60000",
    "MCP_TOOL_TIMEOUT": "1000000000",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic_base_url", "CLAUDECODE",
        "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_MAX_RETRIES",
        "DISABLE_TELEMETRY", "API_TIMEOUT_MS", "FALLBACK_FOR_ALL_PRIMARY_MODELS", "HOME", "TMPDIR",
        "STEER_QUARTERS", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS",
        "NODE_TLS_REJECT_UNAUTHORIZED", "BUN_OPTIONS", "BASH_ENV", "BASH_FUNC_ls%%", "ENV", "IFS",
        "PROMPT_COMMAND", "ZDOTDIR", "", "A=B", "A B", "1A", "A\0",
    ],
)  # fmt: skip
def test_what_would_undo_the_governance_is_refused(name: str) -> None:
    assert refused(name)
    for given in ({"environment": {name: "1"}}, {"pass_on": (name,)}):
        with pytest.raises(ValidationError, match="may not be given to the CLI"):
            ClaudeCodeConfig.model_validate(given)


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "PROJECT", "GITHUB_TOKEN", "AWS_PROFILE", "HTTPS_PROXY", "NODE_EXTRA_CA_CERTS",
        "PYTHONPATH", "MCP_TIMEOUT", "BASH_DEFAULT_TIMEOUT_MS", "_", "lower", "SHELL", "IS_SANDBOX",
    ],
)  # fmt: skip
def test_what_tools_may_need_is_accepted(name: str) -> None:
    assert refused(name) is None


def given(
    ours: Mapping[str, str], *, endpoint: str | None = "http://127.0.0.1:9", **config: Any
) -> Given:
    return given_to_cli(
        ClaudeCodeConfig(**config),
        ours=ours,
        home=HOME,
        temp=TEMP,
        claude=CLAUDE,
        endpoint=endpoint,
        token=endpoint and TOKEN,
    )


def test_a_proxy_that_was_passed_on_is_not_between_the_cli_and_its_endpoint() -> None:
    ours = {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "intranet"}
    environment = given(ours, pass_on=("HTTPS_PROXY", "NO_PROXY")).environment
    assert environment["HTTPS_PROXY"] == "http://proxy"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_a_subscription_is_the_login_in_the_users_own_home() -> None:
    got = given({"HOME": "/home/ada"}, endpoint=None, login="subscription")
    assert got.environment["HOME"] == "/home/ada"
    assert "CLAUDE_CONFIG_DIR" not in got.environment
    assert "ANTHROPIC_BASE_URL" not in got.environment
    assert not got.secrets


def test_the_users_own_settings_folder_is_kept_where_the_login_is_there() -> None:
    ours = {"HOME": "/home/ada", "CLAUDE_CONFIG_DIR": "/etc/ada"}
    got = given(ours, endpoint=None, login="subscription")
    assert got.environment["CLAUDE_CONFIG_DIR"] == "/etc/ada"


def test_a_subscriptions_token_is_handed_over_by_descriptor_and_home_stays_private() -> None:
    ours = {"HOME": "/home/ada", "CLAUDE_CODE_OAUTH_TOKEN": "its-token"}
    got = given(ours, endpoint=None, login="subscription")
    assert got.secrets == {"CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR": "its-token"}
    assert got.environment["HOME"] == str(HOME)
    assert got.environment["CLAUDE_CONFIG_DIR"] == str(CLAUDE)
    assert "its-token" not in got.environment.values()


def test_bedrock_is_given_the_vendors_variables_and_the_way_there() -> None:
    ours = {
        "HOME": "/home/ada",
        "AWS_REGION": "eu-north-1",
        "AWS_CONFIG_FILE": "/etc/aws",
        "HTTPS_PROXY": "http://proxy",
        "GOOGLE_CLOUD_PROJECT": "other",
    }
    environment = given(ours, endpoint=None, login="bedrock").environment
    assert environment["CLAUDE_CODE_USE_BEDROCK"] == "1"
    assert environment["AWS_REGION"] == "eu-north-1"
    assert environment["AWS_CONFIG_FILE"] == "/etc/aws"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == "/home/ada/.aws/credentials"
    assert environment["HTTPS_PROXY"] == "http://proxy"
    assert environment["HOME"] == str(HOME)
    assert "GOOGLE_CLOUD_PROJECT" not in environment


def test_vertex_is_given_the_vendors_variables_and_the_login_of_the_user(tmp_path: Path) -> None:
    ours = {"HOME": str(tmp_path), "CLOUD_ML_REGION": "europe-north1"}
    without = given(ours, endpoint=None, login="vertex").environment
    assert without["CLAUDE_CODE_USE_VERTEX"] == "1"
    assert without["CLOUD_ML_REGION"] == "europe-north1"
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in without
    login = tmp_path / ".config/gcloud/application_default_credentials.json"
    login.parent.mkdir(parents=True)
    login.write_text("{}")
    logged_in = given(ours, endpoint=None, login="vertex").environment
    assert logged_in["GOOGLE_APPLICATION_CREDENTIALS"] == str(login)


def test_a_key_is_handed_over_by_descriptor_where_there_is_no_endpoint() -> None:
    got = given({}, endpoint=None, api_key="sk-the-vendors")
    assert got.secrets == {"CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR": "sk-the-vendors"}
    assert "sk-the-vendors" not in repr(got)


def test_a_value_that_cannot_be_a_variables_is_refused() -> None:
    with pytest.raises(ConfigError, match="the variable NOTE has a NUL character"):
        given({}, environment={"NOTE": "a\0b"})


@pytest.mark.anyio
async def test_a_cli_that_is_no_program_is_refused_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ConfigError, match="cli_path is /no/such/cli, which is no program"):
        async with quarters(config=ClaudeCodeConfig(cli_path=Path("/no/such/cli"))):
            pass
    with pytest.raises(ConfigError, match="NUL"):
        async with quarters(config=ClaudeCodeConfig(environment={"NOTE": "a\0b"})):
            pass
    assert names_in(tmp_path) == []


@pytest.mark.anyio
async def test_the_cli_in_the_sdk_is_found() -> None:
    async with quarters(config=ClaudeCodeConfig()) as place:
        version = subprocess.run(
            [place.cli_path, "--version"], capture_output=True, text=True, check=True
        )
    assert version.stdout.startswith("2.")


def test_a_folder_is_deleted_whatever_a_tool_has_left_in_it(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("stays")
    root = tmp_path / "root"
    (root / "go" / "mod").mkdir(parents=True)
    (root / "go" / "mod" / "file").write_text("")
    (root / "link").symlink_to(kept)
    (root / "go" / "mod").chmod(0o500)
    (root / "go").chmod(0o000)
    remove(str(root))
    assert not root.exists()
    assert (kept / "file").read_text() == "stays"
