"""The clauses of runtimes."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause
from steer_conformance.contract.runtime_options import OPTION_CLAUSES

__all__ = ["RUNTIME_CLAUSES"]

_CLAUSES = (
    Clause(
        id="RT-1",
        port="runtime",
        text="Runs of one prepared agent at the same time, up to the declared number, do not mix: "
        "what belongs to a run is kept in the run.",
    ),
    Clause(
        id="RT-2",
        port="runtime",
        text="What happens is told as it happens, from whatever thread, and telling never waits.",
    ),
    Clause(
        id="RT-3",
        port="runtime",
        checks=3,
        text="Events come in the order in which things happened: an agent takes the floor before "
        "anything else on its path, a part's text before its end, and nothing of a request after "
        "that was completed or had failed, nor anything after the run.",
    ),
    Clause(
        id="RT-4",
        port="runtime",
        checks=5,
        text="Cancelling the task cancels the run, at any moment: the connection to the provider "
        "is closed, and no task, thread or child process is left that was not named.",
    ),
    Clause(
        id="RT-5",
        port="runtime",
        capability="model_gate",
        text="Each request to a model passes the gate once, and its end is told once. Retries of "
        "the vendor's own are off.",
        checks=2,
    ),
    Clause(
        id="RT-6",
        port="runtime",
        checks=2,
        text="The result is what was told: its content is the text of the last message, and it "
        "is the fold of the job's events.",
    ),
    Clause(
        id="RT-7",
        port="runtime",
        capability="tools",
        text="A runtime emits nothing that only the kernel and its gate may.",
    ),
    Clause(
        id="RT-8",
        port="runtime",
        text="Text arrives whole, and the offsets of its pieces count its characters.",
    ),
    Clause(
        id="RT-9",
        port="runtime",
        capability="reasoning",
        text="Reasoning arrives whole, and apart from the text.",
    ),
    Clause(
        id="RT-10",
        port="runtime",
        capability="tools",
        checks=2,
        text="A tool that is called runs with the model's arguments, the model reads its result, "
        "and the call is told as the model wrote it.",
    ),
    Clause(
        id="RT-11",
        port="runtime",
        capability="tools",
        text="The gate is asked for each call once, as it was proposed: with its id, the index of "
        "its message, its path, its arguments and what the author declared.",
    ),
    Clause(
        id="RT-12",
        port="runtime",
        capability="tools",
        checks=2,
        text="No tool runs without the gate's leave, and none before it is there. What is denied "
        "never runs; the model reads why, and the run goes on.",
    ),
    Clause(
        id="RT-13",
        port="runtime",
        capability="tools",
        checks=2,
        text="Where a policy raises or is late, its tool does not run.",
    ),
    Clause(
        id="RT-14",
        port="runtime",
        capability="tools",
        text="Arguments that the gate rewrote are the ones that run.",
    ),
    Clause(
        id="RT-15",
        port="runtime",
        checks=2,
        capability="tools",
        text="What the gate raises ends the run and comes out of it as it is; nothing more is "
        "asked or run.",
    ),
    Clause(
        id="RT-16",
        port="runtime",
        capability="parallel_tools",
        text="Tools of one message run side by side, and each result goes with its call.",
    ),
    Clause(
        id="RT-17",
        port="runtime",
        capability="tools",
        text="A tool that raises has failed, once; the model is told, and the run goes on.",
    ),
    Clause(
        id="RT-18",
        port="runtime",
        capability="tools",
        text="A tool that takes longer than its author allows is stopped and counts as timed out.",
    ),
    Clause(
        id="RT-19",
        port="runtime",
        capability="tools",
        checks=2,
        text="Arguments that do not fit the tool, or are no JSON, run nothing, and the model reads "
        "what is wrong with them.",
    ),
    Clause(
        id="RT-20",
        port="runtime",
        capability="tools",
        text="A thread that cannot be stopped is named to the gate until it ends.",
    ),
    Clause(
        id="RT-21",
        port="runtime",
        capability="usage=provider",
        text="Usage is the provider's own count, of every request, with what was cached and what "
        "was spent on reasoning.",
    ),
    Clause(
        id="RT-22",
        port="runtime",
        capability="model_gate",
        text="A request asks for no longer an answer than the gate granted.",
    ),
    Clause(
        id="RT-67",
        port="runtime",
        capability="model_substitution",
        text="A request goes to the model that the gate names, and stays known by the one that its "
        "author named.",
    ),
    Clause(
        id="RT-23",
        port="runtime",
        capability="schema",
        text="Structured output is asked of the model by its schema, and given as JSON.",
    ),
    Clause(
        id="RT-24",
        port="runtime",
        capability="schema",
        text="An answer that does not fit its schema is an error of the category schema.",
    ),
    Clause(
        id="RT-25",
        port="runtime",
        text="The whole conversation reaches the model, in order.",
    ),
    Clause(
        id="RT-26",
        port="runtime",
        checks=2,
        capability="history=native",
        text="Each message of the conversation keeps its role, and earlier calls and results are "
        "told as such.",
    ),
    Clause(
        id="RT-27",
        port="runtime",
        capability="images",
        text="An image of the conversation reaches the model.",
    ),
    Clause(
        id="RT-28",
        port="runtime",
        capability="files",
        text="A file of the conversation reaches the model.",
    ),
    Clause(
        id="RT-29",
        port="runtime",
        checks=2,
        text="A provider's error is a ProviderError with the category of its status, the status "
        "itself, what the provider said, and whether to ask again can help.",
    ),
    Clause(
        id="RT-30",
        port="runtime",
        text="How long the provider says to wait is kept, in seconds.",
    ),
    Clause(
        id="RT-31",
        port="runtime",
        text="A connection that is lost before the answer is whole is an error of the network, "
        "wherever that is; never a success.",
    ),
    Clause(
        id="RT-32",
        port="runtime",
        text="An answer that ends in good order before it is whole is an error of the network, "
        "wherever that is; never a success.",
    ),
    Clause(
        id="RT-33",
        port="runtime",
        checks=2,
        text="Bytes that the provider's format does not have are an error of the provider.",
    ),
    Clause(
        id="RT-34",
        port="runtime",
        text="An error inside a stream is that error, with its category and its words.",
    ),
    Clause(
        id="RT-35",
        port="runtime",
        text="A provider that cannot be reached is an error of the network; nothing was sent.",
    ),
    Clause(
        id="RT-36",
        port="runtime",
        text="What steer has no word for is told as unknown and keeps what the vendor said.",
    ),
    Clause(
        id="RT-37",
        port="runtime",
        checks=2,
        text="An answer that was cut at its limit, and a refusal, say that they are.",
    ),
    Clause(
        id="RT-38",
        port="runtime",
        checks=2,
        text="Preparing does no I/O and starts nothing; neither it nor a run writes to the "
        "author's objects.",
    ),
    Clause(
        id="RT-39",
        port="runtime",
        checks=3,
        text="What is no agent, what needs more than the runtime can do, and what gives a variable "
        "that nobody declares, is refused when it is prepared.",
    ),
    Clause(
        id="RT-40",
        port="runtime",
        capability="replay",
        text="A run that is all recorded asks nobody, runs nothing, and comes to the same result.",
    ),
    Clause(
        id="RT-41",
        port="runtime",
        capability="replay",
        checks=2,
        text="From whatever record on, a run goes on to the same result, without repeating an "
        "effect that is recorded.",
    ),
    Clause(
        id="RT-42",
        port="runtime",
        checks=2,
        capability="replay",
        text="A replay that asks something else, or that meets an effect whose end nobody knows, "
        "ends with the gate's error.",
    ),
    Clause(
        id="RT-43",
        port="runtime",
        checks=2,
        capability="suspend",
        text="A run one of whose calls is suspended begins nothing more, returns `Suspended`, and "
        "goes on with that call when it is run again, as often as that takes.",
    ),
    Clause(
        id="RT-63",
        port="runtime",
        checks=3,
        capability="suspend=many",
        text="What runs beside a suspended call comes to its end and is recorded; what was made is "
        "not made again, and what was not is made once.",
    ),
    Clause(
        id="RT-64",
        port="runtime",
        capability="suspend",
        text="An answer that comes after a run was suspended, be it yes, no or other arguments, "
        "leads to what it would have led to at once.",
    ),
    Clause(
        id="RT-65",
        port="runtime",
        checks=3,
        capability="suspend_in_subagents",
        text="A call of an agent that is used as a tool suspends the whole run. The agent has not "
        "ended: it is entered again, and gone on with from its records.",
    ),
    Clause(
        id="RT-66",
        port="runtime",
        capability="suspend",
        text="A handoff can be suspended, and so can a call after one.",
    ),
    Clause(
        id="RT-44",
        port="runtime",
        checks=4,
        text="A limit ends the run: no request, no tool and no second comes after it.",
    ),
    Clause(
        id="RT-45",
        port="runtime",
        checks=2,
        text="What is prepared names its agent and model, claims no more than the plugin, and its "
        "fingerprint is that of the behaviour which author and options fixed.",
    ),
    Clause(
        id="RT-55",
        port="runtime",
        text="Closing the runtime closes what its runs shared.",
    ),
    Clause(
        id="RT-56",
        port="runtime",
        capability="handoffs",
        checks=2,
        text="A handoff is asked for as one, told, and made. A denied one is not made, and the "
        "reason is told.",
    ),
    Clause(
        id="RT-57",
        port="runtime",
        capability="retries",
        checks=2,
        text="A request that failed is made again, under a new admission and as it was, when the "
        "gate says that it may be, and never otherwise.",
    ),
    Clause(
        id="RT-68",
        port="runtime",
        checks=2,
        text="What a run in a session says of itself is the rest of a conversation that begins "
        "with its question, tool calls and their results included; one that says nothing has said "
        "its content.",
    ),
    Clause(
        id="RT-69",
        port="runtime",
        capability="session_items",
        checks=3,
        text="What a run in a session keeps in the runtime's own form is JSON. The next run is "
        "told it in its place and once, in place of the messages that say the same.",
    ),
    Clause(
        id="RT-70",
        port="runtime",
        capability="session_items",
        checks=1,
        text="However ids of tool calls repeat between the runs of a session, the model is told "
        "each call, in order and with its own result.",
    ),
)


def _number(clause: Clause) -> int:
    return int(clause.id.partition("-")[2])


RUNTIME_CLAUSES = tuple(sorted((*_CLAUSES, *OPTION_CLAUSES), key=_number))
