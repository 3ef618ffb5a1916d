"""CGRateS posts, and the alert is at Mailjet: within a second on an idle host, once, and behind a password."""

from collections.abc import Iterator

import pytest

from mailworker.cli.local_stack import wait_until
from tests.omnicrm.ocs_operator import OcsOperator, ocs_operator

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OcsOperator]:
    with ocs_operator(tmp_path_factory.mktemp("cgrates"), 120) as made:
        made.servers.worker(["mail.urgent", "mail.normal"], concurrency=1, name="all")
        made.servers.start_web()
        yield made


def test_from_the_post_to_mailjet(operator: OcsOperator) -> None:
    operator.post(operator.crossed("s0"))  # the first opens every connection
    assert wait_until(lambda: operator.alerts() == 1, seconds=30)
    body = operator.crossed("s1")
    answer = operator.post(body)
    assert answer.status_code // 100 == 2
    assert wait_until(lambda: operator.alerts() == 2, seconds=30)
    operator.post(body)
    operator.post(operator.crossed("s2"))
    assert wait_until(lambda: operator.alerts() == 3, seconds=30), "the replay told nobody, the next did"


def test_strangers_are_turned_away(operator: OcsOperator) -> None:
    assert operator.post("{}", auth=None).status_code == 401
    assert operator.post("{}", auth=("cgrates", "wrong")).status_code == 401


def test_whatever_is_posted_is_taken(operator: OcsOperator) -> None:
    for body in ("null", "<html>", "", '{"ID": "other:s9", "BalanceMap": null}'):
        assert operator.post(body).status_code // 100 == 2


def test_a_flood_is_told_once_each(operator: OcsOperator) -> None:
    before = operator.alerts()
    bodies = [operator.crossed(f"s{n}") for n in range(10, 120)]
    operator.post_all(bodies + bodies[::7])
    assert wait_until(lambda: operator.alerts() >= before + len(bodies), seconds=60)
    assert operator.alerts() == before + len(bodies)
