"""The clauses of stores for files of jobs."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["ARTIFACT_CLAUSES"]

ARTIFACT_CLAUSES = (
    Clause(
        id="AR-1",
        port="artifact",
        checks=2,
        text="A file comes back byte for byte, whatever it is called and whether it came whole or "
        "in pieces, with its size, its SHA-256 and who brought it; none of it is kept where its "
        "coming breaks off.",
    ),
    Clause(
        id="AR-2",
        port="artifact",
        text="A content is given in pieces that are no larger than PIECE_BYTES and none of which "
        "is empty.",
    ),
    Clause(
        id="AR-3",
        port="artifact",
        checks=2,
        text="No scope finds, reads, lists or deletes another's files, also where the names of "
        "scopes, joined with others, read alike.",
    ),
    Clause(
        id="AR-4",
        port="artifact",
        text="The same file again under its id is kept once; another one under a taken id is "
        "refused with Conflict.",
    ),
    Clause(
        id="AR-5",
        port="artifact",
        checks=2,
        text="Files are listed by job, oldest first, in pages that neither skip nor repeat; what "
        "is no cursor or no limit is refused with ConfigError.",
    ),
    Clause(
        id="AR-6",
        port="artifact",
        text="A deleted file is gone, and nothing else is; what is not there raises NotFound.",
    ),
    Clause(
        id="AR-7",
        port="artifact",
        text="A name or a media type that is none is refused with ConfigError, and nothing is "
        "kept.",
    ),
    Clause(
        id="AR-8",
        port="artifact",
        text="Files that come and go at the same time, from several event loops, do not mix.",
    ),
    Clause(
        id="AR-9",
        port="artifact",
        text="What was kept is there after closing and opening again.",
    ),
)
