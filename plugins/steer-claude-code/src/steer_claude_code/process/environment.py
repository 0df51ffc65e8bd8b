"""What the CLI's environment is: what it needs, what its author names, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steer.errors import ConfigError

from steer_claude_code.config import ClaudeCodeConfig

__all__ = ["Given", "given_to_cli"]

_LONG_MS = "1000000000"
"""Eleven days: the CLI waits for people and budgets, and the run's own limits end it."""

_SWITCHES = {
    # Nothing is sent anywhere but to the models.
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    # A run is over when it says so, and reads nothing that an earlier one has left.
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    # An agent has the subagents that its author names, and knows its tools from the beginning.
    "CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS": "1",
    "CLAUDE_CODE_FORK_SUBAGENT": "0",
    "ENABLE_TOOL_SEARCH": "false",
    # The CLI would write into what each tool returns.
    "CLAUDE_CODE_TOTAL_TOKENS_REMINDER": "0",
    # No other model is asked than the one that was named.
    "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",
    "CLAUDE_CODE_DISABLE_MODEL_ACCESS_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    # One that declines has answered.
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    # Tools may wait for people.
    "MCP_TIMEOUT": "60000",
    "MCP_TOOL_TIMEOUT": _LONG_MS,
}
_BY_ENDPOINT = {
    # The endpoint retries, and answers only once it has the whole message.
    "API_FORCE_IDLE_TIMEOUT": "0",
    "API_TIMEOUT_MS": _LONG_MS,
    # By its hints the CLI says of a request whether it is a turn of an agent.
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_ENABLE_BYTE_WATCHDOG": "0",
    "CLAUDE_ENABLE_STREAM_WATCHDOG": "0",
    "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS": _LONG_MS,
}
_PLACE = ("LANG", "LANGUAGE", "PATH", "TZ")
_LOOPBACK = "127.0.0.1,localhost"
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

_NETWORK = (
    "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
    "all_proxy", "https_proxy", "http_proxy", "no_proxy",
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE",
)  # fmt: skip
"""How the vendor is reached from here, where the CLI asks it by itself."""
_BEDROCK = (
    "ANTHROPIC_BEDROCK_BASE_URL", "AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_REGION",
    "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
)  # fmt: skip
_VERTEX = (
    "ANTHROPIC_VERTEX_BASE_URL", "ANTHROPIC_VERTEX_PROJECT_ID", "CLOUD_ML_REGION",
    "CLOUDSDK_CONFIG", "GCLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT",
)  # fmt: skip
_KEY = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
_OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What the CLI is given: variables, and secrets by variables that name a file descriptor."""

    environment: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)


def given_to_cli(
    config: ClaudeCodeConfig,
    *,
    ours: Mapping[str, str],
    home: Path,
    temp: Path,
    claude: Path,
    endpoint: str | None,
    token: str | None,
) -> Given:
    """Return what a CLI of this configuration is given, of the variables ``ours`` and besides.

    ``home``, ``temp`` and ``claude``, its own folder for settings, are private to the process. With
    the login ``subscription`` the first and the last are the user's instead, since the login is
    kept there: processes then share that user's sessions and settings. Where ``ours`` has a
    CLAUDE_CODE_OAUTH_TOKEN they share nothing, and that token is the login.

    Raises ``ConfigError`` where a value cannot be a variable's.
    """
    environment = {name: ours[name] for name in ours if name in _PLACE or name.startswith("LC_")}
    environment.setdefault("PATH", _DEFAULT_PATH)
    environment |= {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(claude)}
    environment |= _SWITCHES | dict.fromkeys(("CLAUDE_CODE_TMPDIR", "TMPDIR"), str(temp))
    secrets: dict[str, str] = {}
    if config.login == "api_key":
        key = token or (config.api_key and config.api_key.get_secret_value())
        secrets = {_KEY: key} if key else {}
    else:
        environment |= _named(_NETWORK, ours) | _cloud(config.login, ours)
    if config.login == "subscription":
        if _OAUTH in ours:
            secrets = {f"{_OAUTH}_FILE_DESCRIPTOR": ours[_OAUTH]}
        else:
            del environment["CLAUDE_CONFIG_DIR"]
            environment |= _named(("HOME", "CLAUDE_CONFIG_DIR"), ours)
    environment |= _named(config.pass_on, ours) | dict(config.environment)
    if endpoint is not None:
        environment |= {"ANTHROPIC_BASE_URL": endpoint, **_BY_ENDPOINT}
        for name in ("NO_PROXY", "no_proxy"):
            environment[name] = ",".join(filter(None, (environment.get(name), _LOOPBACK)))
    for name, value in (*environment.items(), *secrets.items()):
        if "\0" in value:
            raise ConfigError(
                f"claude-code: the value of the variable {name} has a NUL character",
                fix="Give it without",
            )
    return Given(environment=environment, secrets=secrets)


def _cloud(login: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a cloud vendor, whose own files are where the user has them."""
    home = Path(ours.get("HOME", "/"))
    if login == "bedrock":
        files = {
            "AWS_CONFIG_FILE": str(home / ".aws/config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws/credentials"),
        }
        return {"CLAUDE_CODE_USE_BEDROCK": "1", **files, **_named(_BEDROCK, ours)}
    if login == "vertex":
        file = home / ".config/gcloud/application_default_credentials.json"
        # Without the variable the vendor's library looks further; with it, a file has to be there.
        files = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)} if file.is_file() else {}
        return {"CLAUDE_CODE_USE_VERTEX": "1", **files, **_named(_VERTEX, ours)}
    return {}


def _named(names: Iterable[str], ours: Mapping[str, str]) -> dict[str, str]:
    return {name: ours[name] for name in names if name in ours}
