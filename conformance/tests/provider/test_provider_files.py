"""Script files: what can be written in them, and what their author is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from steer_conformance.provider import (
    Drop,
    Failure,
    Garbage,
    Hold,
    Match,
    Raw,
    Reasoning,
    Refusal,
    Rule,
    Script,
    ScriptError,
    StreamError,
    ToolCall,
    Turn,
    Usage,
    dump_script,
    load_script,
    parse_script,
)

TOML = """
repeat = true

[[turns]]
parts = ["Hello"]

[[turns]]
chunk_size = 4
latency = 0.5
gap = 1
stop = "max_tokens"
usage = { input_tokens = 100, output_tokens = 9, cached_tokens = 60, reasoning_tokens = 3 }
parts = [
  { type = "reasoning", text = "Hm." },
  "Let me see.",
  { type = "tool_call", name = "add", id = "c1", arguments = { data = { base64 = "as is" } } },
  { type = "refusal", text = "No." },
]
marks = [
  { type = "hold", name = "midway", after = 2 },
  { type = "garbage", after = 3, data = { base64 = "/w==" } },
  { type = "stream_error", after = 4, failure = { status = 529 } },
]

[[turns]]
type = "failure"
status = 429
retry_after = 2
headers = { x-limit = "0" }

[[turns]]
type = "raw"
body = "data: {}\\n\\n"

[[rules]]
when = { model = "gpt-*", user_text = "weather" }
then = "Sunny."
times = 1

[[rules]]
then = { parts = ["Gone."], marks = [{ type = "drop" }] }
"""

SCRIPT = Script(
    [
        Turn("Hello"),
        Turn(
            Reasoning("Hm."),
            "Let me see.",
            ToolCall("add", {"data": {"base64": "as is"}}, "c1"),
            Refusal("No."),
            Hold("midway", 2),
            Garbage(after=3, data=b"\xff"),
            StreamError(Failure(529), 4),
            chunk_size=4,
            latency=0.5,
            gap=1,
            stop="max_tokens",
            usage=Usage(input_tokens=100, output_tokens=9, cached_tokens=60, reasoning_tokens=3),
        ),
        Failure(429, retry_after=2, headers={"x-limit": "0"}),
        Raw(b"data: {}\n\n"),
    ],
    rules=[
        Rule(Match(model="gpt-*", user_text="weather"), Turn("Sunny."), times=1),
        Rule(Match(), Turn("Gone.", Drop())),
    ],
    repeat=True,
)


def test_a_toml_file_can_say_everything(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text(TOML)
    assert load_script(path) == SCRIPT


def test_a_json_file_can_say_everything(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(dump_script(SCRIPT))
    assert load_script(path) == SCRIPT


def test_a_string_is_a_turn() -> None:
    assert parse_script('{"turns": ["Hello", "Bye"]}') == Script([Turn("Hello"), Turn("Bye")])


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ([], "the whole of it: an object belongs here"),
        ({"turns": "Hi"}, "turns: Input should be a valid list"),
        ({"turn": []}, "turn: there is no such field"),
        ({"turns": [3]}, "turns[0]: an object belongs here"),
        (
            {"turns": [{"type": "trun"}]},
            "turns[0]: type 'trun' is none of 'turn', 'failure', 'raw'",
        ),
        ({"turns": ["a", {"parts": [{"text": "x"}]}]}, "turns[1].parts[0].type is missing"),
        ({"turns": [{"parts": [{"type": "text"}]}]}, "turns[0].parts[0].text is missing"),
        (
            {"turns": [{"parts": [{"type": "text", "txt": "x"}]}]},
            "turns[0].parts[0].txt: there is no such field (and 1 more)",
        ),
        (
            {"turns": [{"parts": [{"type": "text", "text": 3}]}]},
            "turns[0].parts[0].text: Input should be a valid string",
        ),
        (
            {"turns": [{"parts": ["Hi"], "chunk_size": 0}]},
            "turns[0]: chunk_size is at least one character, not 0",
        ),
        (
            {"turns": [{"parts": ["Hi"], "marks": [{"type": "hold", "name": "x", "after": 9}]}]},
            "turns[0]: Hold(name='x', after=9) stands after delta 9, but the turn has 1",
        ),
        (
            {"turns": [{"type": "failure", "status": 200}]},
            "turns[0]: a failure has a status from 400 to 599, not 200",
        ),
        (
            {"turns": [{"usage": {"input_tokens": 1, "cached_tokens": 5}}]},
            "turns[0].usage: cached_tokens + cache_write_tokens are part of input_tokens",
        ),
        ({"rules": [{}]}, "rules[0].then is missing"),
        ({"rules": [{"when": {"modle": "x"}, "then": "Hi"}]}, "rules[0].when.modle: there is no"),
        ({"rules": [{"then": "Hi", "times": 0}]}, "rules[0]: a rule serves at least once"),
        ({"turns": [{"type": "raw", "body": {"base64": "@@"}}]}, "what is given as base64 is not"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(tree: Any, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(json.dumps(tree), name="s.json")
    assert str(caught.value).startswith(f"s.json: {said}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_json_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{\n  "turns": [,]\n}')
    with pytest.raises(ScriptError, match=r"s\.json: it is not valid JSON: .*line 2 column 13"):
        load_script(path)


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("turns = [\n'x'\n")
    with pytest.raises(ScriptError, match=r"s\.toml: it is not valid TOML: "):
        load_script(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="there is no such file"):
        load_script(tmp_path / "none.json")
    with pytest.raises(ScriptError, match="it cannot be read"):
        load_script(tmp_path)


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ScriptError, match="it cannot be read"):
        load_script(path)


def test_a_function_cannot_be_written_to_a_file() -> None:
    script = Script(rules=[Rule(Match(), Turn("Hi")), Rule(lambda _: True, Turn("Hi"))])
    with pytest.raises(ScriptError, match=r"rules\[1\] holds a function"):
        dump_script(script)
