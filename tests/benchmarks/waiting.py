"""Filling the ledger past the workers: final rows and waiting ones, in bulk SQL, with ids as random as ours."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from mailworker.ledger import Ledger
from tests.benchmarks.local_servers import BULK

#: Rows in one statement; a whole million in one would need its sort space at once.
_AT_ONCE = 100_000


@dataclass(frozen=True)
class _Words:
    """What the two databases say differently."""

    numbers: str
    id: str
    now: str


_SQLITE = _Words(
    "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) ",
    "lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) || '-' || substr(h, 17, 4)"
    " || '-' || substr(h, 21))",
    "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 hour')",
)
_POSTGRES = _Words(
    "WITH n(i) AS (SELECT generate_series(CAST(:first AS int), CAST(:last AS int))) ",
    "h",
    "now() - interval '1 hour'",
)


def fill(ledger: Ledger, count: int, *, state: str, tag: str, bytes_each: int = 1_000) -> None:
    """Add so many bulk messages in this state, with the timeline and, where sent, the attempt of each."""
    for first in range(0, count, _AT_ONCE):
        with ledger.write() as connection:
            _fill(
                connection, first, min(first + _AT_ONCE, count) - 1, state=state, tag=tag, weight=bytes_each
            )


def _fill(connection: Connection, first: int, last: int, *, state: str, tag: str, weight: int) -> None:
    lite = connection.dialect.name == "sqlite"
    words = _SQLITE if lite else _POSTGRES
    random = "hex(randomblob(16))" if lite else "gen_random_uuid()::text"
    sent = state == "sent"
    values = {"first": first, "last": last, "state": state, "tag": tag, "kind": BULK, "weight": weight}
    connection.execute(
        text(
            f"{words.numbers}, r(i, h) AS (SELECT i, {random} FROM n) "
            "INSERT INTO messages (id, idempotency_key, fingerprint, kind, lane, language, to_email, to_name,"
            " variables, recipients, content_bytes, batch_limit, state, not_before, attempts, lookups,"
            " mailjet_id, mailjet_uuid, accepted_at, changed_at) "
            f"SELECT {words.id}, CAST(:tag AS varchar) || '-' || i, {words.id}, :kind, 2, 'fr',"
            " CAST(:tag AS varchar) || i || '@example.com', 'Ana Moreau',"
            """ '{"first_name": "Ana", "offer": "Fibre 2 Gb/s"}',"""
            f" 1, :weight, 50, :state, {words.now}, {int(sent)}, 0,"
            f" {'i + 1000000' if sent else 'NULL'}, {words.id if sent else 'NULL'}, {words.now}, {words.now} FROM r"
        ),
        values,
    )
    # What belongs to each of them, found by the key just written.
    mine = "FROM messages WHERE idempotency_key = CAST(:tag AS varchar) || '-' || n.i"
    few = {"first": first, "last": last, "tag": tag}
    for what in ("accepted", "sent") if sent else ("accepted",):
        connection.execute(
            text(
                f"{words.numbers} INSERT INTO timeline (message_id, at, what) "
                f"SELECT (SELECT id {mine}), {words.now}, '{what}' FROM n"
            ),
            few,
        )
    if sent:
        connection.execute(
            text(
                f"{words.numbers} INSERT INTO attempts (message_id, call_id, started_at, finished_at, outcome) "
                f"SELECT (SELECT id {mine}), 'call-' || n.i / 50, {words.now}, {words.now}, 'sent' FROM n"
            ),
            few,
        )


def states(ledger: Ledger) -> dict[str, int]:
    """How many messages stand where."""
    with ledger.read() as connection:
        rows = connection.execute(text("SELECT state, count(*) FROM messages GROUP BY state"))
        return dict(rows.tuples().all())
