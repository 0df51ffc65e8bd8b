"""What steer brings itself, declared as any other plugin declares it."""

from __future__ import annotations

from steer.capabilities import PolicyCapabilities, StorageCapabilities
from steer.plugin import PolicyPlugin, StoragePlugin, hookimpl

__all__ = ["steer_policies", "steer_storages"]


@hookimpl
def steer_storages() -> list[StoragePlugin]:
    """Declare the storages of core."""
    return [
        StoragePlugin(
            name="memory",
            summary="In this process, gone when it ends",
            contract=1,
            open="steer.builtins.storages:open_memory_url",
            testing="steer.builtins.fresh_stores:fresh_memory",
            schemes=("memory",),
        ),
        StoragePlugin(
            name="sqlite",
            summary="One file, shared by the processes of one machine",
            contract=1,
            open="steer.builtins.storages:open_sqlite_url",
            capabilities=StorageCapabilities(durable=True, shared=True, upgrades=True),
            testing="steer.builtins.fresh_stores:fresh_sqlite",
            schemes=("sqlite",),
        ),
    ]


@hookimpl
def steer_policies() -> list[PolicyPlugin]:
    """Declare the policies of core."""
    return [
        PolicyPlugin(
            name="author-declared",
            summary="Allows what the agent's author declared, asks about the rest",
            contract=1,
            open="steer.builtins.policies:open_author_declared",
            config="steer.builtins.policies:AuthorDeclaredConfig",
            testing="steer.builtins.sample_policies:sample_author_declared",
        ),
        PolicyPlugin(
            name="policy-file",
            summary="Rules in a TOML file; selected by the file's path, such as rules.toml",
            contract=1,
            open="steer.builtins.policies:open_policy_file",
            config="steer.builtins.policies:PolicyFileConfig",
            capabilities=PolicyCapabilities(rules=True),
            testing="steer.builtins.sample_policies:sample_policy_file",
        ),
    ]
