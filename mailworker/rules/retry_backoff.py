"""How long until a failed message is tried again: exponential, with jitter."""

from datetime import timedelta

#: Nobody is tried again sooner than this, however the dice fall.
SOONEST = timedelta(seconds=1)


def backoff(attempts: int, *, base: timedelta, cap: timedelta, chance: float) -> timedelta:
    """The pause after the nth failed attempt: exponential with full jitter.

    The longest pause doubles from `base` with each attempt up to `cap`; `chance`, evenly spread over 0 to 1,
    is how much of it to wait, so that messages which failed together do not come back together.
    """
    doublings = min(max(attempts - 1, 0), 30)
    longest = min(cap, base * (1 << doublings))
    return max(SOONEST, longest * chance)
