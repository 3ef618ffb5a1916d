"""The suppression list as an operator's tool, with Mailjet behind it."""

import pytest

from mailworker.errors import BadInput
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.switched_off_kinds import switch_off
from mailworker.suppressions_by_hand import Suppressions
from tests.integration.contact_container import contact_container
from tests.integration.test_campaign_guard import put, tell

pytestmark = pytest.mark.integration


@pytest.fixture
def container(tmp_path, mailjet):
    with contact_container(tmp_path, mailjet=mailjet) as one:
        for number in range(2):
            put(one, number)
        one.work()
        yield one


@pytest.fixture
def tool(container):
    names = container.settings.list_name
    return Suppressions(container.ledger, container.gateway, names, container.clock)


def reason_of(container, email):
    with container.ledger.read() as connection:
        return suppressed(connection, [email]).get(email)


def test_an_address_is_added_shown_and_lifted_with_who_and_why(container, tool):
    tool.add("P0@Example.com", why="he threatens to sue", by="marta")
    found = tool.show("p0@example.com")
    assert (found["entry"]["reason"], found["entry"]["added_by"], found["entry"]["why"]) == (
        "blocked",
        "marta",
        "he threatens to sue",
    )
    assert set(found["stopped"]) == {"service", "campaign"}
    container.work()
    assert container.mailjet.world.contacts.find("p0@example.com").excluded
    container.clock.forward(60)
    assert tool.lift("p0@example.com", why="he withdrew", by="jo").reason == "blocked"
    container.work()
    assert not container.mailjet.world.contacts.find("p0@example.com").excluded
    changes = tool.show("p0@example.com")["changes"]
    assert [(one["what"], one["changed_by"], one["why"]) for one in changes] == [
        ("added", "marta", "he threatens to sue"),
        ("lifted", "jo", "he withdrew"),
    ]
    assert tool.latest() == []


def test_who_unsubscribed_at_mailjet_is_subscribed_again_and_a_look_does_not_undo_it(container, tool):
    book = container.mailjet.world.contacts
    one = book.find("p0@example.com")
    for joined in book.memberships_of(one):
        book.act(one, joined.list_id, "unsub", container.clock())
    container.look()
    assert reason_of(container, "p0@example.com") == "unsubscribed"
    container.clock.forward(60)
    done = tool.lift("p0@example.com", why="she asked", by="jo")
    assert (done.reason, done.resubscribed, done.advice) == ("unsubscribed", 2, ())
    assert container.lists("p0@example.com") == {"OmniCRM": False, "OmniCRM billing": False}
    container.work()
    container.look()
    assert reason_of(container, "p0@example.com") is None


@pytest.mark.parametrize(
    ("word", "fields", "said"),
    [
        ("spam", {}, "only its support takes that back"),
        (
            "bounce",
            {"hard_bounce": True, "error_related_to": "recipient", "error": "user unknown"},
            "preblocked",
        ),
    ],
)
def test_what_mailjet_blocks_by_itself_is_told(container, tool, word, fields, said):
    tell(container, word, "p0@example.com", **fields)
    container.clock.forward(60)
    assert said in " ".join(tool.lift("p0@example.com", why="it works again", by="jo").advice)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda tool: tool.add("nobody", why="x", by="y"), "address: is not an e-mail address"),
        (lambda tool: tool.add("a@b.fr", why=" ", by="y"), "why: say"),
        (lambda tool: tool.add("a@b.fr", why="x", by=""), "by: say who"),
        (lambda tool: tool.add("a@b.fr", why="x", by="y", reason="spam"), "reason: write one of"),
        (lambda tool: tool.lift("a@b.fr", why="x", by="y"), "address: is not on the suppression list"),
    ],
)
def test_what_cannot_be_done_is_said(tool, call, said):
    with pytest.raises(BadInput, match=said):
        call(tool)
    assert tool.latest() == []


def test_what_its_owner_switched_off_is_shown_and_taken_back(container, tool):
    with container.ledger.write() as connection:
        switch_off(connection, {("p0@example.com", "alerts"): container.clock()})
    assert tool.show("P0@example.com")["switched_off"] == ["alerts"]
    assert tool.opt_in("P0@example.com", why="asks for it", by="jo") == 1
    found = tool.show("p0@example.com")
    assert (found["switched_off"], found["changes"][-1]["what"]) == ([], "opted_in")
    with pytest.raises(BadInput, match="switched no kind of mail off"):
        tool.opt_in("p0@example.com", why="asks for it", by="jo")
