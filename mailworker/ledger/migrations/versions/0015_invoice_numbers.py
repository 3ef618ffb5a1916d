"""Find messages by the number of an invoice, those of before included."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_NUMBER = {
    "sqlite": "coalesce(json_extract(invoice, '$.invoice_number'), "
    "json_extract(variables, '$.invoice_number'))",
    "postgresql": "coalesce(invoice ->> 'invoice_number', variables ->> 'invoice_number')",
}


def upgrade() -> None:
    """Add the numbers, and fill in those that messages have."""
    op.create_table(
        "invoice_numbers",
        sa.Column("number", sa.String(120), primary_key=True),
        sa.Column("message_id", sa.String(36), primary_key=True),
    )
    op.create_index("invoice_numbers_message", "invoice_numbers", ["message_id"])
    number = _NUMBER[op.get_bind().dialect.name]
    op.execute(
        "INSERT INTO invoice_numbers (number, message_id) "  # noqa: S608 - our own words
        f"SELECT substr(lower({number}), 1, 120), id FROM messages WHERE {number} <> ''"
    )
