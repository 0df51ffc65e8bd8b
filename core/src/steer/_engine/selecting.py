"""Which policies a run is put under: the kernel's own, or those that its request selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steer.context import PolicyRef
from steer.errors import ConfigError
from steer.plugins import POLICY_FILE_SUFFIX, OpenedPolicies, PluginRegistry
from steer.policies import PolicyStack
from steer.ports.policy import AsyncPolicy, Policy
from steer.values import JsonValue

__all__ = ["Policies"]


class Policies:
    """The policies of one kernel, opened now: one that cannot load stops the start-up."""

    def __init__(
        self,
        registry: PluginRegistry,
        policies: Sequence[str | Policy],
        *,
        async_policies: Sequence[AsyncPolicy] = (),
        selectable: Sequence[str | Policy] = (),
        config: Mapping[str, Mapping[str, JsonValue]] | None = None,
    ) -> None:
        self._registry = registry
        self._config = config or {}
        self._own = self._opened(policies, async_policies)
        self._selectable = self._opened(selectable)
        self._stack = _stack(self._own)

    def stack_for(self, refs: Sequence[PolicyRef] | None) -> PolicyStack:
        """Return the policies that a request selects, those of the kernel where it selects none.

        One that is not there is never left out: raises ``ConfigError`` or ``PluginError``.
        """
        if refs is None:
            return self._stack
        immediate: list[Policy] = []
        asynchronous: list[AsyncPolicy] = []
        for ref in refs:
            selected = self._selected(ref)
            immediate.extend(selected.immediate)
            asynchronous.extend(selected.asynchronous)
        return PolicyStack(immediate, async_policies=asynchronous)

    def stacks(self) -> tuple[PolicyStack, ...]:
        """Return the kernel's own policies, and each of those that a request may select."""
        selectable = self._selectable
        return (
            self._stack,
            *(PolicyStack((each,)) for each in selectable.immediate),
            *(PolicyStack((), async_policies=(each,)) for each in selectable.asynchronous),
        )

    def _selected(self, ref: PolicyRef) -> OpenedPolicies:
        for known in (self._own, self._selectable):
            fitting = _fitting(known, ref)
            versions = {policy.version for policy in _all(fitting)}
            if len(versions) > 1:
                raise ConfigError(
                    f"the policy {ref} has several versions: {', '.join(sorted(versions))}",
                    fix="Select one, by name and version",
                )
            if versions:
                return fitting
        if ref.name.endswith(POLICY_FILE_SUFFIX):
            raise ConfigError(
                f"a request selects a policy by its name, and {ref} is a file",
                fix="Give the file to the kernel, in selectable_policies",
            )
        self._refuse_other_version(ref)
        fitting = _fitting(self._opened([ref.name]), ref)
        if not _all(fitting):
            raise ConfigError(f"there is no policy {ref}", fix="Select one that is configured")
        return fitting

    def _refuse_other_version(self, ref: PolicyRef) -> None:
        known = (*_all(self._own), *_all(self._selectable))
        others = {policy.version for policy in known if policy.name == ref.name}
        if others:
            there = " and ".join(f"{ref.name}@{version}" for version in sorted(others))
            raise ConfigError(
                f"there is no policy {ref}, but {there}",
                fix="Give the kernel that version too, in selectable_policies",
            )

    def _opened(
        self, policies: Sequence[str | Policy], async_policies: Sequence[AsyncPolicy] = ()
    ) -> OpenedPolicies:
        named = self._registry.open_policies(
            [policy for policy in policies if isinstance(policy, str)], self._config
        )
        given = [policy for policy in policies if not isinstance(policy, str)]
        return OpenedPolicies(
            immediate=(*named.immediate, *given),
            asynchronous=(*named.asynchronous, *async_policies),
        )


def _stack(policies: OpenedPolicies) -> PolicyStack:
    return PolicyStack(policies.immediate, async_policies=policies.asynchronous)


def _all(policies: OpenedPolicies) -> tuple[Policy | AsyncPolicy, ...]:
    return (*policies.immediate, *policies.asynchronous)


def _fitting(policies: OpenedPolicies, ref: PolicyRef) -> OpenedPolicies:
    def fits(policy: Policy | AsyncPolicy) -> bool:
        return policy.name == ref.name and ref.version in (None, policy.version)

    return OpenedPolicies(
        immediate=tuple(filter(fits, policies.immediate)),
        asynchronous=tuple(filter(fits, policies.asynchronous)),
    )
