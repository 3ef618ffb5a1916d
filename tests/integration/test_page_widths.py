"""The operators' pages in a browser, full of what hostile callers and servers write: nothing is cut off or runs as script."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import insert

from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.ledger.holds import hold_by_hand
from mailworker.ledger.suppressions import add_by_hand
from mailworker.ledger.tables import messages, timeline
from mailworker.ledger.webhook_log import WebhookTally
from tests.browser import BROWSER, in_frames
from tests.integration.web_server import CONFIG, serving
from tests.rows import URGENT, row

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium"),
]
ON = CONFIG.replace("operator_password: operators", "operator_password: operators, actions: true")
REST = {"mailjet_id": 2**62, "mailjet_uuid": "u" * 36, "delivery": None, "reason": None}
SCRIPT, ARABIC = "<script>document.title='hit'</script>", "مرحبا بالعالم 🎉"
PATHS = ("/", "/messages", "/messages/m-sent", "/messages/m-failed", "/upcoming", "/upcoming?when=now", "/upcoming?when=held", "/deliverability",
         "/events", "/suppressions", "/schedule", "/actions", "/messages/none")  # fmt: skip
#: The page's own width, each box whose content is wider than itself, and whether a script ran.
_MEASURE = """one => {
  const page = one.contentDocument, root = page.documentElement;
  const wide = [...page.querySelectorAll(".card, .banner, h1, p, .tile, header")].filter(it => it.scrollWidth > it.clientWidth + 1);
  return [root.scrollWidth > one.clientWidth, wide.map(it => it.outerHTML.slice(0, 200)), page.title.startsWith("hit")];
}"""


@pytest.fixture
def container(valkey, tmp_path):
    """An installation whose every text is as long or as odd as it may be."""
    made = Container(parse_settings(ON.format(port=valkey.port, database=f"sqlite:///{tmp_path}/ledger.db")))
    made.redis.flushall()
    now = datetime.now(UTC)
    long = f"Mailjet refuses the message: {'x' * 150} {SCRIPT} {ARABIC}"
    person = {
        "to_email": f"{'w' * 60}@{'d' * 60}.example",
        "to_name": f"{SCRIPT} {ARABIC}",
        "customer_id": "C" * 60,
        "invoice_id": "I" * 90,
    }
    file = {
        "filename": f"facture {'x' * 120}.pdf",
        "size": 126_000,
        "sha256": "a" * 64,
        "content_type": "application/pdf",
    }
    states = {
        "sent": {"delivery": "bounced", "attachments": [file], "variables": {"customer_name": SCRIPT, "n" * 60: "F" * 300, "city": ARABIC}},
        "failed": {"reason": long}, "unknown": {"reason": long, "called_at": now}, "held": {"reason": long}, "accepted": {}, "ready": {"kind": URGENT, "lane": 0},
    }  # fmt: skip
    moments = {
        "accepted_at": now,
        "changed_at": now,
        "not_before": now - timedelta(seconds=90),
        "expires_at": now + timedelta(days=1),
    }
    rows = [row(f"m-{state}", state=state) | REST | moments | person | more for state, more in states.items()]
    rows.append(
        row("m-later") | REST | moments | person | {"not_before": now + timedelta(hours=9), "reason": long}
    )
    tally = WebhookTally()
    for what in (
        "posts",
        "event:open",
        "event:sent",
        "event:bounce",
        "event:other",
        "repeated",
        "unmatched",
        "unreadable",
        "refused:401",
        "refused:503",
    ):
        tally.count(now, what, 1_234_567)
    with made.ledger.write() as connection:
        connection.execute(insert(messages), rows)
        connection.execute(
            insert(timeline), [{"message_id": "m-sent", "at": now, "what": "bounced", "why": long}]
        )
        hold_by_hand(connection, "lane:bulk", reason=long[:400], now=now)
        add_by_hand(
            connection,
            f"{'v' * 60}@{'e' * 60}.example",
            reason="blocked",
            why=long[:400],
            by="marta",
            now=now,
        )
        tally.write(connection)
    yield made
    made.close()


def test_no_page_is_cut_off_at_a_phones_width_and_none_runs_what_a_caller_wrote(container, tmp_path):
    pages = {}
    with serving(container) as url:
        style = requests.get(f"{url}/style.css", timeout=10).text
        for language in ("fr", "en"):
            for path in PATHS:
                answer = requests.get(
                    url + path, auth=("ops", "operators"), headers={"Accept-Language": language}, timeout=20
                )
                page = answer.text.replace(
                    '<link rel="stylesheet" href="/style.css">', f"<style>{style}</style>"
                )
                pages[f"{path} {language}"] = page.replace('http-equiv="refresh"', 'name="off"')
    told = in_frames(tmp_path, pages, (380, 1200), _MEASURE)
    assert [(name, wide, boxes) for name, (wide, boxes, _) in told if wide or boxes] == []
    assert not any(hit for _, (_, _, hit) in told)
