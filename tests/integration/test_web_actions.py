"""What operators may do on their page, who is kept from it, and what is written down."""

import re
from datetime import UTC, datetime

import pytest
import requests
from sqlalchemy import insert, select

from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.errors import ConfigError
from mailworker.ledger.holds import current_holds
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.ledger.suppressions import add_by_hand
from mailworker.ledger.tables import messages, timeline
from tests.integration.web_server import CONFIG, serving
from tests.unit.test_deliveries import row

pytestmark = pytest.mark.integration

OPERATOR = ("ops", "operators")
INVOICE = "api_crmCommunicationCustomerInvoice"
ON = CONFIG.replace("operator_password: operators", "operator_password: operators, actions: true")


@pytest.fixture
def container(valkey, tmp_path):
    found = Container(parse_settings(ON.format(port=valkey.port, database=f"sqlite:///{tmp_path}/ledger.db")))
    found.redis.flushall()
    now = datetime.now(UTC)
    moments = {"accepted_at": now, "changed_at": now, "not_before": now}
    rows = [
        row("f-1", state="failed", reason="send-0010: no such template", kind=INVOICE, **moments),
        row("f-2", state="failed", reason="send-0010: no such template", kind=INVOICE, **moments),
        row("f-3", state="failed", reason="another", kind=INVOICE, expires_at=now, **moments),
        row("r-1", state="ready", kind=INVOICE, **moments),
        row("s-1", state="sent", kind=INVOICE, **moments),
    ]
    with found.ledger.write() as connection:
        connection.execute(insert(messages), [dict.fromkeys(rows[2]) | one for one in rows])
        add_by_hand(connection, "zoe@example.com", reason="blocked", why="asked", by="anna", now=now)
    yield found
    found.close()


@pytest.fixture
def web(container):
    with serving(container) as url:
        yield url


class Browser(requests.Session):
    """An operator's browser: it keeps cookies, and says from where a form is sent."""

    def __init__(self, web):
        super().__init__()
        self.auth, self.web = OPERATOR, web

    def shown(self, path):
        return self.get(self.web + path, timeout=10).text

    def send_form(self, path, **fields):
        """Send a form as the page shows it; `token` and `origin` may be another's."""
        origin = fields.pop("origin", self.web)
        if "token" not in fields:
            fields["token"] = re.search(r'name="token" value="(\w+)"', self.shown("/actions"))[1]
        headers = {"Origin": origin} if origin else {}
        return self.post(self.web + path, data=fields, headers=headers, timeout=10)


@pytest.fixture
def browser(web):
    return Browser(web)


def state_of(container, id_):
    with container.ledger.read() as connection:
        return connection.execute(select(messages.c.state).where(messages.c.id == id_)).scalar_one()


def done(container):
    with container.ledger.read() as connection:
        return [(one.who, one.what.value, one.target, one.why, one.affected)
                for one in latest_actions(connection, limit=10)]  # fmt: skip


def test_a_failed_message_is_sent_again_from_its_own_page(browser, container):
    assert "Send again" in browser.shown("/messages/f-1")
    answer = browser.send_form("/actions", do="replay", id="f-1", why="template is mended")
    assert answer.status_code == 200
    assert answer.url.endswith("/messages/f-1")
    assert "sent again by ops: template is mended" in answer.text
    assert state_of(container, "f-1") == "ready"
    assert done(container) == [("ops", "replay", "f-1", "template is mended", 1)]


def test_a_group_is_reviewed_and_then_sent_again(browser, container):
    group = {"kind": INVOICE, "reason": "send-0010: no such template"}
    page = browser.send_form("/actions/review", **group)
    assert "f-1" in page.text
    assert state_of(container, "f-1") == "failed", "a look changes nothing"
    assert browser.send_form("/actions", do="replay", why="mended", **group).status_code == 200
    assert [state_of(container, one) for one in ("f-1", "f-2", "f-3")] == ["ready", "ready", "failed"]
    assert done(container)[0][-1] == 2


def test_what_is_too_late_is_told_and_not_sent(browser, container):
    page = browser.send_form("/actions/review", kind=INVOICE, reason="another")
    assert "too late to be useful" in page.text
    assert browser.send_form("/actions", do="replay", id="f-3", why="x").status_code == 400
    assert state_of(container, "f-3") == "failed"


def test_a_waiting_message_is_cancelled_and_a_sent_one_is_not(browser, container):
    browser.send_form("/actions", do="cancel", id="r-1", why="wrong price")
    assert state_of(container, "r-1") == "cancelled"
    assert "Cancel" not in browser.shown("/messages/s-1")
    assert browser.send_form("/actions", do="cancel", id="s-1", why="x").status_code == 400
    assert state_of(container, "s-1") == "sent"


