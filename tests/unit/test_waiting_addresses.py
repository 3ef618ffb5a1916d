"""Former addresses that wait for another's row at Mailjet: whom they wait for once that row goes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry, wait_for_another

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
GONE, HEIR = "gone@x.example", "heir@x.example"


def entry(email, **own):
    known = {"email": email, "name": "", "properties": {}, "lists": [], "excluded": None, "fingerprint": "f"}
    return new_entry(**known, task="put", audience="a", due_at=NOW, changed_at=NOW, **own)


@pytest.mark.parametrize(
    ("before", "heir", "after"),
    [
        ((GONE, "waiting"), HEIR, (HEIR, "waiting")),
        ((GONE, "called"), HEIR, (HEIR, "called")),
        ((GONE, "waiting"), None, (None, "pending")),
        ((GONE, "called"), None, (None, "called")),
        (("another@x.example", "waiting"), HEIR, ("another@x.example", "waiting")),
        (("another@x.example", "waiting"), None, ("another@x.example", "waiting")),
        ((None, "pending"), HEIR, (None, "pending")),
    ],
)
def test_who_waits_for_an_address_that_goes(ledger, before, heir, after):
    with ledger.write() as connection:
        add_entries(connection, [entry("former@x.example", waits_for=before[0], state=before[1])])
        wait_for_another(connection, GONE, heir)
        columns = mailjet_contacts.c.waits_for, mailjet_contacts.c.state
        assert tuple(connection.execute(select(*columns)).one()) == after


def test_an_heir_never_waits_for_itself(ledger):
    with ledger.write() as connection:
        add_entries(connection, [entry(HEIR, waits_for=GONE, state="waiting")])
        wait_for_another(connection, GONE, HEIR)
        assert connection.execute(select(mailjet_contacts.c.waits_for)).scalar() == GONE
