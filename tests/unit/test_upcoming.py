"""What is still to leave: which messages, in which order, when each leaves and why not before."""

from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.ledger.delivery_events import DeliveryNews, delivery_news
from mailworker.ledger.holds import hold_by_hand
from mailworker.ledger.message_search import MessageFilter, list_messages
from mailworker.ledger.tables import messages, timeline
from mailworker.ledger.upcoming import UpcomingFilter, When, upcoming
from mailworker.rules.claimable_while_held import Hold
from mailworker.rules.why_it_waits import LeavingTime, leaving_time
from mailworker.web.operators_page.language import PageLanguage
from mailworker.web.operators_page.list_query import UpcomingQuery, read_upcoming_query
from mailworker.web.operators_page.upcoming import UpcomingPage
from tests.rows import NOW, STRICT, URGENT, after, row
from tests.unit.test_operators_page import Desk, request

REST = {"mailjet_id": None, "mailjet_uuid": None, "delivery": None, "reason": None}
SOON, LATER = after(600), after(3600)
BY_HAND, PROBED = Hold("*", "prices", NOW, None, 0), Hold("*", "401", NOW, SOON, 1)


@pytest.mark.parametrize(
    ("changes", "facts", "expected"),
    [
        ({}, {}, LeavingTime(None, "in its turn", "it waits for its turn to leave")),
        ({"reason": "Mailjet answered 500"}, {}, LeavingTime(None, "in its turn", "Mailjet answered 500")),
        ({"reason": "Made fit for a mail: client.name. PDF of 9 bytes, sha256 5ha"}, {}, LeavingTime(None, "in its turn", "it waits for its turn to leave")),
        ({"reason": "PDF of 9 bytes, sha256 5ha", "not_before": LATER}, {}, LeavingTime(LATER, "", "it was asked for at this time")),
        ({"state": "accepted"}, {}, LeavingTime(None, "when its invoice is ready", "its invoice is to be prepared")),
        ({}, {"outage": True}, LeavingTime(None, "when Mailjet answers again", "Mailjet is out of order")),
        ({"state": "accepted"}, {"outage": True}, LeavingTime(None, "when Mailjet answers again", "Mailjet is out of order")),
        ({"not_before": LATER}, {}, LeavingTime(LATER, "", "it was asked for at this time")),
        ({"not_before": LATER, "reason": "quiet hours"}, {"outage": True}, LeavingTime(LATER, "", "quiet hours")),
        ({}, {"hold": BY_HAND}, LeavingTime(None, "when an operator releases it", "mail is held: prices")),
        ({"not_before": LATER}, {"hold": BY_HAND}, LeavingTime(LATER, "when an operator releases it", "mail is held: prices")),
        ({}, {"hold": PROBED}, LeavingTime(SOON, "if the next try succeeds", "mail is held: 401")),
        ({"not_before": LATER}, {"hold": PROBED}, LeavingTime(LATER, "if the next try succeeds", "mail is held: 401")),
        ({"state": "held"}, {"hold": BY_HAND}, LeavingTime(None, "when its campaign goes on", "its campaign is paused")),
        ({"state": "held", "reason": "Mistake."}, {}, LeavingTime(None, "when its campaign goes on", "Mistake.")),
    ],
)  # fmt: skip
def test_when_a_message_leaves_and_why_not_before(changes, facts, expected):
    found = leaving_time(
        row() | {"reason": None} | changes, now=NOW, **{"hold": None, "outage": False} | facts
    )
    assert found == expected
    french = PageLanguage("fr")
    assert not found.until or french(found.until) != found.until
    if found.why != changes.get("reason"):
        assert french.sentence(found.why) != found.why


@pytest.fixture
def put(ledger):
    def rows(*given):
        with ledger.write() as connection:
            connection.execute(insert(messages), [row() | REST | one for one in given])

    return rows


def ids(ledger, limit=50, **wanted):
    with ledger.read() as connection:
        return [one["id"] for one in upcoming(connection, UpcomingFilter(**wanted), now=NOW, limit=limit)]


