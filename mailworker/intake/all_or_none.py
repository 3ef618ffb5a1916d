"""A job to several people is taken whole, or refused whole."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from mailworker.ledger.insert_messages import Acceptance, AcceptVerdict, accept, take_back


def accept_whole(
    connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime, calls: Sequence[int]
) -> list[Acceptance]:
    """Write the rows; where one of a call is refused, none of that call is written."""
    together = accept(connection, rows, now)
    if not _in_part(calls, together):
        return together
    take_back(connection, [one.message_id for one in together if one.verdict is AcceptVerdict.NEW])
    acceptances: list[Acceptance] = []
    for _, numbered in groupby(range(len(rows)), key=calls.__getitem__):
        given = accept(connection, [rows[position] for position in numbered], now)
        if why := _in_part([0] * len(given), given):
            new = [one.message_id for one in given if one.verdict is AcceptVerdict.NEW]
            take_back(connection, new)
            refused = Acceptance(why, AcceptVerdict.CONFLICT)
            given = [refused if one.message_id in new else one for one in given]
        acceptances += given
    return acceptances


def _in_part(calls: Sequence[int], acceptances: Sequence[Acceptance]) -> str:
    """The message that stands in the way of a call of which others were written; empty where none is so."""
    pairs = list(zip(calls, acceptances, strict=True))
    new = {call for call, one in pairs if one.verdict is AcceptVerdict.NEW}
    in_the_way = (one for call, one in pairs if call in new and one.verdict is AcceptVerdict.CONFLICT)
    return next((one.message_id for one in in_the_way), "")
