"""What each of the operators' pages is given to show: how many, since when, and in which order."""

import asyncio
import base64
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert
from starlette.requests import Request
from starlette.responses import Response

from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput, TransientError
from mailworker.ledger.holds import hold, hold_by_hand
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import Act, OperatorAction, latest_actions, record_action
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.suppressions import add_by_hand
from mailworker.ledger.tables import events, messages
from mailworker.observability.prometheus_exposition import Figures
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.web.operator_logins import OperatorLogin, OperatorLogins
from mailworker.web.operators_page.action_forms import PageActions
from mailworker.web.operators_page.csrf import COOKIE
from mailworker.web.operators_page.csv_download import MOST_ROWS
from mailworker.web.operators_page.oldest_waiting import OldestWaiting, oldest_waiting
from mailworker.web.operators_page.pages import OperatorsPage
from tests.rows import NOW, URGENT, row

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CONFIG = "mailjet: {api_key: a, api_secret: b}\nweb: {operator_user: ops, operator_password: geheim, actions: true}\n"
LOGIN = base64.b64encode(b"ops:geheim").decode()
REST = {"mailjet_id": None, "mailjet_uuid": None, "delivery": None, "reason": None}


def request(path="/", query=None, *, login=LOGIN, cookie="", body=b"", headers=(), **params):
    given = {"authorization": f"Basic {login}", "host": "10.0.0.5", "cookie": cookie} | dict(headers)

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": urlencode(query or {}).encode(), "path_params": params,
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value], "scheme": "http",
        "server": ("10.0.0.5", 80), "client": ("10.0.0.9", 1),
    }  # fmt: skip
    return Request(scope, receive)


FIGURES = Figures()


class Desk:
    """The pages over a ledger in SQLite; what they are given to show is caught before it becomes HTML."""

    def __init__(self, ledger, config=CONFIG):
        self.ledger, self.settings = ledger, parse_settings(config, environ={})
        self.container = SimpleNamespace(
            ledger=ledger, settings=self.settings, crm=SimpleNamespace(offers=lambda _: True)
        )
        web = self.settings.web
        gathering = SimpleNamespace(figures=lambda: FIGURES)
        login = OperatorLogins(web)
        self.page = OperatorsPage(self.container, login, gathering, lambda: NOW)
        self.acts = PageActions(self.container, self.page, lambda: NOW)

    def put(self, *rows):
        with self.ledger.write() as connection:
            connection.execute(insert(messages), [row() | REST | one for one in rows])

    def write(self, what, *arguments, **named):
        with self.ledger.write() as connection:
            what(connection, *arguments, **named)

    def catch(self):
        caught = []

        def show(_request, name, status=200, **values):
            caught.append((name, status, values))
            return Response(status_code=status)

        self.page.show = show
        return caught

    def shown(self, ask, *arguments, **named):
        caught = self.catch()
        answer = ask(request(*arguments, **named))
        if asyncio.iscoroutine(answer):
            asyncio.run(answer)
        (name, status, values) = caught[0]
        return values | {"page": name, "status": status}

    def shown_schedule(self):
        return self.shown(self.page.schedule)["scans"]


@pytest.fixture
def desk(ledger):
    return Desk(ledger)


def numbered(count, **changes):
    return [row(f"{changes.get('state', 'm')}{n:02}") | changes for n in range(count)]


def test_the_overview_shows_the_last_of_each_and_no_more(desk):
    failed = [
        one | {"reason": f"why {n:02}", "changed_at": NOW}
        for n, one in enumerate(numbered(12, state="failed"))
    ]
    desk.put(*failed, *numbered(12, state="unknown"))
    desk.write(hold_by_hand, "lane:bulk", reason="x", now=NOW)
    lost = {"at": NOW, "source": "stream", "kind": "k", "message_id": None, "faults": ["x"], "payload": None}
    desk.write(reject, [lost | {"entry_id": str(n)} for n in range(12)])
    found = desk.shown(desk.page.overview)
    assert [len(found[name]) for name in ("failed", "unknown", "rejections", "holds", "bars")] == [
        10,
        10,
        10,
        1,
        24,
    ]
    assert (found["page"], found["status"], found["figures"], found["refresh"]) == (
        "overview.html",
        200,
        FIGURES,
        30,
    )
    assert found["bars"][-1].label == "10:00"
    assert found["bars"][-1].parts[0].tone == "bad"


