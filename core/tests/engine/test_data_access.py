"""What policy keeps principals from: sessions, and files of jobs."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest
from kernels import open_kernel
from steer import RuntimeKernel
from steer.errors import PolicyDenied
from steer.policies import DataRule, PolicySet
from steer.ports.policy import Outcome
from talking import Shown, saying, talk

pytestmark = pytest.mark.anyio

OWN = PolicySet(
    name="own",
    version="1",
    rules=(
        DataRule(names="alice-*", outcome=Outcome.ALLOW, principals="alice"),
        DataRule(names="shared", outcome=Outcome.ALLOW, kinds="session", actions=["read"]),
        DataRule(
            names="*.txt",
            outcome=Outcome.ALLOW,
            kinds="artifact",
            principals="bob",
            actions=["read"],
        ),
    ),
)


def kernel_for(shown: Shown) -> AbstractAsyncContextManager[RuntimeKernel]:
    return open_kernel(registry=shown.plugins, policies=[OWN, "author-declared"])


async def test_a_run_goes_on_with_the_sessions_that_policy_lets_its_principal_have() -> None:
    shown = Shown()
    async with kernel_for(shown) as kernel:
        mine = talk("Hello", saying("Hi"), session_id="alice-1", principal_id="alice")
        await (await kernel.execute(mine)).result()
        with pytest.raises(PolicyDenied, match="let bob read the session alice-1"):
            await kernel.execute(
                talk("Hello", saying("Hi"), session_id="alice-1", principal_id="bob")
            )
        with pytest.raises(PolicyDenied, match="let bob write the session shared"):
            await kernel.execute(
                talk("Hello", saying("Hi"), session_id="shared", principal_id="bob")
            )
        assert len((await kernel.jobs()).items) == 1


async def test_a_session_is_read_copied_and_deleted_by_whom_policy_lets() -> None:
    shown = Shown()
    async with kernel_for(shown) as kernel:
        mine = talk("Hello", saying("Hi"), session_id="alice-1", principal_id="alice")
        await (await kernel.execute(mine)).result()
        for refused in (
            kernel.session("alice-1", principal_id="bob"),
            kernel.fork_session("alice-1", "bob-1", principal_id="bob"),
            kernel.fork_session("alice-1", "bob-1", principal_id="alice"),
            kernel.delete_session("alice-1", principal_id="bob"),
        ):
            with pytest.raises(PolicyDenied, match="session"):
                await refused
        assert (await kernel.session("alice-1", principal_id="alice")).items
        await kernel.fork_session("alice-1", "alice-2", principal_id="alice")
        await kernel.delete_session("alice-2", principal_id="alice")
        # The application itself is asked nothing.
        await kernel.delete_session("alice-1")


async def test_a_file_is_read_and_deleted_by_whom_policy_lets() -> None:
    shown = Shown()
    async with kernel_for(shown) as kernel:
        handle = await kernel.execute(talk("Hello", saying("Hi"), session_id=None))
        job_id = (await handle.result()).job_id
        kept = await kernel.put_artifact(job_id, b"words", name="note.txt")
        key = kept.artifact_id
        assert await kernel.read_artifact(key, principal_id="bob") == b"words"
        with pytest.raises(PolicyDenied, match=r"let carol read the artifact note\.txt"):
            await kernel.read_artifact(key, principal_id="carol")
        with pytest.raises(PolicyDenied, match=r"let bob write the artifact note\.txt"):
            await kernel.delete_artifact(key, principal_id="bob")
        await kernel.delete_artifact(key)
