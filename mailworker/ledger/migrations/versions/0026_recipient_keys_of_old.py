"""Messages of before 0024 get their recipient key: a caller's key that is used again mails nobody twice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from mailworker.core.message import Address
from mailworker.rules.job.idempotency_key import recipient_key

revision = "0026"
down_revision = "0025"

_AT_ONCE = 1000
_CAMPAIGNS, _COPY = ("campaign:", "campaign-test:"), "#again"
_COLUMNS = ("id", "idempotency_key", "to_email", "recipient_key")
_MESSAGES = sa.table("messages", *(sa.column(name) for name in _COLUMNS))
_C = _MESSAGES.c


def upgrade() -> None:
    """Fill the column, page by page. Of two messages of one recipient key the first by id keeps it."""
    connection, last = op.get_bind(), ""
    while True:
        query = sa.select(_C.id, _C.idempotency_key, _C.to_email).where(
            _C.recipient_key.is_(None),
            _C.to_email.is_not(None),
            _C.idempotency_key != _C.id,  # the caller gave a key
            _C.id > last,
        )
        rows = connection.execute(query.order_by(_C.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id
        _fill(connection, {row.id: _key_of(row.id, row.idempotency_key, row.to_email) for row in rows})


def _fill(connection: Connection, found: dict[str, str | None]) -> None:
    first: dict[str, str] = {}
    for id_, key in found.items():
        if key is not None:
            first.setdefault(key, id_)
    taken = set(connection.execute(sa.select(_C.recipient_key).where(_C.recipient_key.in_(first))).scalars())
    changes = [{"of": id_, "to": key} for key, id_ in first.items() if key not in taken]
    if changes:
        statement = sa.update(_MESSAGES).where(_C.id == sa.bindparam("of"))
        connection.execute(statement.values(recipient_key=sa.bindparam("to")), changes)


def _key_of(id_: str, key: str, email: str) -> str | None:
    """Of a job to several people each message's key ends with its recipient, so its id is what is wanted."""
    if key.startswith(_CAMPAIGNS) or key.endswith(_COPY):
        return None
    _, hash_sign, end = key.rpartition("#")
    return id_ if hash_sign and "@" in end else recipient_key(key, Address(email))