def test_failures_of_a_week_and_messages_since_the_operators_midnight(desk):
    midnight = datetime(2026, 11, 29, 23, tzinfo=UTC)
    desk.put(
        row(state="failed") | {"reason": "young", "changed_at": NOW - 7 * DAY},
        row(state="failed") | {"reason": "old", "changed_at": NOW - 7 * DAY - timedelta(seconds=1)},
        row(state="sent") | {"changed_at": midnight},
        row(state="sent") | {"changed_at": midnight - timedelta(seconds=1)},
        row(state="expired") | {"changed_at": NOW},
    )
    found = desk.shown(desk.page.overview)
    assert [one["reason"] for one in found["failed"]] == ["young"]
    assert found["today"] == [("sent", 1), ("failed", 0), ("suppressed", 0), ("expired", 1), ("cancelled", 0)]
    assert str(found["day"]) == "2026-11-30", (
        "the day of the operator's zone, from which on its messages are listed"
    )


@pytest.mark.parametrize(("count", "shown"), [(50, 50), (51, 50), (60, 50)])
def test_a_list_has_fifty_lines_and_a_link_to_older_ones(desk, count, shown):
    desk.put(*(one | {"changed_at": NOW - n * HOUR} for n, one in enumerate(numbered(count, state="sent"))))
    found = desk.shown(desk.page.messages, query={"state": "sent"})
    assert len(found["rows"]) == shown
    before = quote((NOW - 49 * HOUR).isoformat(), safe="")
    assert found["older"] == (
        f"/messages?state=sent&before={before}&after={found['rows'][-1]['id']}" if count > 50 else None
    )
    assert found["q"].state == "sent"
    assert found["kinds"][0] == ("api_crmCommunicationCustomerWelcome", "CustomerWelcome")
    assert len(found["kinds"]) == 10


def test_a_list_is_filtered(desk):
    desk.put(row("a", state="sent"), row("b", state="failed"))
    assert [one["id"] for one in desk.shown(desk.page.messages, query={"state": "failed"})["rows"]] == ["b"]
    refused = desk.shown(desk.page.messages, query={"state": "x"})
    assert (refused["page"], refused["status"], refused["why"]) == (
        "error.html",
        400,
        "state: there is no state of this name.",
    )


def test_a_file_has_all_of_them(desk):
    desk.put(*numbered(60, state="sent"))
    answer = desk.page.download(request())
    assert len(answer.body.decode().splitlines()) == 61
    assert MOST_ROWS == 10_000
    assert answer.headers["content-disposition"] == 'attachment; filename="messages.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("asked", "found"), [("c-7", 50), ("  c-7 ", 50), ("", 0), ("c-\x008", 0), ("c-8", 0)]
)
def test_a_search_finds_fifty(desk, asked, found):
    desk.put(*numbered(51, customer_id="c-7"))
    shown = desk.shown(desk.page.search, body=urlencode({"text": asked}).encode())
    assert (len(shown["rows"]), shown["limit"], shown["page"]) == (found, 50, "search.html")
    assert shown["asked"] == asked.strip()


def test_a_search_reads_no_more_than_an_address_may_have(desk):
    assert len(desk.shown(desk.page.search, body=b"text=" + b"x" * 5000)["asked"]) == 1995
    desk.put(row("nameless", customer_id="", invoice_id=""))
    nothing = desk.shown(desk.page.search, body=b"")
    assert (nothing["asked"], nothing["rows"]) == ("", [])


@pytest.mark.parametrize(
    ("changes", "may_cancel", "may_replay"),
    [
        ({"state": "ready"}, True, False),
        ({"state": "held"}, True, False),
        ({"state": "failed"}, True, True),
        ({"state": "unknown"}, False, False),
        ({"state": "sent"}, False, False),
        ({"state": "sent", "delivery": "blocked", "reason": f"x. {OUR_FAULT}"}, False, True),
    ],
)
def test_what_may_be_done_with_a_message(desk, changes, may_cancel, may_replay):
    desk.put(row("m1") | changes)
    found = desk.shown(desk.page.message, id="m1")
    assert (found["page"], found["m"]["id"]) == ("message.html", "m1")
    assert (found["may_cancel"], found["may_replay"]) == (may_cancel, may_replay)


