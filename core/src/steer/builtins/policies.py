"""Opening the policies of core with what the configuration says of them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from steer.policies import AuthorDeclared, PolicySet, load_policy_file

__all__ = [
    "AuthorDeclaredConfig",
    "PolicyFileConfig",
    "open_author_declared",
    "open_policy_file",
]


class AuthorDeclaredConfig(BaseModel):
    """``[policies.author-declared]``.

    ``named``: exact names of tools that act where steer cannot stop them, and may nevertheless.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    named: tuple[str, ...] = ()


class PolicyFileConfig(BaseModel):
    """``path``: where the file of rules is, relative to the working directory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path


def open_author_declared(config: AuthorDeclaredConfig) -> AuthorDeclared:
    """Open the policy that holds where nobody selected one."""
    return AuthorDeclared(named=config.named)


def open_policy_file(config: PolicyFileConfig) -> PolicySet:
    """Read a file of rules. Raises ``ConfigError`` with file, line and key."""
    return load_policy_file(config.path)
