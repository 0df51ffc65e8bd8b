from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it brings no types
import pytest
import steer.actions
from questions import CALL, CHANGES, COLOURS, PAIRS
from steer.actions import (
    MAX_BYTES,
    Answer,
    Confirm,
    Custom,
    Given,
    Input,
    Question,
    Reauth,
    SignedIn,
    Upload,
    answer_of,
    check_payload,
    check_question,
    check_resolution,
    question_of,
    schema_of,
    shown_resolution,
)
from steer.errors import InvalidAnswer, InvalidQuestion
from steer.values import ActionType

each_pair = pytest.mark.parametrize(("question", "answer"), PAIRS)


@each_pair
def test_a_question_comes_back_from_json_as_it_was(question: Question, answer: Answer) -> None:
    payload = check_payload(question.type, question)
    assert question_of(question.type, json.loads(json.dumps(payload))) == question
    assert payload.keys() == {field.name for field in fields(question)}


@each_pair
def test_an_answer_comes_back_from_json_as_it_was(question: Question, answer: Answer) -> None:
    payload = check_payload(question.type, question)
    resolution = check_resolution(question.type, payload, answer)
    assert answer_of(question.type, payload, json.loads(json.dumps(resolution))) == answer
    assert resolution.keys() == {field.name for field in fields(answer)}


@each_pair
def test_the_schemas_of_a_type_take_what_it_asks_and_answers(
    question: Question, answer: Answer
) -> None:
    schemas = schema_of(question.type)
    payload = check_payload(question.type, question)
    resolution = check_resolution(question.type, question, answer)
    for schema, value in ((schemas.payload, payload), (schemas.resolution, resolution)):
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(value, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**value, "more": 1}, schema)


@pytest.mark.parametrize("kind", ActionType)
def test_every_type_has_a_question_and_an_answer_that_say_what_their_fields_mean(
    kind: ActionType,
) -> None:
    schemas = schema_of(kind)
    for schema in (schemas.payload, schemas.resolution):
        assert schema["description"]
        assert all(member.get("description") for member in schema["properties"].values())


def test_a_question_is_given_as_a_value_or_as_a_type_with_its_payload() -> None:
    as_value = check_question(Confirm(message="Go on?"))
    assert as_value == check_question("confirm", {"message": "Go on?"})
    assert as_value == (ActionType.CONFIRM, {"message": "Go on?", "details": ""})
    with pytest.raises(InvalidQuestion, match="was given beside another payload"):
        check_question(Confirm(message="Go on?"), {})


BAD_QUESTIONS: list[tuple[str, Any, str]] = [
    ("vote", {}, "no action of type 'vote'. Use one of confirm, choose"),
    ("confirm", 3, "it is no object (its fields are message, details)"),
    ("confirm", {}, "message: is missing"),
    ("confirm", {"message": " "}, "message: it is empty; say what is asked"),
    ("confirm", {"message": "x", "why": 1}, "why: there is no such field (it has message, details"),
    ("confirm", Input(message="x"), "is no Input. Use Confirm"),
    ("confirm", {"message": "x" * MAX_BYTES}, "larger than 256 KiB"),
    ("confirm", {"message": "\0" * 100_000}, "larger than 256 KiB"),
    ("choose", {"message": "x", "options": []}, "nothing to choose from"),
    ("choose", {"message": "x", "options": [{"id": "a"}]}, "options.0.label: is missing"),
    (
        "choose",
        {"message": "x", "options": [{"id": "a", "label": "A"}] * 2},
        "options: 'a' is there more than once",
    ),
    (
        "choose",
        {"message": "x", "options": [{"id": "a", "label": "A"}], "max": 2},
        "of 1 options nobody can choose 1 to 2",
    ),
    ("input", {"message": "x", "min_length": 3, "max_length": 2}, "no text has 3 to 2 characters"),
    ("input", {"message": "x", "schema": {"type": "sting"}}, "schema: type: 'sting'"),
    ("input", {"message": "x", "schema": {}, "secret": True}, "only a text can be one"),
    ("input", {"message": "x", "schema": {}, "max_length": 5}, "put bounds into the schema"),
    ("upload", {"message": "x", "media_types": ["image"]}, "'image' is no type/subtype"),
    ("upload", {"message": "x", "media_types": []}, "media_types: no file"),
    ("upload", {"message": "x", "max_files": 0}, "max_files: 0 is none"),
    ("upload", {"message": "x", "max_bytes": 0}, "max_bytes: 0 is nothing"),
    ("reauth", {"message": "x", "provider": ""}, "provider: it is empty"),
    ("apply_changes", {"message": "x", "changes": []}, "changes: there is none"),
    (
        "apply_changes",
        {"message": "x", "changes": [{"path": "a", "kind": "delete"}] * 2},
        "'a' is changed more than once",
    ),
    (
        "apply_changes",
        {"message": "x", "changes": [{"path": "a", "kind": "edit", "after": ""}]},
        "changes.0: an edit has a diff, or before and after",
    ),
    ("approval", {"tool": ""}, "tool: it is empty"),
    ("approval", {"tool": "x", "remember": ["tool"]}, "once can always be chosen"),
    ("approval", {"tool": "x", "remember": ["once", "once"]}, "'once' is there more than once"),
    ("custom", {"kind": ""}, "kind: it is empty"),
    ("custom", {"kind": "x", "data": float("nan")}, "nan is no number of JSON"),
    ("custom", {"kind": "x", "data": {1: 2}}, "a int names a member of an object"),
    ("custom", {"kind": "x", "data": b"x"}, "a bytes is no JSON"),
    ("custom", {"kind": "x", "data": 10**400}, "a number is too large"),
]