@pytest.mark.parametrize(
    ("scope", "held"), [("*", True), (URGENT, True), ("lane:bulk", False), ("other", False)]
)
def test_a_held_message_says_why(desk, scope, held):
    desk.put(row("m1", kind=URGENT))
    desk.write(hold, scope, reason="Maintenance.", code="", now=NOW)
    assert ("Maintenance" in desk.shown(desk.page.message, id="m1")["explained"][0]) is held


def test_what_became_of_a_mail_says_when_the_last_event_about_it_happened(desk):
    desk.put(row("m1", state="sent") | {"delivery": "opened"})
    heard = [
        {"id": f"{n}", "message_id": "m1", "event": "open", "at": NOW + at, "received_at": NOW + DAY}
        for n, at in enumerate((HOUR, timedelta()))
    ]
    desk.write(lambda connection: connection.execute(insert(events), heard))
    (sentence,) = desk.shown(desk.page.message, id="m1")["explained"]
    assert f"as of {(NOW + HOUR).astimezone(ZoneInfo('Europe/Paris')):%Y-%m-%d %H:%M}" in sentence


@pytest.mark.parametrize("id_", ["m2", "", "m\x001"])
def test_a_message_that_is_not_there(desk, id_):
    found = desk.shown(desk.page.message, id=id_)
    assert (found["page"], found["status"], found["why"]) == (
        "error.html",
        404,
        "There is no message with this id.",
    )


@pytest.mark.parametrize(("asked", "days"), [("1", 1), ("90", 90), ("2", 7), ("", 7), ("x", 7), (None, 7)])
def test_how_well_mail_arrives_in_a_period(desk, asked, days):
    inside, outside = NOW - HOUR, NOW - 2 * HOUR
    desk.put(row(state="sent") | {"changed_at": inside}, row(state="sent") | {"changed_at": outside})
    found = desk.shown(desk.page.deliverability, query={} if asked is None else {"days": asked})
    assert (found["days"], found["periods"]) == (days, (1, 7, 30, 90))
    kinds, campaigns = found["tables"]
    assert (kinds[:2], campaigns) == (("Kind", "all kinds"), ("Campaign", "all campaigns", []))
    assert [(one.kind, one.sent) for one in kinds[2]][-1][0] == ""


@pytest.mark.parametrize(("count", "shown", "older"), [(50, 50, 0), (51, 50, 1)])
def test_fifty_suppressions_and_a_link_to_the_others(desk, count, shown, older):
    for number in range(count):
        desk.write(add_by_hand, f"a{number:02}@x.example", reason="blocked", why="w", by="b", now=NOW)
    found = desk.shown(desk.page.suppressions)
    assert (len(found["rows"]), found["older"], found["page"]) == (shown, older, "suppressions.html")
    assert found["rows"][0]["since"] == "2026-11-30 10:00:00"
    rest = desk.shown(desk.page.suppressions, "/suppressions", {"page": "1"})
    assert (len(rest["rows"]), rest["older"]) == (count - shown, 0)
    emails = {one["email"] for one in (*found["rows"], *rest["rows"])}
    assert len(emails) == count


@pytest.mark.parametrize("listed", [False, True])
def test_a_message_is_explained_by_the_suppression_list_where_its_address_is_on_it(desk, listed):
    desk.put(row("m1", to_email="zoe@client.example"))
    if listed:
        desk.write(add_by_hand, "zoe@client.example", reason="blocked", why="w", by="b", now=NOW)
    found = [one for one in desk.shown(desk.page.message, id="m1")["explained"] if "suppression list" in one]
    assert found == ["The address is on the suppression list (blocked), which may stop it."] * listed


def test_the_schedule_says_why_a_scan_is_off_or_rehearses(ledger):
    for crm, why in (("none", "No CRM is connected"), ("demo", "it was never started")):
        found = Desk(ledger, f"{CONFIG}crm: {{source: {crm}}}\n").shown_schedule()
        assert [one["name"] for one in found] == ["Overdue invoices", "Balances"]
        assert all(why in one["off"] for one in found)


