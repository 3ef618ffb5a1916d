"""What a campaign's reader meets: a link that does nothing until it is posted to, and then does it."""

import re
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from sqlalchemy import insert

from mailworker.ledger.recipient_standings import standings, suppressed
from mailworker.ledger.tables import messages
from mailworker.ledger.unsubscribe_link_key import unsubscribe_key
from mailworker.rules.recipient_gate import Purpose, refusal
from mailworker.rules.sign_unsubscribe_link import unsubscribe_link
from tests.integration.web_server import make_container, serving
from tests.unit.test_deliveries import row

pytestmark = pytest.mark.integration


@pytest.fixture
def container(tmp_path):
    found = make_container(1, f"sqlite:///{tmp_path}/ledger.db")
    now = datetime.now(UTC)
    moments = {"accepted_at": now, "changed_at": now, "not_before": now}
    one = row("m-1", state="sent", to_email="Zoe@example.com", to_canonical="zoe@example.com", **moments)
    with found.ledger.write() as connection:
        connection.execute(insert(messages), [one])
    yield found
    found.close()


@pytest.fixture
def link(container):
    with serving(container) as url:
        yield unsubscribe_link(url, "m-1", unsubscribe_key(container.ledger))


def listed(container):
    with container.ledger.read() as connection:
        return suppressed(connection, ["zoe@example.com"])


def may_get(container, purpose):
    with container.ledger.read() as connection:
        standing = next(iter(standings(connection, ["zoe@example.com"]).values()))
    return refusal(standing, purpose) is None


def test_looking_at_it_changes_nothing(container, link):
    for language, words in (("fr", "Se désinscrire"), ("en", "Unsubscribe")):
        answer = requests.get(link, headers={"Accept-Language": language}, timeout=10)
        assert answer.status_code == 200
        assert words in answer.text
    assert listed(container) == {}


def test_all_that_the_page_loads_lies_where_a_proxy_lets_customers_pass(link):
    """docs/upgrade.md: `/unsubscribe/` and nothing else."""
    page = requests.get(link, timeout=10).text
    loaded = [urljoin(link, href) for href in re.findall(r'(?:href|src)="(?!data:)([^"]+)"', page)]
    assert [requests.get(url, timeout=10).headers["Content-Type"] for url in loaded] == [
        "text/css; charset=utf-8"
    ]
    assert {urlsplit(url).path.split("/")[1] for url in loaded} == {"unsubscribe"}


def test_one_post_ends_campaigns_and_nothing_else(container, link):
    for _ in range(2):  # mail programs repeat
        answer = requests.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=10)
        assert answer.status_code == 200
    assert listed(container) == {"zoe@example.com": "unsubscribed"}
    assert not may_get(container, Purpose.CAMPAIGN)
    assert may_get(container, Purpose.SERVICE)


@pytest.mark.parametrize("change", [lambda link: link[:-1] + "A", lambda link: link.replace("m-1", "m-2")])
def test_a_forged_link_is_none(container, link, change):
    forged = change(link)
    assert forged == link or requests.post(forged, timeout=10).status_code == 404
    assert listed(container) == {}


def test_a_link_of_a_forgotten_message_says_so(container, link):
    with container.ledger.write() as connection:
        connection.execute(messages.delete())
    assert requests.post(link, timeout=10).status_code == 410
