"""Options that many commands have: --json, --yes, --dry-run, --as-of, --since, and choices among words."""

import sys
from collections.abc import Collection
from datetime import UTC, datetime, tzinfo
from typing import Annotated

import typer

from mailworker.config.duration import parse_duration
from mailworker.core.calendar_range import within_calendar
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput

#: Every command that shows something takes it.
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
#: Every command that asks a person takes it, for scripts.
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]
#: Every scan can be tried out, as of any day.
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show who would get what; send nothing.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="As if it were this day or moment: 2026-11-30.")]


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def one_of(option: str, word: str, known: Collection[str]) -> str:
    """The word, if it is known or empty. Raises BadInput."""
    if word and word not in known:
        raise BadInput(f"{option}: is one of {', '.join(known)}{did_you_mean(word, known) or '.'}")
    return word


def moment_of(option: str, text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """`--since`: `2h` ago, or a day or moment of the operator's zone or its own, in UTC. Raises BadInput."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = within_calendar(datetime.fromisoformat(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{option}: write 2h, 3d, 2026-11-30 or 2026-11-30T09:00.") from None
