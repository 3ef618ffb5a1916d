"""`mailworker stats`: how many mails became what, and how well they arrive."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailworker.cli.stats_output import KindRow
    from mailworker.core.kind import Kind


def command(
    *,
    kind: Annotated[str | None, typer.Option(help="Only this kind, with or without api_crm...")] = None,
    since: Annotated[str, typer.Option(help="How far back: 24h, 7d, 30d.")] = "30d",
    mailjet: Annotated[
        bool, typer.Option("--mailjet", help="Compare with Mailjet's own counters (one call).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
) -> None:
    """Show per kind: sent, delivered, opened, clicked, bounced, blocked, complained; and what never left.

    Counted from the ledger, by the hour in which a message came to its end. Delivered is a share of sent;
    opened, clicked and complaints are shares of delivered. Example: mailworker stats --since 7d --json
    """
    from mailworker.cli.container_context import opened
    from mailworker.cli.stats_output import compare, rows_of, show, write_csv, write_json
    from mailworker.config.duration import parse_duration
    from mailworker.core.clock import utc_now
    from mailworker.errors import BadInput
    from mailworker.ledger.statistics import roll_up, tallies

    now = utc_now()
    try:
        begin = now - parse_duration(since)
    except ValueError as fault:
        raise BadInput(f"--since: {fault}.") from None
    with opened() as container:
        wanted = _known_kind(kind, container.settings.kinds)
        with container.ledger.write() as connection:
            roll_up(connection, since=now - timedelta(hours=1), now=now)
        with container.ledger.read() as connection:
            found = tallies(connection, since=begin, until=now, kind=wanted)
        rows: list[KindRow] = rows_of(found)
        theirs = compare(container, rows, begin, now) if mailjet else None
    if as_json:
        write_json(rows, theirs)
    elif as_csv:
        write_csv(rows)
    else:
        show(rows, theirs, since)


def _known_kind(word: str | None, kinds: "Mapping[str, Kind]") -> str | None:
    from mailworker.core.nearest import did_you_mean
    from mailworker.errors import BadInput

    if word is None or word in kinds:
        return word
    matching = [name for name in kinds if name.endswith(word)]
    if len(matching) != 1:
        raise BadInput(f"--kind: there is no kind {word}{did_you_mean(word, kinds) or '.'}")
    return matching[0]