@pytest.mark.parametrize(("kind", "payload", "said"), BAD_QUESTIONS)
def test_a_question_that_makes_no_sense_is_refused_with_what_and_the_fix(
    kind: str, payload: Any, said: str
) -> None:
    with pytest.raises(InvalidQuestion) as refused:
        check_payload(kind, payload)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://example.com/",
        "https://user:secret@example.com/",
        "https://",
        "https://example.com:port/",
        "https://example.com/\u202emoc",
        "file:///etc/passwd",
        "http://127.0.0.1.evil.example/",
        "https:\\\\example.com",
        "http://[::1/",
    ],
)
def test_a_page_to_sign_in_on_is_one_that_can_be_trusted_to_be_what_it_says(url: str) -> None:
    payload = {"message": "Sign in", "provider": "x", "url": url}
    with pytest.raises(InvalidQuestion, match="it must be an https page"):
        check_payload("reauth", payload)


@pytest.mark.parametrize(
    "url", ["https://example.com/login?a=b", "http://localhost:8080/x", "http://[::1]:80/"]
)
def test_pages_on_the_web_and_on_this_machine_are_fine_to_sign_in_on(url: str) -> None:
    payload = {"message": "Sign in", "provider": "x", "url": url}
    assert check_payload("reauth", payload)["url"] == url


BAD_ANSWERS: list[tuple[Question, Any, str]] = [
    (Confirm(message="x"), "yes", "it is no object (its fields are confirmed, comment)"),
    (Confirm(message="x"), {"confirmed": "yes"}, "input should be a valid boolean, not 'yes'"),
    (Confirm(message="x"), SignedIn(done=True), "is no SignedIn. Use Confirmed"),
    (COLOURS, {"chosen": ["x"]}, "'x' was not asked; use r, g, b"),
    (COLOURS, {"chosen": ["r", "r"]}, "'r' is there more than once"),
    (COLOURS, {"chosen": []}, "0 are chosen; choose 1 to 2"),
    (COLOURS, {"chosen": ["r", "g", "b"]}, "3 are chosen; choose 1 to 2"),
    (Input(message="x", max_length=3), {"value": "four"}, "has 4 characters; write 0 to 3"),
    (Input(message="x"), {"value": 3}, "it is no text"),
    (Input(message="x"), {}, "value: is missing"),
    (Input(message="x", schema={"type": "integer"}), {"value": "3"}, "'3' is not of type"),
    (Upload(message="x"), {"artifacts": []}, "0 are named; name 1"),
    (Upload(message="x", max_files=2), {"artifacts": ["a", "a"]}, "more than once"),
    (Upload(message="x", max_files=2), {"artifacts": ["a", "b", "c"]}, "3 are named; name 1 to 2"),
    (CHANGES, {"applied": ["d.py"]}, "'d.py' was not asked"),
    (CHANGES, {"applied": "some"}, "'all' or 'none'"),
    (CALL, {"decision": "maybe"}, "should be 'approve' or 'deny', not 'maybe'"),
    (CALL, {"decision": "approve", "remember": "tool"}, "tool is not offered"),
    (CALL, {"decision": "deny", "arguments": {}}, "nothing runs with them after a denial"),
    (CALL, {"decision": "deny", "remember": "arguments"}, "a denial is of this call only"),
    (CALL, {"decision": "approve", "arguments": "x"}, "arguments: input should be"),
    (Custom(kind="x", schema={"const": 1}), {"data": 2}, "1 was expected"),
]