def test_who_may_see_a_page(ledger):
    desk = Desk(ledger)
    assert desk.page.guarded(request(login="eA=="), Response).status_code == 401
    assert (
        desk.page.guarded(request(login="eA=="), Response)
        .headers["www-authenticate"]
        .startswith('Basic realm="mailworker operators"')
    )
    closed = Desk(ledger, "mailjet: {api_key: a, api_secret: b}\n").page.guarded(request(), Response)
    assert (closed.status_code, closed.body.decode()[:30]) == (404, "The operators' page is off: se")
    assert desk.page.who(request()) == OperatorLogin("ops", may_act=True)
    assert desk.page.who(request(login="eA==")) == OperatorLogin("", may_act=False)
    for fault, status in ((TransientError("busy"), 503), (BadInput("odd"), 400)):

        def page(fault=fault):
            raise fault

        answer = desk.page.guarded(request(), page)
        assert answer.status_code == status
        assert str(fault) in answer.body.decode()
    assert desk.page.style(request()).headers["cache-control"] == "max-age=3600"
    assert desk.page.style(request()).media_type == "text/css"


def test_cookies_are_set_where_they_are_needed(ledger):
    desk = Desk(ledger)
    plain = desk.page.show(request(), "error.html", 400, why="x").headers.getlist("set-cookie")
    assert len(plain) == 1
    assert plain[0].startswith(f"{COOKIE}=")
    assert "Secure" not in plain[0]
    asked = request(query={"lang": "fr"})
    asked.scope["scheme"] = "https"
    session, language = desk.page.show(asked, "error.html", why="x").headers.getlist("set-cookie")
    assert "Secure" in session
    assert language == "mailworker_language=fr; HttpOnly; Max-Age=31536000; Path=/; SameSite=strict"
    off = Desk(ledger, CONFIG.replace(", actions: true", "")).page.show(
        request(query={"lang": "de"}), "error.html", why="x"
    )
    assert off.headers.getlist("set-cookie") == []
    assert off.status_code == 200


def test_every_page_says_where_it_is_and_when_it_was_made(ledger):
    config = CONFIG.replace("actions: true", "actions: true, flower_url: 'https://flower.example/x'")
    desk = Desk(ledger, f"{config}worker: {{environment: staging, timezone: Asia/Tokyo}}\n")
    body = desk.page.show(request("/actions", query={"lang": "fr"}), "error.html", why="<x>").body.decode()
    for said in (
        '<html lang="fr">', "· staging · 10.0.0.5</title>", 'href="https://flower.example/x"', "staging · 2026-11-30 18:00:00 ·",
        "Asia/Tokyo", "&lt;x&gt;", '<a href="/actions" aria-current="page">', '<a href="?lang=en"',
    ):  # fmt: skip
        assert said in body
    plain = (
        Desk(ledger, CONFIG.replace(", actions: true", ""))
        .page.show(request(), "error.html", why="x")
        .body.decode()
    )
    assert "flower" not in plain
    assert '<a href="/actions"' not in plain
    assert '<a href="/" aria-current="page">' in plain
    token = desk.page.guard.token("0" * 64)
    asked = request("/actions", cookie=f"{COOKIE}={'0' * 64}")
    assert f'value="{token}"' in desk.acts.overview(asked).body.decode()


def test_a_scan_says_when_it_comes_next(ledger):
    found = Desk(ledger, f"{CONFIG}crm: {{source: demo}}\n").shown_schedule()
    assert [(one["timetable"], one["next"], one["runs"]) for one in found] == [
        ("0 6 * * *", "", []),
        ("1h", "", []),
    ]


def form(desk, *, more=b"", **fields):
    """A form as this page showed it to this browser."""
    session = "0" * 64
    body = urlencode({"token": desk.page.guard.token(session), "why": "because"} | fields).encode() + more
    return request(
        "/actions", body=body, cookie=f"{COOKIE}={session}", headers=[("origin", "http://10.0.0.5")]
    )


def done(desk, **fields):
    caught = desk.catch()
    answer = asyncio.run(desk.acts.act(form(desk, **fields)))
    return answer, (caught or [("", 0, {})])[-1][2].get("why")


def states(desk):
    with desk.ledger.read() as connection:
        return dict(
            connection.execute(messages.select().with_only_columns(messages.c.id, messages.c.state)).all()
        )


def log(desk):
    with desk.ledger.read() as connection:
        return [
            (one.what, one.target, one.affected, one.who, one.source, one.why)
            for one in latest_actions(connection, limit=9)
        ]


