"""What ``steer run`` hands to a model: files, a conversation, and options."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from programs import Program
from steer_conformance.provider import Provider, Turn

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
PDF = b"%PDF-1.7\n\xff\xfe"
Play = Callable[..., Provider]


def write(steer: Program, **files: bytes) -> None:
    for name, content in files.items():
        (steer.folder / name.replace("_", ".")).write_bytes(content)


def content_sent(provider: Provider) -> list[Any]:
    """The parts of the last message that the model was given."""
    parts: list[Any] = provider.requests[-1].body["input"][-1]["content"]
    return parts


def test_files_go_with_the_prompt_in_their_order(steer: Program, play: Play) -> None:
    provider = play(Turn("I see."))
    webp = b"RIFF\0\0\0\0WEBPVP8 "
    write(
        steer,
        photo_png=PNG,
        misnamed_png=b"\xff\xd8\xffjpeg",
        small_webp=webp,
        report_pdf=PDF,
        letter_docx=b"PK\x03\x04...",
        notes_txt="\ufeffGr\u00fc\u00dfe\n".encode(),
        rows_csv=b"a,b\n1,2\n",
    )
    names = ("photo.png", "misnamed.png", "small.webp", "report.pdf", "letter.docx",
             "notes.txt", "rows.csv")  # fmt: skip

    finished = steer("run", "plain.py", "What is it?", *(f"--file={name}" for name in names))

    assert (finished.code, finished.out) == (0, "I see.\n")
    question, photo, jpeg, small, report, letter, notes, rows = content_sent(provider)
    assert question == {"type": "input_text", "text": "What is it?"}
    for image, kind, content in (
        (photo, "png", PNG),
        (jpeg, "jpeg", b"\xff\xd8\xffjpeg"),
        (small, "webp", webp),
    ):
        encoded = base64.b64encode(content).decode()
        assert image["image_url"] == f"data:image/{kind};base64,{encoded}"
    assert (report["type"], report["filename"]) == ("input_file", "report.pdf")
    assert report["file_data"] == f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}"
    assert letter["file_data"].startswith(
        "data:application/vnd.openxmlformats-officedocument.wordprocessingml.document;base64,"
    )
    assert notes["text"] == '<file name="notes.txt">\nGr\u00fc\u00dfe\n</file>'
    assert rows["text"] == '<file name="rows.csv">\na,b\n1,2\n</file>'


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.png", None, "the file none.png cannot be read: No such file or directory"),
        (".", None, "the file . cannot be read: Is a directory"),
        ("empty.txt", b"", "the file empty.txt is empty"),
        ("page.png", b"<html>404</html>", "the file page.png is not what its name says"),
        ("a.docx", b"no packed document", "the file a.docx is not what its name says"),
        ("a.bin", b"\0\1\2", "the file a.bin is nothing that a model reads. These can be sent: "),
        ("a.txt", b"caf\xe9", "the file a.txt is nothing that a model reads. These can be sent: "),
        ("a.zip", b"PK\x03\x04\xff", "the file a.zip is nothing that a model reads. "),
        (
            "big.txt",
            b"a" * (20 * 2**20 + 1),
            "the file big.txt is too large: the files of a run may have 20 MiB together. ",
        ),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused(
    steer: Program, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (steer.folder / name).write_bytes(content)

    finished = steer("run", "plain.py", "Look", "--file", name)

    assert (finished.code, finished.out) == (2, "")
    assert finished.error.startswith(f"steer: {problem}")


def test_files_are_too_large_together_as_well(steer: Program) -> None:
    write(steer, one_txt=b"a" * (11 * 2**20), two_txt=b"a" * (10 * 2**20))

    finished = steer("run", "plain.py", "Look", "--file=one.txt", "--file=two.txt")

    assert finished.error.startswith("steer: the file two.txt is too large")


@pytest.mark.long
def test_a_model_that_sees_nothing_is_not_sent_an_image(steer: Program) -> None:
    write(steer, photo_png=PNG)

    by_runtime = steer("run", "greeter.py", "Look", "--file", "photo.png")
    by_model = steer("run", "plain.py", "Look", "--file", "photo.png", "--model", "o3-mini")

    assert [each.code for each in (by_runtime, by_model)] == [2, 2]
    assert "the model of agent 'Greeter' (toy-1) takes no images" in by_runtime.error
    assert "the model of agent 'Plain' (o3-mini) takes no images" in by_model.error
    assert steer("jobs", "list", "--json").rows == []


HISTORY: list[dict[str, Any]] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "What is 2 + 3?"}]},
    {
        "role": "assistant",
        "content": [
            {"type": "tool_call", "call_id": "c1", "tool": "add", "arguments": '{"a":2,"b":3}'}
        ],
    },
    {"role": "tool", "content": [{"type": "tool_result", "call_id": "c1", "content": "5"}]},
    {"role": "assistant", "content": "Five."},
]


def test_a_conversation_goes_on_with_the_prompt(steer: Program, play: Play) -> None:
    provider = play(Turn("Six."))
    (steer.folder / "talk.json").write_text(json.dumps(HISTORY))

    finished = steer("run", "plain.py", "And one more?", "--messages", "talk.json")

    assert finished.out == "Six.\n"
    (request,) = provider.requests
    assert [(message.role, message.text) for message in request.messages] == [
        ("system", "Be kind."),
        ("user", "What is 2 + 3?"),
        ("assistant", "Five."),
        ("user", "And one more?"),
    ]
    assert [(call.id, call.arguments) for call in request.past_calls] == [("c1", '{"a":2,"b":3}')]
    assert [result.text for result in request.tool_results] == ["5"]


@pytest.mark.long
def test_a_conversation_may_be_all_there_is_to_say(steer: Program, play: Play) -> None:
    provider = play(Turn("Six."))
    said = [*HISTORY, {"role": "user", "content": "And one more?"}]
    (steer.folder / "talk.json").write_text(json.dumps(said))

    finished = steer("run", "plain.py", "--messages", "talk.json", text="left alone")

    assert finished.code == 0
    assert provider.requests[0].last_user_text == "And one more?"


@pytest.mark.long
def test_standard_input_goes_on_with_a_conversation_where_it_is_asked_for(
    steer: Program, play: Play
) -> None:
    provider = play(Turn("Six."))
    (steer.folder / "talk.json").write_text(json.dumps(HISTORY))

    finished = steer("run", "plain.py", "-", "--messages", "talk.json", text="And one more?")

    assert finished.code == 0
    assert provider.requests[0].last_user_text == "And one more?"


def test_the_help_says_when_standard_input_is_read(steer: Program) -> None:
    said = " ".join(steer("run", "--help").out.split())

    assert "Standard input where it is -, or it and --messages are left out." in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", "the messages talk.json: Invalid JSON: "),
        ("{}", "the messages talk.json: Input should be a valid array. It holds a list such as"),
        ("[]", "the messages talk.json are none"),
        ('[{"role": "usr", "content": "a"}]', "the messages talk.json, message 1: role: "),
        ('[{"role": "user", "content": "a", "name": "b"}]', "the messages talk.json, message 1: "),
        (
            '[{"role": "user", "content": [{"type": "text", "text": "a", "cache": 1}]}]',
            "the messages talk.json, message 1: content: 0: text: cache: Unexpected",
        ),
        (
            '[{"role": "user", "content": [{"text": "a"}]}]',
            "the messages talk.json, message 1: content: 0: Unable to extract tag",
        ),
        ('[{"role": "user", "content": []}]', "message 1 (user) is empty"),
        (None, "the messages talk.json cannot be read: No such file or directory"),
    ],
)
def test_a_conversation_that_is_none_is_refused(
    steer: Program, text: str | None, problem: str
) -> None:
    if text is not None:
        (steer.folder / "talk.json").write_text(text)

    finished = steer("run", "greeter.py", "--messages", "talk.json")

    assert (finished.code, finished.out) == (2, "")
    assert finished.error.startswith(f"steer: {problem}")


def test_options_about_the_model_reach_it(steer: Program, play: Play) -> None:
    provider = play(Turn("Five."))

    finished = steer(
        "run", "plain.py", "Add", "--reasoning-effort=low", "--tool-choice=add",
        "--no-parallel-tool-calls", "--max-output-tokens=50",
    )  # fmt: skip

    assert finished.code == 0
    body = provider.requests[0].body
    assert body["reasoning"]["effort"] == "low"
    assert body["tool_choice"] == {"type": "function", "name": "add"}
    assert (body["parallel_tool_calls"], body["max_output_tokens"]) == (False, 50)


def test_the_deterministic_mode_reaches_a_model_that_takes_it(steer: Program, play: Play) -> None:
    provider = play(Turn("Five."))

    finished = steer(
        "run", "plain.py", "Add", "--deterministic", "--model=gpt-4.1", "--set=api=chat_completions"
    )

    assert finished.code == 0
    body = provider.requests[0].body
    assert (body["temperature"], body["seed"], body["parallel_tool_calls"]) == (0.0, 0, False)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--temperature=0",), "temperature cannot take effect: the model gpt-5 of agent 'Plain'"),
        (("--seed=0", "--model=gpt-4.1"), "seed cannot take effect: the model gpt-4.1"),
        (("--reasoning-effort=huge",), "reasoning_effort cannot take effect: the model gpt-5"),
        (("--deterministic", "--temperature=1"), "deterministic and temperature 1.0 contradict"),
        (("--strict-schema",), "output_strict cannot take effect: there is no output_schema"),
        (("--tool-choice=multiply",), "tool_choice 'multiply' cannot take effect"),
    ],
)
def test_an_option_that_cannot_take_effect_is_refused(
    steer: Program, arguments: tuple[str, ...], problem: str
) -> None:
    finished = steer("run", "plain.py", "Add", *arguments)

    assert (finished.code, finished.out) == (2, "")
    assert finished.error.startswith(f"steer: {problem}")


@pytest.mark.long
def test_a_configuration_says_what_a_model_takes(steer: Program, play: Play) -> None:
    provider = play(Turn("Five."))
    (steer.folder / "steer.toml").write_text(
        '[runtimes.openai-agents.models."gpt-5*"]\ntemperature = true\nmax_output_tokens = false\n'
    )

    taken = steer("run", "plain.py", "Add", "--temperature=0")
    refused = steer("run", "plain.py", "Add", "--max-output-tokens=5")

    assert (taken.code, provider.requests[0].body["temperature"]) == (0, 0)
    assert refused.error.startswith("steer: max_output_tokens cannot take effect")
    assert '"gpt-5*":{"temperature":true' in steer("config").out


def test_the_help_has_its_options_in_sections(steer: Program) -> None:
    lines = steer("run", "--help").out.splitlines()

    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Arguments:", "Input:", "Model:", "Answer and tools:", "Limits:", "People:", "The job:",
        "Options:",
    ]  # fmt: skip
    shown = [line.split()[0] for line in lines if line.startswith("  -")]
    assert len(shown) == len(set(shown))
    assert {"--file", "--deterministic", "--max-turns", "--json"} <= set(shown)