def test_each_list_has_its_messages_in_the_order_in_which_they_leave(ledger, put):
    put(
        row("b", not_before=LATER, lane=0, kind=URGENT), row("a", not_before=SOON, lane=2), row("c", state="accepted", not_before=SOON),
        row("now", lane=2), row("before", state="accepted", not_before=after(-5)), row("paused", state="held", changed_at=SOON),
        row("paused first", state="held", not_before=LATER, lane=0), *(row(state, state=state) for state in ("sent", "sending", "failed", "unknown")),
    )  # fmt: skip
    assert ids(ledger) == ["a", "c", "b"]
    assert ids(ledger, when=When.NOW) == ["before", "now"]
    assert ids(ledger, when=When.HELD) == ["paused first", "paused"]
    assert ids(ledger, lane=Lane.URGENT) == ["b"]
    assert ids(ledger, lane=Lane.NORMAL) == ["c"]
    assert ids(ledger, when=When.HELD, lane=Lane.URGENT) == ["paused first"]
    assert ids(ledger, kind=URGENT) == ["b"]
    assert ids(ledger, limit=2) == ["a", "c"]
    assert ids(ledger, when=When.HELD, limit=1) == ["paused first"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["ready", "accepted", "held"]), st.integers(0, 2), st.integers(-2, 3)),
        max_size=12,
    ),
    st.sampled_from(When),
    st.integers(1, 4),
)
def test_pages_show_every_message_once(ledger, given_rows, when, size):
    made = [
        row(f"m{n:02}", state=state, lane=lane, not_before=after(at), changed_at=after(at))
        for n, (state, lane, at) in enumerate(given_rows)
    ]
    with ledger.write() as connection:
        connection.execute(delete(messages))
        if made:
            connection.execute(insert(messages), [one | REST for one in made])
    whole = ids(ledger, when=when)
    pages, beyond = [], None
    with ledger.read() as connection:
        for _ in range(len(made) + 1):
            wanted = UpcomingFilter(when, beyond=beyond)
            rows = upcoming(connection, wanted, now=NOW, limit=size)
            if not rows:
                break
            pages += [one["id"] for one in rows]
            beyond = wanted.moment(rows[-1]), rows[-1]["id"]
    assert pages == whole
    assert len(whole) == sum(
        state == "held" if when is When.HELD else state != "held" and (at > 0) == (when is When.LATER)
        for state, _, at in given_rows
    )


@given(
    st.builds(
        UpcomingQuery,
        when=st.sampled_from(When),
        kind=st.sampled_from(["", "one"]),
        lane=st.sampled_from(["", "urgent", "bulk"]),
    )
)
def test_the_link_leads_to_the_next_page_of_the_same_list(query):
    link = urlsplit(query.link((SOON, "m-9")))
    further = read_upcoming_query(dict(parse_qsl(link.query)), ("one",))
    assert link.path == "/upcoming"
    assert (further.when, further.kind, further.lane) == (query.when, query.kind, query.lane)
    assert further.filter().beyond == (SOON, "m-9")
    assert query.filter().beyond is None


@pytest.mark.parametrize("fault", [{"when": "never"}, {"kind": "three"}, {"lane": "slow"}, {"before": "x"}])
def test_what_is_none_of_ours_is_told(fault):
    with pytest.raises(BadInput) as raised:
        read_upcoming_query(fault | {"state": "sent", "delivery": "odd"}, ("one",))
    assert str(raised.value).startswith(next(iter(fault)))


def page(ledger, breaker_open=0.0):
    desk = Desk(ledger)
    gathering = SimpleNamespace(figures=lambda: SimpleNamespace(breaker_open=breaker_open))
    return desk, UpcomingPage(desk.container, desk.page, gathering, lambda: NOW)