def test_one_failed_message_is_sent_again(desk):
    desk.put(row("m1", state="failed"), row("m2", state="failed"))
    answer, _ = done(desk, do="replay", id="m1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/messages/m1")
    assert states(desk) == {"m1": "ready", "m2": "failed"}
    assert log(desk) == [(Act.REPLAY, "m1", 1, "ops", "10.0.0.9", "because")]


def test_a_group_is_sent_again(desk):
    desk.put(*(row(f"m{n}", state="failed") | {"reason": reason} for n, reason in enumerate(("x", "x", "y"))))
    kind = row()["kind"]
    answer, _ = done(desk, do="replay", kind=kind, reason="x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/actions")
    assert states(desk) == {"m0": "ready", "m1": "ready", "m2": "failed"}
    assert log(desk)[0][:3] == (Act.REPLAY, f"{kind}: x", 2)
    done(desk, do="replay", kind=kind)
    assert log(desk)[0][:3] == (Act.REPLAY, f"{kind}: ", 1)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"do": "replay", "id": "m2"}, "Nothing was changed"), ({"do": "cancel", "id": "m2"}, "Nothing was changed"),
        ({"do": "release", "scope": "*"}, "Nothing was changed"), ({"do": "odd"}, "do: there is no such act."), ({}, "do: there is no such act."),
        ({"do": "hold", "scope": "nothing"}, "scope: is no kind of e-mail and no lane."), ({"do": "replay"}, "kind: say which kind of e-mail."),
        ({"do": "cancel", "id": "m1", "why": ""}, "why: say in 1 to 500 characters"), ({"do": "cancel", "id": "m1", "token": "x"}, "This form is too old"),
    ],
)  # fmt: skip
def test_what_changes_nothing_says_so(desk, fields, why):
    desk.put(row("m1"), row("m2", state="sent"))
    answer, told = done(desk, **fields)
    assert told.startswith(why)
    assert answer.status_code == (403 if "token" in fields else 400)
    assert states(desk) == {"m1": "ready", "m2": "sent"}


def test_a_message_is_cancelled_and_its_secrets_are_wiped(desk):
    desk.put(row("m1", kind=URGENT) | {"variables": {"user_name": "Z", "reset_url": "https://x.example/s"}})
    done(desk, do="cancel", id="m1")
    assert states(desk) == {"m1": "cancelled"}
    with desk.ledger.read() as connection:
        assert connection.execute(messages.select()).mappings().one()["variables"] == {"user_name": "Z"}
    assert log(desk)[0][:3] == (Act.CANCEL, "m1", 1)


def test_a_hold_and_its_end(desk):
    answer, _ = done(desk, do="hold", scope="lane:bulk")
    assert answer.headers["location"] == "/actions"
    found = desk.shown(desk.acts.overview)
    assert [(one["name"], one["scope"], one["reason"]) for one in found["holds"]] == [
        ("lane:bulk", "lane bulk", "because (ops)")
    ]
    assert found["scopes"][:4] == [
        ("*", "all mail"),
        ("lane:urgent", "lane urgent"),
        ("lane:normal", "lane normal"),
        ("lane:bulk", "lane bulk"),
    ]
    done(desk, do="release", scope="lane:bulk")
    assert desk.shown(desk.acts.overview)["holds"] == []
    assert [one[:3] for one in log(desk)] == [(Act.RELEASE, "lane:bulk", 1), (Act.HOLD, "lane:bulk", 1)]


def test_what_is_written_down_of_an_act_fits_its_column(desk):
    desk.put(row("m1", state="failed") | {"reason": "x" * 200})
    asked = form(desk, do="replay", kind=row()["kind"], reason="x" * 200)
    asked.scope["client"] = ("f" * 70, 1)
    assert asyncio.run(desk.acts.act(asked)).status_code == 303
    (_, target, affected, _, source, _) = log(desk)[0]
    assert (len(target), affected, len(source)) == (120, 1, 64)
    nobody = form(desk, do="hold", scope="*")
    nobody.scope["client"] = None
    asyncio.run(desk.acts.act(nobody))
    assert log(desk)[0][4] == ""


def test_lifting_says_what_is_left_to_do(desk):
    asked = []

    def lift(email, *, why, by):
        asked.append((email, why, by))
        return SimpleNamespace(advice=["Ask Mailjet."])

    desk.container.suppressions = SimpleNamespace(lift=lift)
    caught = desk.catch()
    asyncio.run(desk.acts.act(form(desk, do="lift", email="zoe@x.example")))
    assert caught == [("lifted.html", 200, {"advice": ["Ask Mailjet."]})]
    assert asked == [("zoe@x.example", "because", "ops")]
    assert log(desk)[0][:3] == (Act.LIFT, "suppression list", 1)


