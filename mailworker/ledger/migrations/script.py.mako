"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# Only where older code cannot go on: the oldest revision whose code can.
# compatible_down_to = ${repr(up_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
