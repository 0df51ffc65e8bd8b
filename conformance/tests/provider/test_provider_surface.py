"""What the package shows, what importing it costs, and the routes beside the turns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import steer_conformance.provider as package
from anthropic import Anthropic
from openai import OpenAI
from steer_conformance.provider import Provider, Script, Turn


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_the_provider_imports_no_test_tool_and_no_vendor() -> None:
    loaded = imported_by("import steer_conformance.provider, steer_conformance.command")
    assert loaded.isdisjoint({"pytest", "hypothesis", "openai", "anthropic", "agents"})


def test_the_kit_itself_imports_nothing() -> None:
    loaded = imported_by("import steer_conformance")
    assert loaded.isdisjoint({"pydantic", "uvicorn", "pytest", "asyncio"})


def test_the_pytest_plugin_starts_no_server_library() -> None:
    loaded = imported_by("import steer_conformance.pytest_fixtures")
    assert loaded.isdisjoint({"pydantic", "uvicorn", "typer"})


def test_what_is_public_is_listed_and_sorted() -> None:
    # Constants, then classes, then functions: the order that the linter keeps everywhere.
    by_kind = sorted(package.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert package.__all__ == by_kind
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_models_are_listed_for_both_vendors(
    openai_client: Callable[[Provider], OpenAI],
    anthropic_client: Callable[[Provider], Anthropic],
) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        assert [model.id for model in openai_client(provider).models.list()] == ["scripted"]
        assert [model.id for model in anthropic_client(provider).models.list()] == ["scripted"]
        assert provider.requests == ()


def test_tokens_are_counted_without_taking_a_turn(
    anthropic_client: Callable[[Provider], Anthropic],
) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        count = anthropic_client(provider).messages.count_tokens(
            model="m", messages=[{"role": "user", "content": "word " * 100}]
        )
        assert count.input_tokens > 100
        assert len(provider.turns_left) == 1


def test_the_fixture_starts_providers_and_closes_them(
    scripted_provider: Callable[..., Provider], openai_client: Callable[[Provider], OpenAI]
) -> None:
    first, second = scripted_provider(Script([Turn("one")])), scripted_provider(Script())
    assert first.url != second.url
    answer = openai_client(first).responses.create(model="m", input="Hi")
    assert answer.output_text == "one"
    first.assert_used_up()
