"""Which files a store finds, for whom, and which are gone."""

from __future__ import annotations

from steer.errors import ConfigError, NotFound
from steer.ports.artifact import ArtifactStore

from steer_conformance.addressed_case import AddressedCase
from steer_conformance.checks import check, raises
from steer_conformance.suites.artifact.keeping import content, put

__all__: list[str] = []


@check("AR-3")
async def no_scope_is_given_anothers_files(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        kept = await put(store, b"of acme")
        for other in ("other", "acme2", "ACME", "*", "acme/"):
            assert (await store.list(other)).items == (), f"scope {other!r}"
            assert (await store.list(other, job_id="job-1")).items == (), f"scope {other!r}"
            with raises(NotFound):
                await store.get(other, kept)
            with raises(NotFound):
                await content(store, kept, other)
            with raises(NotFound):
                await store.delete(other, kept)
        assert await content(store, kept) == b"of acme"


@check("AR-3")
async def scopes_may_use_the_same_ids(case: AddressedCase[ArtifactStore]) -> None:
    joints = (":", "/", "-", "\x00", "|", ".")
    async with case.open() as store:
        for joint in joints:
            for scope_id, artifact_id in ((f"a{joint}b", "c"), ("a", f"b{joint}c")):
                data = f"{scope_id} {artifact_id}".encode()
                await store.put(
                    scope_id, "job-1", data,
                    name="a", media_type="text/plain", artifact_id=artifact_id,
                )  # fmt: skip
            assert await content(store, "c", f"a{joint}b") == f"a{joint}b c".encode()
            assert await content(store, f"b{joint}c", "a") == f"a b{joint}c".encode()
        assert len((await store.list("a")).items) == len(joints)


@check("AR-5")
async def files_are_listed_by_job_oldest_first(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        kept = [await put(store, job_id=f"job-{number % 2}") for number in range(7)]
        listed = [one.artifact_id for one in (await store.list("acme")).items]
        assert listed == kept
        of_one = [one.artifact_id for one in (await store.list("acme", job_id="job-1")).items]
        assert of_one == kept[1::2]
        assert (await store.list("acme", job_id="job-9")).items == ()
        seen: list[str] = []
        cursor = None
        while len(seen) < 20:
            page = await store.list("acme", limit=3, cursor=cursor)
            assert 0 < len(page.items) <= 3
            seen += [one.artifact_id for one in page.items]
            if cursor is None:
                # Before and behind of where the reader is.
                await store.delete("acme", kept[0])
                kept.append(await put(store))
            if (cursor := page.cursor) is None:
                break
        assert seen == kept


@check("AR-5")
async def what_is_no_cursor_or_no_limit_is_refused(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        for _ in range(2):
            await put(store)
        for cursor in ("", "nonsense", "\u00c4"):
            with raises(ConfigError):
                await store.list("acme", cursor=cursor)
        for limit in (0, -1):
            with raises(ConfigError):
                await store.list("acme", limit=limit)


@check("AR-6")
async def a_deleted_file_is_gone_and_nothing_else_is(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        kept, gone = await put(store, b"kept"), await put(store, b"gone")
        await store.delete("acme", gone)
        for artifact_id in (gone, "never there", "../x"):
            with raises(NotFound):
                await store.get("acme", artifact_id)
            with raises(NotFound):
                await content(store, artifact_id)
            with raises(NotFound):
                await store.delete("acme", artifact_id)
        assert [one.artifact_id for one in (await store.list("acme")).items] == [kept]
        assert await content(store, kept) == b"kept"
