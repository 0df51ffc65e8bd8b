"""The clauses of storages."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["STORAGE_CLAUSES"]

STORAGE_CLAUSES = (
    Clause(
        id="ST-1",
        port="storage",
        text="Whatever a method returns or changes belongs to the scope it names; the same names "
        "in another scope are other things.",
        checks=5,
    ),
    Clause(
        id="ST-2",
        port="storage",
        text="A commit keeps all of its changes, in the order given, or none, and no read sees "
        "half.",
        checks=4,
    ),
    Clause(
        id="ST-3",
        port="storage",
        text="A commit under a fence that is not the job's newest is refused with StaleFence, "
        "whatever it holds.",
    ),
    Clause(
        id="ST-4",
        port="storage",
        text="Without the fence nobody changes a job that is held, but for claiming it, asking it "
        "to stop, and what is no part of it. A job that nobody holds moves and ends without "
        "one.",
        checks=3,
    ),
    Clause(
        id="ST-5",
        port="storage",
        text="A commit for a job that the scope does not have is refused with NotFound, and a "
        "change of a job in a commit that names none with Conflict.",
        checks=2,
    ),
    Clause(
        id="ST-6",
        port="storage",
        text="Whatever was committed in whatever order, refused commits among it, the store shows "
        "what the rules of the changes make of it.",
        checks=2,
    ),
    Clause(
        id="ST-7",
        port="storage",
        text="A job is created once, by a commit that names it: queued, or with an owner already "
        "claimed.",
        checks=4,
    ),
    Clause(
        id="ST-8",
        port="storage",
        text="An idempotency key is held by one job of its scope, for good; IdempotencyConflict "
        "names it.",
        checks=3,
    ),
    Clause(
        id="ST-9",
        port="storage",
        text="A job is claimed by who expects its fence, if it is queued or waiting. Fence and "
        "attempt go up by one.",
        checks=3,
    ),
    Clause(
        id="ST-10",
        port="storage",
        text="A job that is held is claimed once its lease has run out by the store's clock, and "
        "before only where its owner is the one who was seen dead.",
        checks=2,
    ),
    Clause(
        id="ST-11",
        port="storage",
        text="Renewing extends the leases of the jobs that are still held by that fence, and names "
        "the others.",
        checks=2,
    ),
    Clause(
        id="ST-12",
        port="storage",
        text="A job moves only where its status lets it; ending, queueing or parking it gives up "
        "owner and lease.",
    ),
    Clause(
        id="ST-13",
        port="storage",
        text="Anyone may ask a job to stop until it has ended, and the first request stays.",
        checks=2,
    ),
    Clause(
        id="ST-14",
        port="storage",
        text="The events of a job are numbered without a gap; a commit with a gap, a repetition or "
        "another job's event is refused whole.",
        checks=2,
    ),
    Clause(
        id="ST-15",
        port="storage",
        text="A job has at most one terminal event and none after it.",
        checks=2,
    ),
    Clause(
        id="ST-16",
        port="storage",
        text="Positions count the events of the whole store in the order of commits, without gaps; "
        "a commit says the newest.",
        checks=3,
    ),
    Clause(
        id="ST-17",
        port="storage",
        text="An event is visible only once it is committed and all at earlier positions are "
        "visible.",
        checks=2,
    ),
    Clause(
        id="ST-18",
        port="storage",
        text="A reader that goes on after the last number or position it saw reads each event "
        "once.",
        checks=2,
    ),
    Clause(
        id="ST-19",
        port="storage",
        text="The responses of models come back whole and in order, one per path and index.",
        checks=3,
    ),
    Clause(
        id="ST-20",
        port="storage",
        text="A tool call is intended once per key and ends once, unless its outcome was unknown; "
        "the last owner's late outcome is kept.",
        checks=4,
    ),
    Clause(
        id="ST-21",
        port="storage",
        text="A grant is issued once and used at most once.",
    ),
    Clause(
        id="ST-22",
        port="storage",
        text="Records that are dropped are gone, and the answers that are named with them; those of"
        " other jobs and the journal are not.",
    ),
    Clause(
        id="ST-23",
        port="storage",
        text="No reservation is admitted past the limit last set, whatever was spent above it.",
        checks=3,
    ),
    Clause(
        id="ST-24",
        port="storage",
        text="A reservation holds on all of its accounts or on none, once per key.",
        checks=5,
    ),
    Clause(
        id="ST-25",
        port="storage",
        text="A reservation is settled or released once, on exactly its accounts; what was not "
        "spent is free again.",
        checks=4,
    ),
    Clause(
        id="ST-26",
        port="storage",
        text="A line of the ledger is written once per key.",
    ),
    Clause(
        id="ST-27",
        port="storage",
        text="An action keeps what was asked; the first answer wins.",
        checks=3,
    ),
    Clause(
        id="ST-28",
        port="storage",
        text="A session grows by versions: an append to another version than it has is refused.",
        checks=3,
    ),
    Clause(
        id="ST-29",
        port="storage",
        text="An agent is stored version by version, and each stays readable.",
    ),
    Clause(
        id="ST-30",
        port="storage",
        text="Listings have their order (jobs newest first, actions and the ledger oldest first, "
        "the rest by name) and only what was asked for.",
        checks=4,
    ),
    Clause(
        id="ST-31",
        port="storage",
        text="Pages neither skip nor repeat a row while rows are added, and the last one has no "
        "cursor.",
        checks=2,
    ),
    Clause(
        id="ST-32",
        port="storage",
        text="A listing refuses what is no cursor of it and a limit below 1 with ConfigError, and "
        "lowers a limit above MAX_PAGE.",
        checks=3,
    ),
    Clause(
        id="ST-33",
        port="storage",
        text="Text, JSON and bytes come back as they were, of any letters, depth and size.",
        checks=3,
    ),
    Clause(
        id="ST-34",
        port="storage",
        text="Money and amounts come back to the last digit.",
        checks=2,
    ),
    Clause(
        id="ST-35",
        port="storage",
        text="Times come back to the microsecond and in UTC, whatever zone they were given in; one "
        "without a zone is refused with StorageError.",
        checks=2,
    ),
    Clause(
        id="ST-36",
        port="storage",
        text="An event of a type that nobody knows comes back byte for byte.",
    ),
    Clause(
        id="ST-37",
        port="storage",
        text="Text with half a character is kept, or the half is replaced by U+FFFD, or the commit "
        "is refused with StorageError.",
    ),
    Clause(
        id="ST-38",
        port="storage",
        text="What many tasks, threads and event loops write at once is all there.",
    ),
    Clause(
        id="ST-39",
        port="storage",
        text="Under every interleaving no limit is passed, and one of several claims, and of "
        "several jobs with one key, wins.",
        checks=3,
    ),
    Clause(
        id="ST-40",
        port="storage",
        text="A commit that is cancelled is whole or not there, and disturbs no other.",
        checks=2,
    ),
    Clause(
        id="ST-41",
        port="storage",
        text="aclose() ends what is under way, from any event loop and any number of times; then "
        "every method raises StorageError, and no thread is left.",
        checks=2,
    ),
    Clause(
        id="ST-42",
        port="storage",
        capability="durable",
        text="What was committed is there after closing and opening again.",
        checks=2,
    ),
    Clause(
        id="ST-43",
        port="storage",
        capability="durable",
        text="What was acknowledged is there after kill -9 at any moment, and no commit is half "
        "there.",
        checks=2,
    ),
    Clause(
        id="ST-44",
        port="storage",
        capability="shared",
        text="A store that is opened twice is one store.",
    ),
    Clause(
        id="ST-45",
        port="storage",
        capability="shared",
        text="What several processes write at once is all there, at positions without gaps, also "
        "where they open a new store at the same time.",
    ),
    Clause(
        id="ST-46",
        port="storage",
        capability="shared",
        text="Several processes together pass no limit and claim no job twice.",
        checks=2,
    ),
    Clause(
        id="ST-47",
        port="storage",
        capability="upgrades",
        text="A store that an earlier version filled shows what one filled today shows, and goes "
        "on.",
    ),
    Clause(
        id="ST-48",
        port="storage",
        text="A job is parked for pending actions of its own only, so that parking it and "
        "answering it cannot miss each other; then nobody holds it.",
        checks=3,
    ),
    Clause(
        id="ST-49",
        port="storage",
        text="A worker is shown the jobs of its queue and its scopes that nobody holds and that "
        "are due, and those whose owner's time is over, the longest due first.",
        checks=5,
    ),
    Clause(
        id="ST-50",
        port="storage",
        text="The owners are those who hold jobs, each once.",
    ),
    Clause(
        id="ST-51",
        port="storage",
        text="Nobody answers an action after its time, by the store's clock.",
    ),
    Clause(
        id="ST-52",
        port="storage",
        text="A job that has as many children as it may have, or has ended, gets no more.",
    ),
    Clause(
        id="ST-53",
        port="storage",
        text="An answer that is left to the owner of a job is taken while somebody holds the job by"
        " that fence, and refused once it is parked or another process has it.",
    ),
    Clause(
        id="ST-60",
        port="storage",
        text="A file of a job comes back as it was, byte for byte, whatever it is called; it needs "
        "its job and a free id.",
        checks=2,
    ),
    Clause(
        id="ST-61",
        port="storage",
        text="A file that was dropped is gone with its content, and nothing else is.",
    ),
    Clause(
        id="ST-62",
        port="storage",
        text="Any part of a file can be read, and what is no part of one is empty or refused with "
        "ConfigError.",
    ),
    Clause(
        id="ST-63",
        port="storage",
        text="Files are listed by job, oldest first.",
    ),
)
