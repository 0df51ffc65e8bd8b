from __future__ import annotations

from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from steer_openai_agents.conversation import sdk_input


def message(role: Role, *parts: object) -> Message:
    return Message(role=role, content=tuple(parts))  # type: ignore[arg-type]


def test_a_lone_question_stays_a_text() -> None:
    assert sdk_input((user_message("Hello?"),)) == "Hello?"


def test_a_conversation_keeps_its_roles() -> None:
    said = (
        message(Role.SYSTEM, TextPart(text="Be kind")),
        user_message("Hello?"),
        message(Role.ASSISTANT, TextPart(text="Yes, "), TextPart(text="hello.")),
        user_message("And now?"),
    )
    assert sdk_input(said) == [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Yes, hello."},
        {"role": "user", "content": "And now?"},
    ]


def test_calls_and_results_are_items_of_their_own_in_their_place() -> None:
    said = (
        message(
            Role.ASSISTANT,
            TextPart(text="Let me see."),
            ToolCallPart(call_id="c1", tool="look", arguments='{"at": 1}'),
            ToolCallPart(call_id="c2", tool="look", arguments="{}"),
        ),
        message(
            Role.TOOL,
            ToolResultPart(call_id="c1", content="red"),
            ToolResultPart(call_id="c2", content="no", is_error=True),
        ),
    )
    assert sdk_input(said) == [
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "red"},
        {"type": "function_call_output", "call_id": "c2", "output": "no"},
    ]


def test_pictures_and_files_keep_their_place_among_the_text() -> None:
    said = message(
        Role.USER,
        TextPart(text="What is this?"),
        ImagePart(url="https://example.com/a.png", detail="low"),
        FilePart(data="aGk=", media_type="text/plain", name="a.txt"),
    )
    assert sdk_input((said,)) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {
                    "type": "input_file",
                    "filename": "a.txt",
                    "file_data": "data:text/plain;base64,aGk=",
                },
            ],
        }
    ]
