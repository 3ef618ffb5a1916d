"""Keep contacts' property names as Mailjet does: in lower case."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_PAGE = 1000


def upgrade() -> None:
    """Page by page; a value under two spellings is the one that is written in lower case already."""
    contacts = sa.table(
        "mailjet_contacts",
        sa.column("email", sa.String),
        sa.column("properties", sa.JSON),
        sa.column("told_names", sa.JSON),
    )
    connection = op.get_bind()
    after = ""
    while True:
        rows = connection.execute(
            sa.select(contacts).where(contacts.c.email > after).order_by(contacts.c.email).limit(_PAGE)
        ).all()
        for email, properties, names in rows:
            spelled = sorted(properties.items(), key=lambda one: one[0].islower())
            lowered = {name.lower(): value for name, value in spelled}
            told = sorted({name.lower() for name in names})
            if (lowered, told) != (properties, names):
                change = contacts.update().where(contacts.c.email == email)
                connection.execute(change.values(properties=lowered, told_names=told))
        if len(rows) < _PAGE:
            return
        after = rows[-1].email
