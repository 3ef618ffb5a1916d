"""The suppression list as a person's tool: what it refuses, what it shows, and what lifting does at Mailjet."""

from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from mailworker import suppressions_by_hand
from mailworker.errors import BadInput, Refused
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.switched_off_kinds import switch_off
from mailworker.mailjet.contact_calls import ListAction
from mailworker.suppressions_by_hand import Suppressions
from tests.rows import NOW, STRICT, after

ZOE, BEFORE = "zoe@x.example", after(-60)


@pytest.fixture
def tool(ledger, monkeypatch):
    """The tool over a Mailjet that knows `places` of one contact, lists by name, and keeps what is done."""
    at_mailjet = SimpleNamespace(
        known=True, places=[], lists={"crm": 1, "crm-billing": 2, "other": 3}, done=[]
    )

    def contact_at(api, email):
        api.take()
        return SimpleNamespace(id=9) if at_mailjet.known else None

    def list_recipients_of(api, number):
        api.take()
        assert number == 9
        return [SimpleNamespace(list_id=id_, unsubscribed=gone) for id_, gone in at_mailjet.places]

    def list_ids(api):
        api.take()
        return at_mailjet.lists

    def manage_contact(api, list_id, contact, *, action):
        api.take()
        at_mailjet.done.append(("gateway", list_id, contact.email, action))

    for one in (contact_at, list_recipients_of, list_ids, manage_contact):
        monkeypatch.setattr(suppressions_by_hand, one.__name__, one)
    monkeypatch.setattr(suppressions_by_hand, "lists_of", lambda connection, name: ["", "billing"])
    calls = []
    names = {"": "crm", "billing": "crm-billing"}
    api = SimpleNamespace(take=lambda: calls.append(1))
    made = Suppressions(ledger, api, names.__getitem__, lambda: NOW)
    made.at_mailjet, made.calls, made.ledger = at_mailjet, calls, ledger
    return made


def put(tool, reason, email=ZOE, at=BEFORE):
    with tool.ledger.write() as connection:
        suppress(connection, email, reason=reason, source="webhook", now=at)


def listed(tool, email=ZOE):
    with tool.ledger.read() as connection:
        return suppressed(connection, [email]).get(email)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"email": "nobody"}, "address: is not an e-mail address"),
        ({"why": ""}, "why: say in 1 to 500 characters why"),
        ({"why": " \n "}, "why: say in 1 to 500"),
        ({"why": "x" * 501}, "why: say in 1 to 500"),
        ({"by": " "}, "by: say who does this"),
        ({"reason": "spam"}, "reason: write one of blocked, unsubscribed"),
    ],
)
def test_what_is_refused(tool, given, said):
    whole = {"email": ZOE, "why": "w", "by": "ana", "reason": "blocked"} | given
    with pytest.raises(BadInput, match=said):
        tool.add(whole.pop("email"), **whole)
    assert tool.latest() == []


def test_who_was_listed_by_hand_is_shown_with_who_and_why(tool):
    tool.add("Zoe@X.example", why=f" {'x' * 500} ", by=" ana ")
    tool.add("paul@x.example", why="w", by="bo", reason="unsubscribed")
    put(tool, "spam", "third@x.example", NOW)
    found = tool.show(ZOE)
    assert (found["address"], found["entry"]["reason"], found["entry"]["since"]) == (ZOE, "blocked", NOW)
    assert (found["entry"]["added_by"], found["entry"]["why"]) == ("ana", "x" * 500)
    assert (list(found["stopped"]), found["switched_off"]) == (["service", "campaign"], [])
    assert [(one["what"], one["changed_by"]) for one in found["changes"]] == [("added", "ana")]
    assert list(tool.show("paul@x.example")["stopped"]) == ["campaign"]
    assert tool.show("nobody@x.example")["entry"] is None
    assert len(tool.latest(limit=2)) == 2
    assert [one["email"] for one in tool.latest(reason="unsubscribed")] == ["paul@x.example"]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("hard_bounce", "preblocked"), ("preblocked", "for some weeks"), ("soft_bounces", "for a while"),
        ("spam", "only its support takes that back"), ("blocked", None), ("unsubscribed", None),
    ],
)  # fmt: skip
def test_lifting_says_what_mailjet_goes_on_refusing(tool, reason, advice):
    put(tool, reason)
    tool.at_mailjet.known = False
    done = tool.lift(ZOE, why="w", by="ana")
    assert (done.reason, done.resubscribed, len(done.advice)) == (reason, 0, int(advice is not None))
    assert advice is None or advice in done.advice[0]
    assert (listed(tool), len(tool.calls)) == (None, 1)


