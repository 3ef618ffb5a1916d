"""axe-core, which Deque keeps, on every page of ours and every mail: labels, contrast, headers, landmarks, language."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import insert

from mailworker.cli.template_commands.preview import write_previews
from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.deliveries import Deliveries
from mailworker.ledger.holds import hold_by_hand
from mailworker.ledger.hourly_statistics import roll_up
from mailworker.ledger.operator_audit_log import Act, OperatorAction, record_action
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.suppressions import add_by_hand
from mailworker.ledger.tables import messages
from mailworker.ledger.webhook_log import WebhookTally
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.templates.shipped_templates import LANGUAGES
from mailworker.templates.template_library import sample_library
from tests.browser import BROWSER, in_frames
from tests.contract.conftest import environment
from tests.integration.web_server import CONFIG, serving
from tests.unit.test_deliveries import HARD, event, row
from tests.unit.test_mail_truth import Letter, sample_variables

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium"),
]

OPERATOR = ("ops", "operators")
ON = CONFIG.replace("operator_password: operators", "operator_password: operators, actions: true")
PATHS = ("/", "/messages", "/upcoming", "/upcoming?when=now", "/events", "/messages/m-1", "/messages/m-3", "/messages/m-5", "/messages/none", "/deliverability",
         "/suppressions", "/schedule", "/actions", "/unsubscribe/x")  # fmt: skip
#: The overview refreshes by itself until its reader says stop, as WCAG 2.2.1 allows and axe cannot see.
_STOPPABLE = "meta-refresh"
_COLOURS = ("color-contrast", "link-in-text-block")
#: A mail stands inside of a mail program's page, whose landmarks it cannot know.
_OF_A_PAGE = {"region", "landmark-one-main", "page-has-heading-one"}
_MEASURE = """async one => (await one.contentWindow.axe.run(one.contentDocument, %s))
  .violations.map(found => [found.id, found.nodes.map(node => node.html.slice(0, 120)).slice(0, 3)])"""


@pytest.fixture
def axe(tmp_path):
    """What axe says of pages: (page and width, rule, places)."""
    script = environment("node") / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not there; make it with `make clients`")
    (tmp_path / "axe.js").write_bytes(script.read_bytes())

    def violations(pages, ignored=(), widths=(380, 1200)):
        """By all rules at each width; and in the dark, where only colours differ, by those of colours at the first."""
        whole = {
            name: page.replace("</body>", '<script src="axe.js"></script></body>')
            for name, page in pages.items()
        }
        found = in_frames(tmp_path, whole, widths, _MEASURE % "{iframes: false}")
        colours = f"{{iframes: false, runOnly: {list(_COLOURS)}}}"
        dark = in_frames(tmp_path, whole, widths[:1], _MEASURE % colours, dark=True)
        return [
            (name, rule, places)
            for name, rules in (*found, *((f"{name}, dark", rules) for name, rules in dark))
            for rule, places in rules
            if rule not in ignored
        ]

    return violations


@pytest.fixture
def container(valkey, tmp_path):
    """An installation where everything that a page can show has happened."""
    made = Container(parse_settings(ON.format(port=valkey.port, database=f"sqlite:///{tmp_path}/ledger.db")))
    made.redis.flushall()
    now = datetime.now(UTC)
    moments = {"accepted_at": now, "changed_at": now, "not_before": now - timedelta(seconds=90)}
    rows = [
        row(**moments),
        row("m-2", state="ready", lane=0, **moments),
        row("m-3", state="failed", reason="Mailjet refuses the message: x", **moments),
        row("m-4", state="unknown", **moments),
        row("m-5", state="ready", **moments),
    ]
    with made.ledger.write() as connection:
        connection.execute(insert(messages), [dict.fromkeys(rows[2]) | one for one in rows])
        hold_by_hand(connection, "*", reason="prices", now=now)
        add_by_hand(connection, "eva@example.fr", reason="blocked", why="asked", by="marta", now=now)
        record_action(connection, OperatorAction(now, "marta", "10.0.0.1", Act.HOLD, "*", "prices", 1))
        fault = {"faults": ["kind: there is no 'x'."], "payload": None, "message_id": None}
        reject(connection, [fault | {"at": now, "source": "stream", "entry_id": "1", "kind": "k"}])
    Deliveries(made.ledger, made.settings.kinds).record(parse_events([event("bounce", **HARD)]), now=now)
    tally = WebhookTally()
    for what in ("posts", "event:open", "unreadable", "refused:401"):
        tally.count(now, what)
    with made.ledger.write() as connection:
        tally.write(connection)
        roll_up(connection, since=now - timedelta(hours=1), now=now)
    yield made
    made.close()


def test_the_operators_pages(container, axe):
    pages = {language: {} for language in LANGUAGES}
    with serving(container) as url:
        for language in LANGUAGES:
            for path in PATHS:
                answer = requests.get(
                    url + path, auth=OPERATOR, headers={"Accept-Language": language}, timeout=10
                )
                pages[language][f"{path} {language}"] = with_style(answer.text, url)
        found = requests.post(f"{url}/search", {"text": "eva@example.fr"}, auth=OPERATOR, timeout=10).text
        pages["fr"]["/search"] = with_style(found, url)
    assert axe(pages["fr"], ignored={_STOPPABLE}, widths=(380,)) == []  # the longer words
    assert axe(pages["en"], ignored={_STOPPABLE}, widths=(1200,)) == []


def with_style(page, url):
    """The page with its style sheet inside, for it is looked at from a file."""
    style = requests.get(f"{url}/style.css", timeout=10).text
    return page.replace('<link rel="stylesheet" href="/style.css">', f"<style>{style}</style>")


def test_the_inbox(mailjet, axe):
    message = {
        "From": {"Email": "a@example.com", "Name": "A"},
        "To": [{"Email": "b@example.com"}],
        "Subject": "S",
        "HTMLPart": '<p>x <a href="http://x.example">y</a></p>',
        "CustomID": "c-1",
        "Variables": {"a": "b"},
        "Attachments": [{"ContentType": "application/pdf", "Filename": "f.pdf", "Base64Content": "JVBERi0="}],
    }
    login = mailjet.settings.api_key, mailjet.settings.api_secret.reveal()
    sent = requests.post(
        f"{mailjet.url}/v3.1/send", json={"Messages": [message]}, auth=login, timeout=10
    ).json()
    mail = sent["Messages"][0]["To"][0]["MessageID"]
    paths = [
        "/",
        "/?q=none",
        *(f"/mail/{mail}?tab={tab}" for tab in ("html", "text", "source", "check", "links")),
    ]
    pages = {path: requests.get(f"{mailjet.url.rstrip('/')}{path}", timeout=10).text for path in paths}
    assert axe(pages, ignored={_STOPPABLE}) == []


def test_the_ten_mails_in_both_languages(axe):
    pages = {
        f"{kind} {language}": Letter(kind, sample_variables(kind, language), language).page
        for kind in KINDS
        for language in LANGUAGES
    }
    assert axe(pages, ignored=_OF_A_PAGE, widths=(600,)) == []


def test_the_page_of_all_templates(axe, tmp_path):
    page = write_previews(sample_library(), tmp_path / "previews")
    assert axe({"previews": page.read_text("utf-8")}) == []
