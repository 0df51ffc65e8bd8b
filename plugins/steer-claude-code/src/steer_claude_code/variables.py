"""Which variables nobody may give the CLI."""

from __future__ import annotations

import re

__all__ = ["refused"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_OURS = "it is steer's to set"
_LOADER = "it loads code into every program"
_SHELL = "it runs code in every shell that the CLI starts"
_ENGINE = "it changes how the CLI itself runs"

_NAMES = {
    "HOME": _OURS,
    "PWD": _OURS,
    "TEMP": _OURS,
    "TMP": _OURS,
    "TMPDIR": _OURS,
    "API_TIMEOUT_MS": _OURS,
    "API_FORCE_IDLE_TIMEOUT": _OURS,
    "DISABLE_AUTOUPDATER": _OURS,
    "DISABLE_ERROR_REPORTING": _OURS,
    "DISABLE_TELEMETRY": _OURS,
    "FALLBACK_FOR_ALL_PRIMARY_MODELS": _ENGINE,
    "GCONV_PATH": _LOADER,
    "GLIBC_TUNABLES": _LOADER,
    "NODE_OPTIONS": _ENGINE,
    "NODE_PATH": _ENGINE,
    "NODE_TLS_REJECT_UNAUTHORIZED": _ENGINE,
    "SESSION_INGRESS_URL": _ENGINE,
    "BASHOPTS": _SHELL,
    "BASH_ENV": _SHELL,
    "BASH_LOADABLES_PATH": _SHELL,
    "ENV": _SHELL,
    "IFS": _SHELL,
    "PROMPT_COMMAND": _SHELL,
    "PS4": _SHELL,
    "SHELLOPTS": _SHELL,
    "ZDOTDIR": _SHELL,
}
_PREFIXES = {
    "AGENT_PROXY_": _ENGINE,
    "ANTHROPIC_": "it decides which models are asked, and by which way",
    "BASH_FUNC_": _SHELL,
    "BUN_": _ENGINE,
    "CLAUDE": "it decides what the CLI does without asking",
    "DYLD_": _LOADER,
    "LD_": _LOADER,
    "STEER_QUARTERS": _OURS,
}


def refused(name: str) -> str | None:
    """Return why a variable may not be given to the CLI, ``None`` where it may.

    Refused is what would undo the governance of a run: other ways to the models, the CLI's own
    switches, and code that programs and shells run without anybody being asked. Letters count
    in either case, since the CLI reads some names in both.
    """
    if not _NAME.fullmatch(name):
        return "it is no name of a variable"
    upper = name.upper()
    if upper in _NAMES:
        return _NAMES[upper]
    return next((why for prefix, why in _PREFIXES.items() if upper.startswith(prefix)), None)
