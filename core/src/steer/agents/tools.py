"""Tools: typed functions that a model may call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

import anyio
from anyio import CapacityLimiter, to_thread

from steer.agents.arguments import ArgumentsModel, ParsedArguments
from steer.agents.schema import JsonSchema
from steer.agents.signature import Signature, read_signature
from steer.agents.strict import closed_form
from steer.agents.tool_context import ToolContext
from steer.errors import AgentError, RuntimeFailure
from steer.values import Effect

__all__ = ["Tool", "tool"]

P = ParamSpec("P")
R = TypeVar("R")

# What every vendor takes as the name of a function.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tool(Generic[P, R]):
    """A function as a model sees it; made by ``tool``, and still callable like the function.

    ``input_schema`` is in the closed form of strict decoding where ``strict`` says so.
    ``effect`` says what a second run would do. ``timeout`` is in seconds, ``None`` leaves it to
    the run; whoever runs the tool keeps to it.
    """

    name: str
    description: str
    input_schema: JsonSchema
    strict: bool
    effect: Effect
    timeout: float | None
    function: Callable[P, R]
    _signature: Signature = field(repr=False)
    _arguments: ArgumentsModel = field(repr=False)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, past every gate: for its author's tests and own code."""
        return self.function(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[P, R]:
        """The function, where ``inspect`` looks for it."""
        return self.function

    @property
    def runs_in_thread(self) -> bool:
        """Whether ``run`` uses a worker thread, which cannot be stopped from outside."""
        return not self._signature.is_async

    def parse(self, arguments: str | Mapping[str, Any]) -> ParsedArguments:
        """Return the arguments as the function wants them, defaults filled in.

        Takes the model's JSON text or the decoded object. Raises ``ToolArgumentsError``, whose
        message tells the model which argument is wrong and how.
        """
        return self._arguments.parse(arguments)

    async def run(
        self,
        arguments: ParsedArguments,
        context: ToolContext,
        *,
        abandoned: Callable[[Future[Any]], None],
        limiter: CapacityLimiter | None = None,
    ) -> object:
        """Run the function once and return what it returns; what it raises passes through.

        An async function runs here, a sync one in a worker thread of ``limiter`` (anyio's own by
        default), with the context variables of the caller. A thread cannot be stopped: when the
        call is cancelled and the function has begun, ``abandoned`` is called at once, here, with
        a future of the thread's outcome. A function that has not begun by then never will.
        """
        given = dict(arguments)
        if self._signature.context_parameter is not None:
            given[self._signature.context_parameter] = context

        def call() -> Any:
            try:
                return self.function(**given)  # type: ignore[call-arg] # checked by parse
            except SystemExit as error:
                raise self._exited(error) from error

        result = call() if self._signature.is_async else await _in_thread(call, abandoned, limiter)
        # A sync function may return an awaitable: a lambda or an unmarked wrapper does.
        if not inspect.isawaitable(result):
            return result
        try:
            return await result
        except SystemExit as error:
            raise self._exited(error) from error

    def _exited(self, error: SystemExit) -> RuntimeFailure:
        # It would end the whole process, and with it the runs of others.
        return RuntimeFailure(
            f"tool {self.name!r} called sys.exit({error.code!r})", fix="Raise an exception instead"
        )


async def _in_thread(
    call: Callable[[], Any],
    abandoned: Callable[[Future[Any]], None],
    limiter: CapacityLimiter | None,
) -> Any:
    outcome: Future[Any] = Future()

    def work() -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    try:
        await to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        # Cancelling the future succeeds only before the function begins, and then keeps it from it.
        if not outcome.cancel():
            abandoned(outcome)
        raise
    return outcome.result()


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect | str = Effect.ONCE,
    timeout: float | None = None,
    strict: bool | None = None,
) -> Tool[P, R]: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect | str = Effect.ONCE,
    timeout: float | None = None,
    strict: bool | None = None,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect | str = Effect.ONCE,
    timeout: float | None = None,
    strict: bool | None = None,
) -> Any:
    """Make a typed function, sync or async, a tool that a model can call.

    Its name, its docstring and its annotations are what the model sees: the prose of the
    docstring describes the tool, its section of arguments (Google, NumPy or Sphinx style) or
    ``Annotated[..., Field(description=...)]`` each parameter. A parameter annotated
    ``ToolContext`` is given the call's context and is not shown.

    ``effect`` says what a second run would do: ``none``, ``idempotent`` or ``once``, the default,
    under which steer never runs a call twice. ``timeout`` is in seconds. ``strict=None`` uses
    the closed form of the schema where the types allow it, ``True`` insists on it.

    Raises ``AgentError`` for a function that a model could not call.
    """
    # The names around the decorator, for annotations of a tool defined inside a function.
    frame = inspect.currentframe()
    local_names = frame.f_back.f_locals if frame and frame.f_back else {}

    def make(function: Callable[..., Any]) -> Tool[..., Any]:
        title = name or str(getattr(function, "__name__", type(function).__name__))
        if not _NAME.fullmatch(title):
            raise AgentError(
                f"{title!r} is no name for a tool",
                fix="Use name= with up to 64 letters, digits, underscores and hyphens",
            )
        if timeout is not None and timeout <= 0:
            raise AgentError(f"tool {title!r} has a timeout of {timeout} s", fix="Give more than 0")
        signature = read_signature(function, tool=title, local_names=local_names)
        arguments = ArgumentsModel(title, signature.parameters)
        schema = arguments.schema()
        closed = closed_form(schema, strict=strict, what=f"tool {title!r}")
        return Tool(
            name=title,
            description=signature.description if description is None else description,
            input_schema=closed or schema,
            strict=closed is not None,
            effect=_effect(effect, title),
            timeout=timeout,
            function=function,
            _signature=signature,
            _arguments=arguments,
        )

    return make if function is None else make(function)


def _effect(effect: Effect | str, tool: str) -> Effect:
    try:
        return Effect(effect)
    except ValueError:
        raise AgentError(
            f"tool {tool!r} declares the effect {effect!r}",
            fix=f"Choose one of {', '.join(Effect)}",
        ) from None
