"""The errors steer raises, one tree, and the categories a provider's failure falls into.

::

    SteerError
    ├── ConfigError            a setting, a flag or a file says something that cannot be
    ├── AgentError             an agent could not be loaded or is not well formed
    ├── PluginError            a plugin is missing, broken or was asked for what it cannot do
    ├── ProviderError          the model's provider failed, with category and retryability
    ├── RuntimeFailure         an agent's own code or its SDK failed, not the provider
    ├── PolicyDenied           policy forbids the request
    ├── BudgetExceeded         a budget or a limit of the run was reached
    ├── DeadlineExceeded       the run's time was up
    ├── Conflict               somebody else holds what this call wants to change
    │   ├── IdempotencyConflict    the key was used for another request
    │   ├── SessionBusy            another job goes on with the session
    │   └── StaleFence             this process lost the job to another one
    ├── InvalidTransition      a job or an action cannot move from where it is
    ├── Diverged               a replay asked for something other than what was recorded
    ├── OutcomeUnknown         an effect began and nobody knows how it ended
    ├── Interrupted            the process died and the agent cannot be built again
    ├── Released               the kernel closed while the job ran; it can be resumed elsewhere
    ├── ActionClosed           a question to a person was answered or withdrawn already
    ├── ActionExpired          a person answered too late, or nobody did
    ├── InvalidQuestion        what a person was to be asked is not well formed
    ├── InvalidAnswer          an answer does not fit what was asked
    ├── Suspending             the run is being parked for a person, and begins nothing new
    ├── WrongToken             a token is not the one that answers this question
    ├── NotFound               no such job, action, agent or session in this scope
    ├── StorageError           the store could not be read or written
    └── EventDecodeError       bytes that are not an event

Every error carries a ``code`` that is stable, says who failed and, where one is known,
the ``fix``. ``ErrorInfo`` is the same as a value: it is what events, job rows and results keep.

``ProviderError.answered`` makes an error of any HTTP answer that refuses a request;
``ErrorCategory.of_status`` and ``retry_after_in`` are what it goes by.
"""

from __future__ import annotations

from steer.errors._categories import ErrorCategory
from steer.errors._retry_headers import retry_after_in
from steer.errors._tree import (
    ActionClosed,
    ActionExpired,
    AgentError,
    BudgetExceeded,
    ConfigError,
    Conflict,
    DeadlineExceeded,
    Diverged,
    ErrorInfo,
    EventDecodeError,
    IdempotencyConflict,
    Interrupted,
    InvalidAnswer,
    InvalidQuestion,
    InvalidTransition,
    NotFound,
    OutcomeUnknown,
    PluginError,
    PolicyDenied,
    ProviderError,
    Released,
    RuntimeFailure,
    SessionBusy,
    StaleFence,
    SteerError,
    StorageError,
    Suspending,
    WrongToken,
)

__all__ = [
    "ActionClosed",
    "ActionExpired",
    "AgentError",
    "BudgetExceeded",
    "ConfigError",
    "Conflict",
    "DeadlineExceeded",
    "Diverged",
    "ErrorCategory",
    "ErrorInfo",
    "EventDecodeError",
    "IdempotencyConflict",
    "Interrupted",
    "InvalidAnswer",
    "InvalidQuestion",
    "InvalidTransition",
    "NotFound",
    "OutcomeUnknown",
    "PluginError",
    "PolicyDenied",
    "ProviderError",
    "Released",
    "RuntimeFailure",
    "SessionBusy",
    "StaleFence",
    "SteerError",
    "StorageError",
    "Suspending",
    "WrongToken",
    "retry_after_in",
]
