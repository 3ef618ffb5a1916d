"""Keep SQLite from reading all contacts that wait in order to find those that are due."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let the index that counts contacts begin with their task."""
    op.drop_index("mailjet_contacts_state", "mailjet_contacts")
    op.create_index("mailjet_contacts_state", "mailjet_contacts", ["task", "state"], unique=False)