def test_the_overview_of_acts_has_fifty_acts_and_twenty_groups_of_thirty_days(desk):
    for number in range(51):
        desk.write(record_action, OperatorAction(NOW, "ops", "", Act.HOLD, f"{number}", "w", 1))
    desk.put(*(row(f"m{n:02}", state="failed") | {"reason": f"{n:02}"} for n in range(21)))
    found = desk.shown(desk.acts.overview)
    assert (len(found["done"]), len(found["groups"])) == (50, 20)


@pytest.mark.parametrize(("age", "groups"), [(30 * DAY, 1), (30 * DAY + timedelta(seconds=1), 0)])
def test_groups_of_thirty_days(desk, age, groups):
    desk.put(row(state="failed") | {"reason": "x", "changed_at": NOW - age})
    found = desk.shown(desk.acts.overview)["groups"]
    assert len(found) == groups
    if found:
        assert found[0][1:] == ("CustomerWelcome", "2026-10-31 10:00:00")


def test_a_review_shows_fifty_and_says_who_cannot(desk):
    desk.put(*numbered(51, state="failed"), row("late", state="failed", expires_at=NOW))
    caught = desk.catch()
    asyncio.run(desk.acts.review(form(desk, kind=row()["kind"])))
    (name, status, found) = caught[0]
    assert (name, status, len(found["rows"]), found["total"], found["at_once"]) == (
        "review.html",
        200,
        50,
        51,
        500,
    )
    assert (found["kind"], found["reason"], list(found["hindered"])) == (row()["kind"], "", ["late"])
    assert states(desk)["failed00"] == "failed"


def test_one_act_changes_so_many_at_once_and_no_more(desk, monkeypatch):
    monkeypatch.setattr("mailworker.web.operators_page.hold_resend_cancel.AT_ONCE", 3)
    blocked = {"state": "sent", "delivery": "blocked", "reason": f"x. {OUR_FAULT}"}
    desk.put(*numbered(2, state="failed"), row("b1") | blocked, row("b2") | blocked)
    able, _ = desk.acts._acts.replayable(MessageFilter(kind=row()["kind"]))
    assert [one["id"] for one in able] == ["failed00", "failed01", "b1"]
    done(desk, do="replay", kind=row()["kind"])
    assert log(desk)[0][2] == 3


def test_acts_are_off_by_default(ledger):
    desk = Desk(ledger, CONFIG.replace(", actions: true", ""))
    found = desk.shown(desk.acts.overview)
    assert (found["status"], found["why"][:26]) == (400, "Acts are off on this page:")
    assert done(desk, do="hold", scope="*")[1].startswith("Acts are off on this page")


def test_a_form_is_read_as_far_as_forms_go(desk):
    odd = form(desk, do="hold", scope="*", more=b"&why=\xff")
    assert asyncio.run(desk.acts.act(odd)).status_code == 303
    long = form(desk, do="hold", scope="*", a="x" * 4_000)
    assert asyncio.run(desk.acts.act(long)).status_code == 303
    caught = desk.catch()
    asyncio.run(desk.acts.act(form(desk, a="x" * 5_000, do="hold", scope="*")))
    assert caught[0][2]["why"] == "do: there is no such act."


def test_nobody_acts_without_the_password(desk):
    asked = form(desk, do="hold", scope="*")
    asked.scope["headers"] = [
        (name, b"Basic eA==" if name == b"authorization" else value) for name, value in asked.scope["headers"]
    ]
    assert asyncio.run(desk.acts.act(asked)).status_code == 401


def test_what_redis_alone_knows_is_not_told_as_nought_while_it_is_away(desk):
    figures = Figures(messages={}, streams=None)
    desk.page._gathering = SimpleNamespace(figures=lambda: figures)
    away = desk.page.overview(request()).body.decode()
    assert "Redis is DOWN" in away
    assert re.findall(
        r'<b>([^<]*)</b><span class="soft small">(?:in quarantine|calls in the last minute)', away
    ) == ["–", "–"]
    figures = Figures(messages={}, streams={"quarantine": 2}, calls_last_minute=7, calls_limit=200)
    there = desk.page.overview(request()).body.decode()
    found = re.findall(
        r'<b>([^<]*)</b><span class="soft small">(?:in quarantine|calls in the last minute)', there
    )
    assert found == ["2", "7 / 200"]


