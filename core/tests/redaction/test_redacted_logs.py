from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import steer
from kernels import open_kernel
from steer import RedactingFilter, Redaction, RedactionRule
from steer.redaction.logs import OWN_LOGGERS

pytestmark = pytest.mark.anyio

ACME = Redaction(rules=[RedactionRule(name="acme", pattern="ACME-[0-9]{4}")], keys=["password"])


@pytest.fixture
def out() -> Iterator[tuple[logging.Logger, StringIO]]:
    """A logger of an application, whose handler redacts."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(RedactingFilter(ACME))
    logger = logging.getLogger("application")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_a_message_is_redacted_with_its_arguments(out: tuple[logging.Logger, StringIO]) -> None:
    logger, stream = out
    logger.warning("ticket %s%d", "ACME-", 1234)
    assert stream.getvalue() == "ticket [redacted:acme]\n"


def test_values_among_the_arguments_are_redacted_by_their_keys(
    out: tuple[logging.Logger, StringIO],
) -> None:
    logger, stream = out
    logger.warning("sent %s and %d", {"password": "hunter2"}, 3)
    logger.warning("sent %(password)s", {"password": "hunter2"})
    assert stream.getvalue() == ("sent {'password': '[redacted:key]'} and 3\nsent [redacted:key]\n")


def test_a_traceback_is_redacted(out: tuple[logging.Logger, StringIO]) -> None:
    logger, stream = out
    try:
        raise ValueError("ACME-1234".lower().upper())
    except ValueError:
        logger.exception("failed", stack_info=True)
    assert "ValueError: [redacted:acme]" in stream.getvalue()
    assert "Stack (most recent call last)" in stream.getvalue()


def test_extra_attributes_are_redacted(out: tuple[logging.Logger, StringIO]) -> None:
    logger, stream = out
    logger.handlers[0].setFormatter(logging.Formatter("%(request)s %(number)s"))
    logger.warning("x", extra={"request": {"password": "hunter2"}, "number": 3})
    assert stream.getvalue() == "{'password': '[redacted:key]'} 3\n"


def test_a_record_that_cannot_be_read_is_replaced(out: tuple[logging.Logger, StringIO]) -> None:
    logger, stream = out
    logger.warning("%d ACME-1234", "x")
    assert stream.getvalue() == "[redacted:error]\n"


async def test_a_kernel_redacts_its_own_loggers_only_and_only_while_it_is_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ["steer.sinks", "steer.engine", "steer", "application", None]
    before = [list(logging.getLogger(name).filters) for name in names]
    async with open_kernel(redaction=ACME):
        for name in names:
            logging.getLogger(name).warning("ACME-1234")
    logging.getLogger("steer.sinks").warning("ACME-1234")
    assert [record.getMessage() for record in caplog.records] == [
        "[redacted:acme]",
        "[redacted:acme]",
        "ACME-1234",
        "ACME-1234",
        "ACME-1234",
        "ACME-1234",
    ]
    assert [list(logging.getLogger(name).filters) for name in names] == before


def test_every_logger_of_steers_own_is_known_to_redaction() -> None:
    root = Path(steer.__file__).parent
    found = {
        call.args[0].value
        for file in root.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "logging.getLogger"
        and isinstance(call.args[0], ast.Constant)
    }
    assert found == set(OWN_LOGGERS)
