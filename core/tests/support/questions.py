"""A question of each type of action, with an answer that fits it."""

from __future__ import annotations

from steer.actions import (
    Answer,
    Answered,
    Applied,
    ApplyChanges,
    Approval,
    Choose,
    Chosen,
    Confirm,
    Confirmed,
    Custom,
    Decided,
    FileChange,
    Given,
    Input,
    Option,
    Question,
    Reauth,
    Remember,
    SignedIn,
    Upload,
    Uploaded,
)

COLOURS = Choose(
    message="Which colours?",
    options=(Option(id="r", label="Red"), Option(id="g", label="Green"), Option(id="b", label="B")),
    max=2,
)
CHANGES = ApplyChanges(
    message="Apply?",
    changes=(
        FileChange(path="a.py", kind="edit", diff="-1\n+2\n"),
        FileChange(path="b.py", kind="create", after="x"),
        FileChange(path="c.py", kind="delete", before="y"),
    ),
)
CALL = Approval(tool="pay", arguments={"amount": 3}, remember=(Remember.ONCE, Remember.ARGUMENTS))
PAIRS: list[tuple[Question, Answer]] = [
    (Confirm(message="Go on?", details="It costs."), Confirmed(confirmed=True, comment="yes")),
    (COLOURS, Chosen(chosen=("g", "r"))),
    (Input(message="Name?", max_length=5), Given(value="Ada")),
    (Input(message="Age?", schema={"type": "integer", "minimum": 0}), Given(value=36)),
    (Upload(message="The bill?", media_types=("image/*",)), Uploaded(artifacts=("a1",))),
    (Reauth(message="Sign in", provider="github", scopes=("repo",)), SignedIn(done=True)),
    (CHANGES, Applied(applied=("a.py", "c.py"))),
    (CALL, Decided(decision="approve", remember=Remember.ARGUMENTS, arguments={"amount": 2})),
    (Custom(kind="seat", data={"row": 1}, schema={"type": "string"}), Answered(data="1A")),
]