def test_a_page_of_a_ledger_that_is_away_says_what_happens_and_asks_again(desk):
    def away():
        raise TransientError("The ledger does not answer: x.")

    body = desk.page.guarded(request(), away).body.decode()
    assert "Nothing that was taken in is lost" in body
    assert 'http-equiv="refresh" content="30"' in body
    posted = request()
    posted.scope["method"] = "POST"
    assert "http-equiv" not in desk.page.guarded(posted, away).body.decode(), (
        "nothing is done twice by itself"
    )
    stopped = desk.page.guarded(request(query={"refresh": "off"}), away).body.decode()
    assert 'http-equiv="refresh"' not in stopped


@pytest.mark.parametrize(
    ("figures", "banner"),
    [
        (Figures(messages={}, streams={}), "Celery beat was never seen"),
        (Figures(messages={}, streams={}, beat_age=21.0), "Celery beat is silent"),
        (Figures(messages={}, streams={}, beat_age=21.0, rounds_waiting=3), "Celery beat is silent"),
        (
            Figures(messages={}, streams={}, beat_age=21.0, rounds_waiting=4),
            "The worker of the queue scans does not take what beat sends",
        ),
        (
            Figures(messages={}, streams={}, beat_age=21.0, ledger_takes_writes=False),
            "The database takes no writes",
        ),
        (Figures(messages={}, streams={}, beat_age=19.0), ""),
        (Figures(messages={}, streams={}, beat_age=600.0, redis_takes_writes=False), ""),
        (Figures(messages={}, streams={}, redis_takes_writes=False), ""),
        (
            Figures(messages={}, streams={}, beat_age=1.0, breaker_open=7300.0),
            "goes on by itself. Duration: 2 h.",
        ),
        (
            Figures(messages={}, streams={}, beat_age=1.0, calls_paused=40.0),
            "Mailjet finds calls too fast (HTTP 429)",
        ),
    ],
)
def test_beat_is_missed_as_soon_as_the_doctor_misses_it(desk, figures, banner):
    desk.page._gathering = SimpleNamespace(figures=lambda: figures)
    page = desk.page.overview(request()).body.decode()
    assert (banner in page) if banner else ("Celery beat" not in page)
    assert ("Redis takes no writes" in page) is not figures.redis_takes_writes


def test_what_is_tried_again_and_again_is_shown_with_its_reason(desk):
    desk.page._gathering = SimpleNamespace(figures=lambda: Figures(messages={}, streams={}, beat_age=1.0))
    desk.put({"state": "accepted", "attempts": 3, "reason": "The PDF store is full."}, {"attempts": 2})
    page = desk.page.overview(request()).body.decode()
    assert "Tried three times or more, and waits: 1. The PDF store is full." in page


@pytest.mark.parametrize(
    ("figures", "line", "age", "late"),
    [
        ({}, "urgent", "", False),
        ({"oldest_ready": {"urgent": 61.0}}, "urgent", "61 s", True),
        ({"oldest_entry": {"urgent": 59.0}}, "urgent", "59 s", False),
        ({"oldest_entry": {"urgent": 61.0}}, "urgent", "61 s", True),
        ({"oldest_ready": {"bulk": 3600.0}, "oldest_entry": {"bulk": 5.0}}, "bulk", "60 min", False),
        ({"oldest_in_state": {"accepted": 601.0, "rendering": 1.0}}, "render", "10 min", True),
        ({"oldest_contact": 901.0}, "contacts", "15 min", True),
        ({"oldest_entry": {"events": 61.0}}, "events", "61 s", True),
    ],
)
def test_a_line_of_the_overview_has_its_oldest_wherever_it_waits(desk, figures, line, age, late):
    made = Figures(messages={}, streams={}, ready={"urgent": 0}, scheduled={"urgent": 0}, **figures)
    assert oldest_waiting(made)[line] == OldestWaiting(age, late)
    desk.page._gathering = SimpleNamespace(figures=lambda: made)
    page = desk.page.overview(request()).body.decode()
    if line != "bulk":  # no lane of this ledger
        assert ('class="n late"' in page) is late