@pytest.mark.parametrize(("question", "resolution", "said"), BAD_ANSWERS)
def test_an_answer_that_does_not_fit_is_refused_with_what_and_the_fix(
    question: Question, resolution: Any, said: str
) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        check_resolution(question.type, question, resolution)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_credential_has_no_place_in_an_answer_and_is_not_repeated_when_it_is_refused() -> None:
    question = Reauth(message="Sign in", provider="github")
    with pytest.raises(InvalidAnswer, match="no such field, a credential least of all") as refused:
        check_resolution(question.type, question, {"done": True, "token": "ghp_secret"})
    assert "ghp_secret" not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_several_mistakes_are_told_at_once_and_very_many_are_counted() -> None:
    with pytest.raises(InvalidAnswer) as refused:
        check_resolution(COLOURS.type, COLOURS, {"chosen": [f"x{n}" for n in range(10)]})
    assert str(refused.value).count("was not asked") == 5
    assert str(refused.value).endswith("and 6 more")


def test_answers_of_one_meaning_have_one_form() -> None:
    def applied(names: list[str]) -> Any:
        return check_resolution(CHANGES.type, CHANGES, {"applied": names})["applied"]

    assert applied(["c.py", "b.py", "a.py"]) == "all"
    assert applied([]) == "none"
    assert applied(["c.py", "a.py"]) == ["a.py", "c.py"]
    as_asked = {"decision": "approve", "arguments": {"amount": 3}}
    assert check_resolution(CALL.type, CALL, as_asked)["arguments"] is None


def test_half_of_a_character_is_replaced_as_everywhere_in_the_store() -> None:
    payload = check_payload("approval", {"tool": "x", "arguments": {"\ud83d": "\ude00"}})
    assert payload["arguments"] == {"\ufffd": "\ufffd"}


def test_what_was_typed_in_secret_is_not_shown() -> None:
    payload = check_payload("input", Input(message="Password?", secret=True))
    resolution = check_resolution("input", payload, Given(value="hunter2"))
    assert resolution == {"value": "hunter2"}
    assert "hunter2" not in str(shown_resolution("input", payload, resolution))
    plain = check_payload("input", Input(message="Name?"))
    assert shown_resolution("input", plain, resolution) == resolution


def test_a_secret_that_is_too_long_is_not_repeated() -> None:
    question = Input(message="Password?", secret=True, max_length=3)
    with pytest.raises(InvalidAnswer) as refused:
        check_resolution("input", question, {"value": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_the_public_names_are_sorted_and_all_there() -> None:
    names = [name for name in steer.actions.__all__ if not name.isupper()]
    assert names == sorted(names)
    assert dir(steer.actions) == sorted(steer.actions.__all__)
    assert all(getattr(steer.actions, name) is not None for name in names)
    with pytest.raises(AttributeError, match="no attribute 'Vote'"):
        steer.actions.Vote  # noqa: B018 - looking it up is the test


def test_questions_without_a_schema_need_no_jsonschema_and_values_no_pydantic() -> None:
    program = (
        "import sys, steer.actions as a\n"
        "loaded = lambda: sorted({'pydantic.type_adapter', 'jsonschema'} & sys.modules.keys())\n"
        "a.Confirm(message='x'); print(loaded())\n"
        "a.check_payload('confirm', a.Confirm(message='x')); print(loaded())\n"
        "a.check_payload('input', a.Input(message='x', schema={})); print(loaded())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines() == [
        "[]", "['pydantic.type_adapter']", "['jsonschema', 'pydantic.type_adapter']"
    ]  # fmt: skip
