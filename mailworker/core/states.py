"""The states of a message, and the one table of moves between them."""

from enum import StrEnum


class State(StrEnum):
    """Where a message stands. The ledger writes these words; operators read them."""

    ACCEPTED = "accepted"
    RENDERING = "rendering"
    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    HELD = "held"


S = State

#: From each state, where a message may go. Anything not listed is refused by the ledger. Whatever waits may
#: turn out to be sent: Mailjet may prove that it took an earlier try.
MOVES: dict[State, frozenset[State]] = {
    S.ACCEPTED: frozenset(
        {S.RENDERING, S.READY, S.SENT, S.SUPPRESSED, S.HELD, S.EXPIRED, S.CANCELLED, S.FAILED}
    ),
    S.RENDERING: frozenset({S.READY, S.SENT, S.FAILED, S.ACCEPTED}),
    S.READY: frozenset({S.SENDING, S.SENT, S.EXPIRED, S.CANCELLED, S.SUPPRESSED, S.HELD, S.FAILED}),
    S.SENDING: frozenset(
        {S.SENT, S.READY, S.ACCEPTED, S.UNKNOWN, S.FAILED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED, S.HELD}
    ),
    S.UNKNOWN: frozenset({S.SENT, S.READY, S.FAILED}),
    S.HELD: frozenset({S.READY, S.ACCEPTED, S.SENT, S.CANCELLED}),
    S.FAILED: frozenset({S.READY, S.ACCEPTED, S.CANCELLED, S.SENT}),
    S.SENT: frozenset(),
    S.SUPPRESSED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}

#: Nothing more will happen to these by itself.
FINAL: frozenset[State] = frozenset({S.SENT, S.FAILED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED})

#: The counts add up when every accepted message is in FINAL or in WAITING.
WAITING: frozenset[State] = frozenset(State) - FINAL


def may_move(old: State, new: State) -> bool:
    """Whether the table allows this move."""
    return new in MOVES[old]
