"""A script: the turns a provider will take, in order or by rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase

from steer_conformance.provider.replies import Reply
from steer_conformance.provider.request import Request

__all__ = ["Match", "Rule", "Script"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A condition on a request that can also be written in a script file.

    What is None is not asked. ``model`` is a glob; ``user_text`` must occur in the last message
    of the user and ``tool_result`` in one of the tool results; ``tool`` must be on offer.
    """

    dialect: str | None = None
    model: str | None = None
    stream: bool | None = None
    user_text: str | None = None
    tool: str | None = None
    tool_result: str | None = None

    def __call__(self, request: Request) -> bool:
        """Whether the request meets every condition that is set."""
        wanted, results = self.tool_result, request.tool_results
        return (
            (self.dialect is None or self.dialect == request.dialect)
            and (self.model is None or fnmatchcase(request.model, self.model))
            and (self.stream is None or self.stream == request.stream)
            and (self.user_text is None or self.user_text in request.last_user_text)
            and (self.tool is None or self.tool in request.tools)
            and (wanted is None or any(wanted in result.text for result in results))
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests for which ``when`` holds get ``then``, at most ``times`` times.

    ``then`` may be a function of the request. Both functions run in the provider's thread and
    must not block.
    """

    when: Callable[[Request], bool]
    then: Reply | Callable[[Request], Reply]
    _: KW_ONLY
    times: int | None = None

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError(f"a rule serves at least once, not {self.times} times")


@dataclass(frozen=True, slots=True)
class Script:
    """What a provider will answer.

    Each request gets the reply of the first rule that holds for it, and if none does, the next
    of the turns. ``repeat`` starts the turns over when they are used up.
    """

    turns: Sequence[Reply] = ()
    _: KW_ONLY
    rules: Sequence[Rule] = ()
    repeat: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "turns", tuple(self.turns))
        object.__setattr__(self, "rules", tuple(self.rules))
        for turn in self.turns:
            if not isinstance(turn, Reply):
                raise TypeError(f"{turn!r} is no turn, failure or raw reply")
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise TypeError(f"{rule!r} is no rule")
