"""The suppression list row by row: who is on it, who comes off, and what people's own acts count."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from mailworker import suppressions_by_hand as tool_module
from mailworker.errors import BadInput
from mailworker.ledger import recipient_standings as standings_module
from mailworker.ledger import suppressions as suppressions_module
from mailworker.ledger.contact_exclusion import bar, fingerprint_of, forget_unsubscribe, note_pushed, unbar
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.recipient_standings import listings, standings, suppressed
from mailworker.ledger.suppressions import (
    add_by_hand,
    history,
    latest,
    let_pass,
    lift,
    lifted_at,
    listing_of,
    lists_of,
    opt_in,
    suppress,
    suppress_all,
    unlist,
)
from mailworker.ledger.switched_off_kinds import switch_off, switch_on, switched_off
from mailworker.ledger.tables import opt_outs, suppression_changes, suppressions
from mailworker.mailjet.contact_calls import ListAction
from mailworker.rules.contact_diff import audience_of
from mailworker.rules.pseudonym import pseudonym
from mailworker.rules.recipient_gate import Standing
from mailworker.rules.suppression_reasons import REASONS, Listing
from mailworker.suppressions_by_hand import Suppressions
from tests.rows import NOW, after

ZOE, PAUL = "zoe@x.example", "paul@x.example"


def listed(connection):
    rows = connection.execute(select(suppressions)).mappings()
    return {one["email"]: (one["reason"], one["since"], one["source"]) for one in rows}


def changes(connection):
    query = select(suppression_changes).order_by(suppression_changes.c.id)
    names = ("email", "at", "what", "reason", "why", "changed_by")
    return [tuple(one[name] for name in names) for one in connection.execute(query).mappings()]


def contact(connection, email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": after(9), "changed_at": after(-9)}
    add_entries(connection, [new_entry(email=email, **(empty | {"state": "in_step"} | more | own))])


def look(connection, email):
    found = connection.execute(select(mailjet_contacts).where(mailjet_contacts.c.email == email))
    row = found.mappings().one_or_none()
    return dict(row) if row else None


# --- getting on -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [*REASONS, "theirs"])
@pytest.mark.parametrize("then", [*REASONS, "theirs"])
@pytest.mark.parametrize("between", [False, True], ids=["before", "by another, after we looked"])
def test_a_weightier_reason_takes_the_place_of_another_and_never_the_reverse(
    connection, monkeypatch, first, then, between
):
    ranks = dict(zip(REASONS, range(len(REASONS)), strict=True)) | {"theirs": REASONS.index("hard_bounce")}
    suppress(connection, ZOE, reason=first, source="s1", now=NOW)
    if between:
        monkeypatch.setattr(suppressions_module, "listings", lambda *_: {})
    suppress(connection, ZOE, reason=then, source="s2", now=after(5))
    kept = listed(connection)[ZOE]
    if ranks[then] > ranks[first] or (between and ranks[then] == ranks[first]):
        assert kept == (then, after(5), "s2")
    elif ranks[then] < ranks[first]:
        assert kept == (first, NOW, "s1")


@pytest.mark.parametrize(("reason", "since"), [("soft_bounces", after(5)), ("spam", NOW)])
def test_a_passing_trouble_is_dated_by_its_last_sight_and_a_word_by_its_first(connection, reason, since):
    suppress(connection, ZOE, reason=reason, source="s", now=NOW)
    suppress(connection, ZOE, reason=reason, source="s", now=after(5))
    assert listed(connection)[ZOE] == (reason, since, "s")


def test_however_it_is_written_an_address_is_one(connection):
    suppress(connection, "Zoe@X.Example", reason="spam", source="s", now=NOW)
    assert listed(connection) == {ZOE: ("spam", NOW, "s")}
    assert suppressed(connection, ["ZOE@x.example", PAUL]) == {ZOE: "spam"}


@pytest.mark.parametrize(("since", "counts"), [(after(-1), False), (NOW, False), (after(1), True)])
def test_what_happened_before_an_address_was_lifted_lists_it_no_more(connection, since, counts):
    suppress(connection, ZOE, reason="spam", source="s", now=after(-9))
    assert lift(connection, "Zoe@x.example", why="w", by="b" * 200, now=NOW) == "spam"
    assert listed(connection) == {}
    suppress_all(
        connection, {ZOE: Listing("spam", since, "s"), PAUL: Listing("spam", since, "s")}, now=after(9)
    )
    assert (ZOE in listed(connection), PAUL in listed(connection)) == (counts, True)
    assert changes(connection) == [(ZOE, NOW, "lifted", "spam", "w", "b" * 100)]


def test_by_hand_an_address_is_listed_whatever_was_lifted(connection):
    suppress(connection, ZOE, reason="spam", source="s", now=NOW)
    lift(connection, ZOE, why="w", by="b", now=NOW)
    add_by_hand(connection, "Zoe@x.example", reason="blocked", why="asked by phone", by="c" * 101, now=NOW)
    row = listing_of(connection, ZOE)
    assert (row["reason"], row["since"], row["source"]) == ("blocked", NOW, "by hand")
    assert (row["added_by"], row["why"]) == ("c" * 100, "asked by phone")
    assert changes(connection)[1:] == [(ZOE, NOW, "added", "blocked", "asked by phone", "c" * 100)]
    suppress(connection, ZOE, reason="spam", source="s2", now=after(1))
    assert listing_of(connection, ZOE)["added_by"] is None


# --- who is on it -----------------------------------------------------------------------------------------


def test_an_erased_address_is_listed_under_its_stand_in(connection):
    suppress(connection, pseudonym(ZOE), reason="hard_bounce", source="s", now=NOW)
    assert suppressed(connection, [ZOE, PAUL]) == {ZOE: "hard_bounce"}
    assert listing_of(connection, ZOE)["reason"] == "hard_bounce"
    assert listing_of(connection, PAUL) is None
    assert set(listings(connection, [ZOE, pseudonym(ZOE)])) == {pseudonym(ZOE)}
    suppress(connection, ZOE, reason="unsubscribed", source="s", now=NOW)
    assert suppressed(connection, [ZOE]) == {ZOE: "hard_bounce"}, "the weightier of both"
    assert lift(connection, ZOE, why="w", by="b", now=NOW) == "hard_bounce"
    assert listed(connection) == {}


def test_many_addresses_are_asked_about_in_parts(connection, monkeypatch):
    for module in (suppressions_module, standings_module):
        monkeypatch.setattr(module, "_AT_ONCE", 2)
    names = [f"m{n}@x.example" for n in range(5)]
    for name in names:
        suppress(connection, name, reason="spam", source="s", now=NOW)
        lift(connection, name, why="w", by="b", now=NOW)
        suppress(connection, name, reason="spam", source="s", now=after(1))
    assert suppressed(connection, names) == dict.fromkeys(names, "spam")
    assert lifted_at(connection, names) == dict.fromkeys(names, NOW)
    assert {one.suppressed for one in standings(connection, names).values()} == {"spam"}


@pytest.mark.parametrize(
    ("own", "standing"),
    [
        ({}, {"lists": frozenset({"a", "b"})}),
        ({"unsubscribed_at": NOW}, {"lists": frozenset({"a", "b"}), "unsubscribed": True}),
        ({"left_out": True}, {"lists": frozenset({"a", "b"}), "left_out": True}),
        ({"excluded": True}, {"lists": frozenset({"a", "b"}), "consents": False}),
        ({"excluded": False}, {"lists": frozenset({"a", "b"}), "consents": True}),
        ({"task": "erase"}, {}),
        ({"task": "move"}, {"lists": frozenset({"a", "b"})}),
    ],
)
def test_what_is_known_of_a_contact(connection, own, standing):
    contact(connection, ZOE, **({"lists": ["a", "b"]} | own))
    found = standings(connection, ["Zoe@X.example", PAUL])
    assert found == {ZOE: Standing(**standing), PAUL: Standing()}


def test_kinds_that_were_switched_off_stand_with_the_rest(connection):
    suppress(connection, ZOE, reason="unsubscribed", source="s", now=NOW)
    switch_off(connection, {(ZOE, "k1"): NOW, (ZOE, "k2"): NOW, (PAUL, "k1"): NOW})
    found = standings(connection, [ZOE, PAUL, "max@x.example"])
    assert found[ZOE] == Standing(suppressed="unsubscribed", switched_off=frozenset({"k1", "k2"}))
    assert found[PAUL] == Standing(switched_off=frozenset({"k1"}))
    assert found["max@x.example"] == Standing()


# --- getting off ------------------------------------------------------------------------------------------


def test_only_who_is_there_for_this_reason_is_taken_off(connection):
    suppress(connection, ZOE, reason="soft_bounces", source="s", now=NOW)
    suppress(connection, PAUL, reason="spam", source="s", now=NOW)
    suppress(connection, "max@x.example", reason="soft_bounces", source="s", now=NOW)
    unlist(connection, ["Zoe@x.example", PAUL], "soft_bounces", now=NOW)
    assert set(listed(connection)) == {PAUL, "max@x.example"}
    assert changes(connection) == [], "nobody did it by hand"


@pytest.mark.parametrize(
    ("reason", "since", "stays"),
    [
        ("soft_bounces", after(-1), False),
        ("soft_bounces", NOW, True),
        ("spam", after(-1), True),
        ("preblocked", after(-1), False),
    ],
)
def test_a_trouble_that_passed_leaves_the_list(connection, reason, since, stays):
    suppress(connection, ZOE, reason=reason, source="s", now=since)
    let_pass(connection, ("soft_bounces", "preblocked"), before=NOW, now=NOW)
    assert (ZOE in listed(connection)) is stays


def test_who_is_not_on_the_list_cannot_be_taken_off(connection):
    suppress(connection, PAUL, reason="spam", source="s", now=NOW)
    assert lift(connection, ZOE, why="w", by="b", now=NOW) is None
    assert changes(connection) == []
    assert set(listed(connection)) == {PAUL}


def test_kinds_are_switched_on_again_by_hand_once(connection):
    switch_off(connection, {(ZOE, "k1"): NOW, (pseudonym(ZOE), "k2"): NOW, (PAUL, "k1"): NOW})
    switch_off(connection, {(ZOE, "k1"): after(9)})
    switch_off(connection, {})
    assert sorted(tuple(one) for one in connection.execute(select(opt_outs))) == sorted(
        [(pseudonym(ZOE), "k1", NOW), (pseudonym(ZOE), "k2", NOW), (pseudonym(PAUL), "k1", NOW)]
    )
    assert switched_off(connection, ["Zoe@X.example"]) == {ZOE: frozenset({"k1", "k2"})}
    assert opt_in(connection, "Zoe@X.example", why="w", by="b" * 101, now=after(1)) == 2
    assert opt_in(connection, ZOE, why="w", by="b", now=after(2)) == 0
    assert changes(connection) == [(ZOE, after(1), "opted_in", "switched_off", "w", "b" * 100)]
    assert switched_off(connection, [ZOE, PAUL]) == {PAUL: frozenset({"k1"})}
    assert switch_on(connection, PAUL) == 1


def test_when_an_address_was_lifted_last_and_when_it_opted_in(connection):
    rows = [
        (ZOE, NOW, "lifted"),
        (ZOE, after(5), "lifted"),
        (ZOE, after(9), "opted_in"),
        (PAUL, after(7), "added"),
    ]
    for email, at, what in rows:
        change = {"email": email, "at": at, "what": what, "reason": "r", "why": "", "changed_by": ""}
        connection.execute(insert(suppression_changes), [change])
    assert lifted_at(connection, [ZOE, PAUL]) == {ZOE: after(5)}
    assert lifted_at(connection, [ZOE, PAUL], "opted_in") == {ZOE: after(9)}
    assert lifted_at(connection, [PAUL]) == {}


# --- as people read it ------------------------------------------------------------------------------------


def test_the_youngest_entries_come_first_of_one_reason_where_it_is_asked_for(connection):
    for email, reason, since in [("b", "spam", 1), ("a", "spam", 1), ("c", "blocked", 2), ("d", "spam", 0)]:
        suppress(connection, f"{email}@x.example", reason=reason, source="s", now=after(since))
    names = [one["email"][0] for one in latest(connection, reason="", limit=9)]
    assert names == ["c", "a", "b", "d"]
    assert [one["email"][0] for one in latest(connection, reason="", limit=2, skip=1)] == ["a", "b"]
    assert [one["email"][0] for one in latest(connection, reason="spam", limit=2)] == ["a", "b"]
    assert latest(connection, reason="soft_bounces", limit=9) == []


def test_what_people_did_about_an_address_is_told_in_its_order(connection):
    for why, at in [("second", 5), ("third", 5), ("first", 1)]:
        add_by_hand(connection, ZOE, reason="spam", why=why, by="b", now=after(at))
    add_by_hand(connection, PAUL, reason="spam", why="other", by="b", now=NOW)
    assert [one["why"] for one in history(connection, ZOE)] == ["first", "second", "third"]


def test_the_lists_of_a_contact(connection):
    contact(connection, ZOE, lists=["a"])
    assert (lists_of(connection, ZOE), lists_of(connection, PAUL)) == (["a"], [])


@pytest.mark.parametrize(
    ("own", "known", "state"),
    [
        ({"unsubscribed_at": NOW}, True, "pending"),
        ({"left_out": True}, True, "pending"),
        ({"left_out": True, "state": "refused"}, True, "pending"),
        ({"left_out": True, "state": "flying"}, True, "flying"),
        ({"left_out": True, "state": "waiting"}, True, "waiting"),
        ({}, False, "in_step"),
    ],
)
def test_mailjets_word_is_forgotten_and_mailjet_is_told(connection, own, known, state):
    contact(connection, ZOE, **own)
    contact(connection, PAUL, left_out=True)
    assert forget_unsubscribe(connection, ZOE, now=NOW) is known
    row = look(connection, ZOE)
    assert (row["state"], row["unsubscribed_at"], row["left_out"]) == (state, None, False)
    assert (row["told_excluded"], row["changed_at"] == NOW, row["due_at"] == NOW) == (known, known, known)
    assert look(connection, PAUL)["left_out"] is True


# --- what contacts hear of it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "state", "due"),
    [
        ({}, "pending", NOW),
        ({"state": "refused"}, "pending", NOW),
        ({"state": "pending"}, "pending", NOW),
        ({"state": "flying"}, "flying", after(9)),
        ({"state": "waiting"}, "waiting", after(9)),
        ({"task": "move"}, "in_step", after(9)),
        ({"task": "move", "state": "pending"}, "pending", NOW),
    ],
)
def test_mailjet_is_told_of_a_contact_on_the_list(connection, own, state, due):
    contact(connection, ZOE, name="Z", lists=["a"], properties={"p": 1}, **own)
    contact(connection, PAUL)
    bar(connection, {ZOE: "hard_bounce"}, now=NOW)
    row = look(connection, ZOE)
    assert (row["barred"], row["state"], row["due_at"], row["changed_at"]) == ("hard_bounce", state, due, NOW)
    assert row["fingerprint"] == fingerprint_of(row) != "f"
    assert look(connection, PAUL)["fingerprint"] == "f"


def test_what_is_known_already_is_told_no_more(connection):
    contact(connection, ZOE, barred="spam")
    bar(connection, {ZOE: "spam"}, now=NOW)
    assert (look(connection, ZOE)["state"], look(connection, ZOE)["changed_at"]) == ("in_step", after(-9))
    unbar(connection, [ZOE, PAUL], now=NOW)
    row = look(connection, ZOE)
    assert (row["barred"], row["state"], row["changed_at"]) == (None, "pending", NOW)
    assert look(connection, PAUL) is None


@pytest.mark.parametrize("reason", REASONS)
def test_of_a_stranger_mailjet_is_told_the_owners_own_word_only(connection, reason):
    bar(connection, {ZOE: reason, pseudonym(PAUL): reason}, now=NOW)
    own = reason in {"unsubscribed", "spam", "blocked"}
    row = look(connection, ZOE)
    assert (row is not None) is own
    assert look(connection, pseudonym(PAUL)) is None
    if own:
        names = ("name", "properties", "lists", "excluded", "barred", "task", "state", "due_at", "changed_at")
        assert tuple(row[name] for name in names) == ("", {}, [], None, reason, "bar", "pending", NOW, NOW)
        assert row["audience"] == audience_of((), ())
        assert row["fingerprint"] == fingerprint_of(row)


@pytest.mark.parametrize("number", [999, 1000, 1001])
def test_many_contacts_are_told_together(connection, number):
    emails = [f"m{n:04}@x.example" for n in range(number)]
    for email in emails:
        contact(connection, email)
    bar(connection, dict.fromkeys(emails, "spam"), now=NOW)
    assert {look(connection, email)["barred"] for email in (emails[0], emails[-1])} == {"spam"}
    assert set(connection.execute(select(mailjet_contacts.c.barred)).scalars()) == {"spam"}


def test_what_mailjet_was_told_of_these_is_noted_of_no_other(connection):
    contact(connection, ZOE)
    contact(connection, PAUL)
    note_pushed(connection, {ZOE})
    assert (look(connection, ZOE)["told_excluded"], look(connection, PAUL)["told_excluded"]) == (True, False)


def test_a_listing_bars_its_contact_and_taking_it_off_frees_it(connection):
    contact(connection, ZOE)
    suppress(connection, ZOE, reason="soft_bounces", source="s", now=NOW)
    assert look(connection, ZOE)["barred"] == "soft_bounces"
    let_pass(connection, ("soft_bounces",), before=NOW + timedelta(days=30), now=after(3))
    row = look(connection, ZOE)
    assert (row["barred"], row["due_at"]) == (None, after(3))


# --- as a person's tool -----------------------------------------------------------------------------------


@pytest.fixture
def tool(ledger, monkeypatch):
    """The list with a Mailjet of `places` (list, unsubscribed), and the resubscriptions that it was asked for."""
    at = SimpleNamespace(
        places=[], asked=[], contact=SimpleNamespace(id=7), numbers={"L-a": 1, "L-b": 2, "X": 9}
    )

    def manage(api, list_id, contact, *, action):
        assert api == "api"
        at.asked.append((list_id, contact.email, action))

    monkeypatch.setattr(tool_module, "contact_at", lambda _api, _email: at.contact)
    monkeypatch.setattr(
        tool_module,
        "list_recipients_of",
        lambda _api, id_: at.places if id_ == 7 else pytest.fail(str(id_)),
    )
    monkeypatch.setattr(tool_module, "list_ids", lambda _api: at.numbers)
    monkeypatch.setattr(tool_module, "manage_contact", manage)
    made = Suppressions(ledger, "api", lambda one: f"L-{one}", lambda: NOW)
    with ledger.write() as connection:
        contact(connection, ZOE, lists=["a", "b"], unsubscribed_at=after(-5))
    return SimpleNamespace(list=made, at=at)


def place(list_id, unsubscribed=True):
    return SimpleNamespace(list_id=list_id, unsubscribed=unsubscribed)


@pytest.mark.parametrize(
    ("places", "asked", "elsewhere"),
    [
        ([], [], 0),
        ([place(1, False), place(9, False)], [], 0),
        ([place(1), place(2, False)], [1], 0),
        ([place(1), place(2)], [1, 2], 0),
        ([place(1), place(9), place(33)], [1], 2),
        ([place(9)], [], 1),
    ],
)
def test_who_is_lifted_is_put_back_on_our_lists_and_told_of_others(tool, places, asked, elsewhere):
    tool.at.places = places
    done = tool.list.lift("Zoe@X.example", why=" she asked ", by=" jo ")
    assert sorted(tool.at.asked) == [(one, ZOE, ListAction.RESUBSCRIBE) for one in asked]
    assert (done.reason, done.resubscribed) == ("unsubscribed", len(asked))
    told = (
        [
            f"It stays unsubscribed from {elsewhere} {'list' if elsewhere == 1 else 'lists'} at Mailjet beside the CRM's"
        ]
        if elsewhere
        else []
    )
    assert [line.partition(":")[0] for line in done.advice] == told


def test_whom_mailjet_does_not_know_is_only_lifted_here(tool):
    tool.at.contact = None
    tool.at.places = [place(1)]
    assert (tool.list.lift(ZOE, why="w", by="b").resubscribed, tool.at.asked) == (0, [])


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("hard_bounce", 1), ("preblocked", 1), ("soft_bounces", 1), ("spam", 1),
        ("blocked", 0), ("unsubscribed", 0),
    ],
)  # fmt: skip
def test_what_mailjet_goes_on_refusing_by_itself_is_said(tool, ledger, reason, advice):
    with ledger.write() as connection:
        suppress(connection, PAUL, reason=reason, source="s", now=after(-9))
    done = tool.list.lift(PAUL, why="w", by="b")
    assert (done.reason, len(done.advice)) == (reason, advice)


@pytest.mark.parametrize(("why", "good"), [("x", True), ("x" * 500, True), ("x" * 501, False), ("  ", False)])
def test_a_reason_has_up_to_five_hundred_characters(tool, why, good):
    if good:
        tool.list.add(PAUL, why=f" {why} ", by=" b ")
        (change,) = tool.list.show(PAUL)["changes"]
        assert (change["why"], change["changed_by"]) == (why, "b")
    else:
        with pytest.raises(BadInput, match="in 1 to 500 characters"):
            tool.list.add(PAUL, why=why, by="b")


@pytest.mark.parametrize("by", ["", "  "])
def test_somebody_does_it(tool, by):
    with pytest.raises(BadInput, match="say who does this"):
        tool.list.add(PAUL, why="w", by=by)


def test_what_an_entry_stops_is_shown(tool):
    tool.list.add(PAUL, why="w", by="b", reason="unsubscribed")
    found = tool.list.show("Paul@X.example")
    assert (found["address"], found["entry"]["reason"], set(found["stopped"])) == (
        PAUL,
        "unsubscribed",
        {"campaign"},
    )
    assert tool.list.show("max@x.example")["stopped"].keys() == {"campaign"}, "no contact of the CRM has it"
    with pytest.raises(BadInput, match="switched no kind of mail off"):
        tool.list.opt_in(PAUL, why="w", by="b")