def test_the_page_has_fifty_lines_and_a_link_to_the_others(ledger, put):
    put(*(row(f"m{n:02}", not_before=after(n + 1), expires_at=LATER) for n in range(51)))
    desk, soon = page(ledger)
    found = desk.shown(soon.show, "/upcoming")
    assert (found["page"], len(found["rows"]), found["whens"]) == ("upcoming.html", 50, tuple(When))
    first = found["rows"][0]
    assert (first["leaves"], first["until"], first["reason"]) == (
        "2026-11-30 10:00:01",
        "",
        "it was asked for at this time",
    )
    assert first["expires"] == "2026-11-30 11:00:00"
    assert found["further"].endswith("after=m49")
    assert (STRICT, "CustomerWelcome") in found["kinds"]
    query = dict(parse_qsl(urlsplit(found["further"]).query))
    rest = desk.shown(soon.show, "/upcoming", query)
    assert ([one["id"] for one in rest["rows"]], rest["further"]) == (["m50"], None)


def test_a_page_that_holds_all_leads_to_no_other(ledger, put):
    put(*(row(f"m{n:02}", not_before=after(n + 1)) for n in range(50)))
    desk, soon = page(ledger)
    found = desk.shown(soon.show, "/upcoming")
    assert (len(found["rows"]), found["further"]) == (50, None)


@pytest.mark.parametrize(("outage", "held", "until"), [(0.0, False, "in its turn"), (9.0, False, "when Mailjet answers again"), (9.0, True, "when an operator releases it")])  # fmt: skip
def test_the_page_knows_of_holds_and_of_an_outage(ledger, put, outage, held, until):
    put(row("m1"))
    desk, soon = page(ledger, outage)
    if held:
        desk.write(hold_by_hand, STRICT, reason="x", now=NOW)
    (line,) = desk.shown(soon.show, "/upcoming", {"when": "now"})["rows"]
    assert (line["leaves"], line["until"]) == ("", until)


def test_nobody_sees_it_without_the_password(ledger):
    _, soon = page(ledger)
    assert soon.show(request("/upcoming", login="eA==")).status_code == 401


def test_the_page_itself_says_it_in_the_readers_language(ledger, put):
    put(row("m1", not_before=LATER), row("m2", state="held", to_name="<script>x</script>"))
    _, soon = page(ledger)
    later, held = (
        soon.show(request("/upcoming", {"lang": "fr", "when": when})).body.decode()
        for when in ("later", "held")
    )
    assert "2026-11-30 11:00:00" in later
    assert "il a été demandé pour ce moment" in later
    assert "à la reprise de sa campagne" in held
    assert "<script>" not in held
    assert "Upcoming" not in later + held


STEP = {"message_id": "m1", "what": "bounced", "at": NOW, "why": None}


def test_the_news_of_a_mail_are_those_of_its_own_status_the_last_ones(ledger):
    steps = [
        STEP | {"why": "first"}, STEP | {"at": SOON, "why": "user unknown"}, STEP | {"at": LATER, "what": "opened"},
        STEP | {"at": LATER, "why": "a copy (cc or bcc): full"}, STEP | {"message_id": "m2", "what": "bounced", "at": LATER},
        STEP | {"message_id": "m3", "what": "opened", "why": None},
    ]  # fmt: skip
    with ledger.write() as connection:
        connection.execute(insert(timeline), steps)
    rows = [
        {"id": "m1", "delivery": "bounced"}, {"id": "m2", "delivery": None}, {"id": "m3", "delivery": "opened"},
        {"id": "m4", "delivery": "bounced"},
    ]  # fmt: skip
    with ledger.read() as connection:
        assert delivery_news(connection, rows) == {
            "m1": DeliveryNews(SOON, "user unknown"),
            "m3": DeliveryNews(NOW, ""),
        }
        assert delivery_news(connection, rows[1:2]) == {}


def test_a_list_of_what_no_event_told_of(ledger, put):
    put(row("a", state="sent"), row("b", state="sent", delivery="opened"), row("c", state="ready"))
    with ledger.read() as connection:
        found = list_messages(connection, MessageFilter(delivery="none"), limit=9)
    assert [one["id"] for one in found] == ["a"]