def test_a_lane_is_held_and_released(browser, container):
    browser.send_form("/actions", do="hold", scope="lane:bulk", why="maintenance")
    with container.ledger.read() as connection:
        assert [(one.scope, one.reason) for one in current_holds(connection)] == [
            ("lane:bulk", "maintenance (ops)")
        ]
    browser.send_form("/actions", do="release", scope="lane:bulk", why="done")
    with container.ledger.read() as connection:
        assert current_holds(connection) == []
    assert [one[1:3] for one in done(container)] == [("release", "lane:bulk"), ("hold", "lane:bulk")]
    assert browser.send_form("/actions", do="hold", scope="lane:none", why="x").status_code == 400


def test_lifting_asks_mailjet_and_writes_no_address_into_the_log(browser, container, monkeypatch):
    asked = []
    monkeypatch.setattr(
        type(container.suppressions), "_resubscribe", lambda self, email, ours: asked.append(email) or (0, 0)
    )
    assert 'name="email" value="zoe@example.com"' in browser.shown("/suppressions")
    answer = browser.send_form("/actions", do="lift", email="zoe@example.com", why="typo mended")
    assert answer.status_code == 200
    assert asked == ["zoe@example.com"]
    assert "zoe@example.com" not in browser.shown("/suppressions")
    assert done(container) == [("ops", "lift", "suppression list", "typo mended", 1)]


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
def test_nothing_without_a_reason(browser, container, why):
    assert browser.send_form("/actions", do="cancel", id="r-1", why=why).status_code == 400
    assert (state_of(container, "r-1"), done(container)) == ("ready", [])


@pytest.mark.parametrize(
    "forged",
    [
        {"token": ""},
        {"token": "0" * 64},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
    ],
    ids=str,
)
def test_a_forged_form_does_nothing(browser, container, forged):
    browser.shown("/actions")
    for path in ("/actions", "/actions/review"):
        answer = browser.send_form(path, do="cancel", id="r-1", why="x", **forged)
        assert answer.status_code == 403
    assert (state_of(container, "r-1"), done(container)) == ("ready", [])


def test_the_token_of_another_browser_is_worth_nothing(web, browser, container):
    token = re.search(r'name="token" value="(\w+)"', Browser(web).shown("/actions"))[1]
    browser.shown("/actions")
    assert browser.send_form("/actions", do="cancel", id="r-1", why="x", token=token).status_code == 403


def test_a_forged_form_without_the_cookie_does_nothing(web, browser, container):
    token = re.search(r'name="token" value="(\w+)"', browser.shown("/actions"))[1]
    other = Browser(web)
    assert other.send_form("/actions", do="cancel", id="r-1", why="x", token=token).status_code == 403
    assert state_of(container, "r-1") == "ready"


def test_nobody_acts_without_the_password(web):
    assert requests.post(f"{web}/actions", data={"do": "hold"}, timeout=10).status_code == 401
    assert requests.get(f"{web}/actions", timeout=10).status_code == 401


def test_the_cookie_is_for_this_site_and_no_script(browser):
    browser.shown("/actions")
    cookie = browser.get(f"{browser.web}/actions", timeout=10).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_off_by_default_there_is_no_form_and_no_act(valkey, tmp_path):
    off = Container(parse_settings(CONFIG.format(port=valkey.port, database=f"sqlite:///{tmp_path}/off.db")))
    with off.ledger.write() as connection:
        now = datetime.now(UTC)
        connection.execute(
            insert(messages), [row("r-1", state="ready", accepted_at=now, changed_at=now, not_before=now)]
        )
    with serving(off) as url:
        browser = Browser(url)
        assert "<button>Cancel" not in browser.shown("/messages/r-1")
        assert 'name="token"' not in browser.shown("/")
        answer = browser.send_form("/actions", do="cancel", id="r-1", why="x", token="x")
        assert answer.status_code == 400
        assert "web.actions" in answer.text
    assert state_of(off, "r-1") == "ready"
    off.close()


def test_acts_need_a_password_in_the_configuration():
    with pytest.raises(ConfigError, match="actions need operator_user"):
        parse_settings("mailjet: {api_key: k, api_secret: s}\nweb: {actions: true}")


def test_the_timeline_says_who_cancelled(browser, container):
    browser.send_form("/actions", do="cancel", id="r-1", why="wrong price")
    with container.ledger.read() as connection:
        said = (
            connection.execute(select(timeline.c.why).where(timeline.c.message_id == "r-1")).scalars().all()
        )
    assert "cancelled by ops: wrong price" in said
