"""After a restore: each message that Mailjet names is sent in the ledger, page by page, and nothing else is."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from mailworker.cli.message_commands import reconcile
from mailworker.cli.message_commands.reconcile import WHY, reconcile_messages
from mailworker.ledger.tables import messages, timeline
from mailworker.mailjet.message_resource import Found
from tests.doubles import settings
from tests.rows import NOW, URGENT, after, row

SECRET = {"user_name": "Zoé", "reset_url": "https://crm.example/secret"}


@pytest.fixture
def container(ledger, monkeypatch):
    """A ledger, and a Mailjet that names `pages`; what it was asked is in `asked`."""
    made = SimpleNamespace(ledger=ledger, settings=settings(), gateway="gateway", asked=[], pages=[])

    def list_between(api, since, until):
        made.asked.append((since, until))
        for page in made.pages:
            api.take()
            yield page

    monkeypatch.setattr(reconcile, "list_between", list_between)
    monkeypatch.setattr(
        reconcile, "rest_api", lambda of: SimpleNamespace(take=lambda: made.asked.append(of is made))
    )
    monkeypatch.setattr(reconcile, "utc_now", lambda: NOW)
    return made


def put(container, *rows):
    with container.ledger.write() as connection:
        for one in rows:
            connection.execute(insert(messages), [one])


def named(*ids):
    return [
        Found(custom_id=id_, message_id=number, uuid=f"u{id_}", status="sent")
        for number, id_ in enumerate(ids, 1)
    ]


@pytest.mark.parametrize("sizes", [[1], [200], [201], [3, 0, 201], []])
def test_every_message_of_every_page_is_sent(container, sizes):
    ids = [f"m{number}" for number in range(sum(sizes))]
    put(container, *(row(id_) for id_ in ids), row("not-named"))
    left = iter(ids)
    container.pages = [named(*(next(left) for _ in range(size))) for size in sizes]
    assert reconcile_messages(container, after(-60)) == (len(ids), len(ids))
    with container.ledger.read() as connection:
        states = dict(map(tuple, connection.execute(select(messages.c.id, messages.c.state))))
    assert states == {"not-named": "ready"} | dict.fromkeys(ids, "sent")
    assert container.asked == [(after(-60), NOW + timedelta(minutes=1)), *[True] * len(sizes)]
    assert reconcile_messages(container, after(-60)) == (len(ids), 0), "run again, it changes nothing"


@pytest.mark.parametrize("state", ["accepted", "ready", "failed", "unknown"])
def test_whatever_the_restored_ledger_says_mailjets_word_counts_and_secrets_go(container, state):
    put(container, row("m1", state=state, kind=URGENT, lane=0, variables=SECRET), row("m2", state="sent"))
    container.pages = [named("m1", "m2", "of another program")]
    assert reconcile_messages(container, NOW) == (3, 1)
    with container.ledger.read() as connection:
        query = select(messages).where(messages.c.id == "m1")
        found = connection.execute(query).mappings().one()
        steps = connection.execute(select(timeline.c.message_id, timeline.c.what, timeline.c.why)).all()
    assert (found["state"], found["mailjet_id"], found["mailjet_uuid"]) == ("sent", 1, "um1")
    assert "secret" not in str(found["variables"])
    assert [tuple(step) for step in steps] == [("m1", "sent", WHY)]