@pytest.mark.parametrize(
    ("places", "back", "elsewhere", "calls"),
    [
        ([], [], 0, 2),
        ([(1, False), (3, False)], [], 0, 2),
        ([(1, True), (2, False)], [1], 0, 4),
        ([(1, True), (2, True), (3, True)], [1, 2], 1, 5),
        ([(3, True), (7, True)], [], 2, 3),
    ],
)
def test_lifting_subscribes_again_to_our_lists_alone(tool, places, back, elsewhere, calls):
    put(tool, "unsubscribed")
    tool.at_mailjet.places = places
    done = tool.lift(ZOE, why="w", by="ana")
    assert sorted(tool.at_mailjet.done) == [("gateway", one, ZOE, ListAction.RESUBSCRIBE) for one in back]
    assert (done.resubscribed, len(tool.calls)) == (len(back), calls)
    lists = "list" if elsewhere == 1 else "lists"
    expected = [f"It stays unsubscribed from {elsewhere} {lists} at Mailjet"] if elsewhere else []
    assert [one.partition(" beside")[0] for one in done.advice] == expected


def test_who_is_not_listed_cannot_be_lifted(tool):
    with pytest.raises(BadInput, match="is not on the suppression list; mailworker suppressions list"):
        tool.lift(ZOE, why="w", by="ana")
    assert tool.calls == []


def test_where_mailjet_fails_the_address_is_lifted_here_already(tool, monkeypatch):
    put(tool, "spam")

    def refused(*_, **__):
        raise Refused("no", code="401")

    monkeypatch.setattr(suppressions_by_hand, "contact_at", refused)
    with pytest.raises(Refused):
        tool.lift(ZOE, why="w", by="ana")
    assert listed(tool) is None


def test_an_owners_own_word_takes_back_what_they_switched_off(tool):
    with pytest.raises(BadInput, match="its owner has switched no kind of mail off"):
        tool.opt_in(ZOE, why="w", by="ana")
    with tool.ledger.write() as connection:
        switch_off(connection, {(ZOE, STRICT): after(-60)})
    assert tool.show(ZOE)["switched_off"] == [STRICT]
    assert tool.opt_in(ZOE, why="w", by="ana") == 1
    found = tool.show(ZOE)
    assert (found["switched_off"], [one["changed_by"] for one in found["changes"]]) == ([], ["ana"])


@pytest.mark.parametrize("left_out", [False, True])
def test_who_unsubscribed_at_mailjet_alone_is_lifted_too_and_pushed_again(tool, left_out):
    contact = {
        "email": ZOE, "name": "", "properties": {}, "lists": [], "fingerprint": "f", "told": "f", "told_lists": [],
        "told_names": [], "told_excluded": False, "left_out": left_out, "state": "in_step", "task": "tell", "audience": "a",
        "batch_limit": 1000, "due_at": BEFORE, "tries": 0, "changed_at": BEFORE,
        "unsubscribed_at": None if left_out else BEFORE,
    }  # fmt: skip
    with tool.ledger.write() as connection:
        connection.execute(insert(mailjet_contacts).values(contact))
    lifted = tool.lift(ZOE, why="w" * 500, by="ana")
    assert (lifted.reason, lifted.resubscribed, lifted.advice) == ("unsubscribed", 0, ())
    with tool.ledger.read() as connection:
        (now,) = connection.execute(select(mailjet_contacts)).mappings()
    assert (now["unsubscribed_at"], now["left_out"], now["state"], now["due_at"]) == (
        None,
        False,
        "pending",
        NOW,
    )
    with pytest.raises(BadInput, match="is not on the suppression list"):
        tool.lift(ZOE, why="w", by="ana")
