"""Keep of refused jobs the names of their fields, and none of their values: they may be secret."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_AT_ONCE = 500


def upgrade() -> None:
    """Leave the names of what is kept already."""
    connection = op.get_bind()
    jobs = sa.table("rejected_jobs", sa.column("id"), sa.column("payload", sa.JSON(none_as_null=True)))
    last = 0
    while True:
        query = sa.select(jobs).where(jobs.c.payload.is_not(None), jobs.c.id > last)
        rows = connection.execute(query.order_by(jobs.c.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id
        statement = sa.update(jobs).where(jobs.c.id == sa.bindparam("of"))
        changes = [{"of": row.id, "kept": _names(row.payload)} for row in rows]
        connection.execute(
            statement.values(payload=sa.bindparam("kept", type_=sa.JSON(none_as_null=True))), changes
        )


def _names(payload: Any) -> dict[str, list[str]] | None:
    if not isinstance(payload, dict):
        return None
    variables = payload.get("variables")
    named = {"fields": payload, "variables": variables if isinstance(variables, dict) else {}}
    return {part: sorted(name for name in names if name.isidentifier()) for part, names in named.items()}
