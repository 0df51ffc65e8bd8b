"""Which policies hold for a request, and how far they see the run to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernels import FixedPolicy, all_events, noting, open_kernel, request, types
from steer import PolicyRef
from steer.errors import ConfigError, PluginError
from steer.handle import ExecutionHandle
from steer.policies import Constraints, PolicySet, ToolRule, load_policy_file
from steer.ports.policy import Counters, Outcome, Question, ToolQuestion, Verdict
from steer.values import JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

OPEN = 'name = "open"\nversion = "1"\n[[tools]]\nallow = "*"\n'
SHUT = 'name = "shut"\nversion = "{version}"\n[[tools]]\ndeny = "note"\nreason = "shut {version}"\n'


def file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def noting_agent(notes: list[object], *turns: int) -> Stepwise:
    """An agent whose turns call the tool so many times each."""
    numbers = iter(range(100))
    return Stepwise(
        turns=(
            *(
                Turn(calls=tuple(Call(tool="note", arguments=next(numbers)) for _ in range(calls)))
                for calls in turns
            ),
            Turn(text="Done."),
        ),
        tools={"note": ToolSpec(run=noting(notes))},
    )


async def denials(handle: ExecutionHandle) -> list[str]:
    return [e.data.reason for e in await all_events(handle) if e.type == "tool.denied"]


async def test_a_file_that_the_kernel_was_given_holds_and_is_recorded(tmp_path: Path) -> None:
    shut = file(tmp_path, "shut.toml", SHUT.format(version=3))
    notes: list[object] = []
    async with open_kernel(policies=[file(tmp_path, "open.toml", OPEN), shut]) as kernel:
        handle = await kernel.execute(request(noting_agent(notes, 1)))
        await handle.result()
        assert await denials(handle) == ["shut 3"]
        assert (await kernel.jobs()).items[0].policy == "open@1+shut@3"
    assert notes == []


async def test_a_request_selects_one_of_the_files_by_name_and_by_version(tmp_path: Path) -> None:
    files = [
        file(tmp_path, "open.toml", OPEN),
        file(tmp_path, "shut.toml", SHUT.format(version=3)),
    ]
    notes: list[object] = []
    async with open_kernel(policies=files) as kernel:
        for ref in (PolicyRef(name="open"), PolicyRef(name="open", version="1")):
            await (await kernel.execute(request(noting_agent(notes, 1), policies=(ref,)))).result()
        handle = await kernel.execute(
            request(noting_agent(notes, 1), policies=(PolicyRef(name="shut", version="3"),))
        )
        await handle.result()
        assert await denials(handle) == ["shut 3"]
    assert notes == [0, 0]


async def test_what_is_selectable_holds_for_nobody_else(tmp_path: Path) -> None:
    selectable = [
        file(tmp_path, "shut.toml", SHUT.format(version=3)),
        file(tmp_path, "shut-next.toml", SHUT.format(version=4)),
    ]
    notes: list[object] = []
    async with open_kernel(selectable_policies=selectable) as kernel:
        plain = await kernel.execute(request(noting_agent(notes, 1)))
        await plain.result()
        assert notes == [0]
        for version in ("3", "4"):
            ref = PolicyRef(name="shut", version=version)
            handle = await kernel.execute(request(noting_agent(notes, 1), policies=(ref,)))
            await handle.result()
            assert await denials(handle) == [f"shut {version}"]
    assert notes == [0]


@pytest.mark.parametrize(
    ("ref", "complaint"),
    [
        (PolicyRef(name="shut"), "the policy shut has several versions: 3, 4. Select one"),
        (
            PolicyRef(name="shut", version="2"),
            "there is no policy shut@2, but shut@3 and shut@4. Give the kernel that version too",
        ),
        (
            PolicyRef(name="author-declared", version="7"),
            "there is no policy author-declared@7. Select one that is configured",
        ),
        (
            PolicyRef(name="/etc/rules.toml"),
            "a request selects a policy by its name, and /etc/rules.toml is a file. Give the file",
        ),
    ],
)
async def test_a_policy_that_is_not_there_is_never_left_out(
    tmp_path: Path, ref: PolicyRef, complaint: str
) -> None:
    versions = [
        load_policy_file(file(tmp_path, "shut.toml", SHUT.format(version=version)))
        for version in (3, 4)
    ]
    async with open_kernel(selectable_policies=versions) as kernel:
        with pytest.raises(ConfigError) as caught:
            await kernel.execute(request(policies=(ref,)))
        assert str(caught.value).startswith(complaint)
        with pytest.raises(PluginError, match="nobody"):
            await kernel.execute(request(policies=(PolicyRef(name="nobody"),)))
        assert (await kernel.jobs()).items == ()


async def test_a_policy_that_is_selected_by_name_is_opened_with_its_configuration(
    tmp_path: Path,
) -> None:
    rules = file(tmp_path, "shut.toml", SHUT.format(version=3))
    config = {"policy-file": {"path": rules}}
    async with open_kernel(policies=["policy-file"], policy_config=config) as kernel:
        handle = await kernel.execute(request(noting_agent([], 1)))
        await handle.result()
        assert await denials(handle) == ["shut 3"]


async def test_a_file_with_a_mistake_stops_the_start(tmp_path: Path) -> None:
    rules = file(tmp_path, "rules.toml", "defualt = 'deny'")
    for fields in ({"policies": [rules]}, {"selectable_policies": [rules]}):
        with pytest.raises(ConfigError, match=r"line 1, column 1: defualt: unknown key"):
            async with open_kernel(**fields):
                pass


# --- how far the run is


async def test_policy_sees_the_calls_of_the_turn() -> None:
    seen: list[tuple[int, int, int]] = []

    def answer(question: Question) -> Verdict:
        if isinstance(question, ToolQuestion):
            at: Counters = question.counters
            seen.append((at.turns, at.tool_calls, at.turn_tool_calls))
        return Verdict.allow()

    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(noting_agent([], 2, 1)))
        assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert seen == [(1, 0, 0), (1, 1, 1), (2, 2, 0)]


def bounded(**bounds: int) -> PolicySet:
    return PolicySet(
        name="bounded",
        rules=[ToolRule(tools="*", outcome=Outcome.ALLOW)],
        constraints=Constraints(**bounds),
    )


async def test_a_turn_makes_no_more_calls_than_it_may_and_the_run_goes_on() -> None:
    notes: list[object] = []
    async with open_kernel(policies=[bounded(max_tool_calls_per_turn=2)]) as kernel:
        handle = await kernel.execute(request(noting_agent(notes, 3, 3)))
        result = await handle.result()
        reasons = await denials(handle)
    assert result.status is JobStatus.SUCCEEDED
    assert notes == [0, 1, 3, 4]
    assert len(reasons) == 2
    assert reasons[0].startswith("a turn may make 2 tool calls under the policy bounded@")


async def test_a_run_makes_no_more_calls_than_it_may() -> None:
    notes: list[object] = []
    async with open_kernel(policies=[bounded(max_tool_calls=3)]) as kernel:
        handle = await kernel.execute(request(noting_agent(notes, 2, 2, 2)))
        assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert notes == [0, 1, 2]


async def test_a_run_ends_where_its_turns_are_over() -> None:
    async with open_kernel(policies=[bounded(max_turns=2)]) as kernel:
        handle = await kernel.execute(request(noting_agent([], 1, 1, 1)))
        result = await handle.result()
        events = await all_events(handle)
    assert types(events).count("model.started") == 2
    assert result.error is not None
    assert result.error.code == "policy_denied"
    assert "a run may take 2 turns under the policy bounded@" in result.error.message
