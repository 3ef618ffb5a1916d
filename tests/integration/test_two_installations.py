"""Two installations on one Mailjet key (docs/several-hosts.md): their shares keep the limit, and doctors know."""

import pytest

from mailworker.cli.doctor_checks import mailjet
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.errors import Throttled
from mailworker.limits import Bucket, CallLane
from mailworker.mailjet.rest_api import RestCall
from mailworker.simulator import running
from tests.redis_clock import SimulatedClock, simulated_redis

pytestmark = pytest.mark.integration

LIMIT, SHARES = 200, (150, 50)
#: A limit that is used up soon.
FEW = 20
CONFIG = """
mailjet:
  api_key: simulator-key
  api_secret: simulator-secret
  api_url: {url}
  calls_per_minute: {share}
  api_crmCommunicationCustomerWelcome: {{from_email: a@crm.example, from_name: A, template_id: 1, subject: Bienvenue}}
"""


@pytest.mark.parametrize("shares", [SHARES, (100, 100), (199, 1)])
def test_both_together_never_call_more_than_mailjet_allows(shares, monkeypatch):
    clock = SimulatedClock().install(monkeypatch)
    buckets = [Bucket(simulated_redis(), share) for share in shares]
    due, calls, end = [clock.seconds] * len(buckets), [], clock.seconds + 300
    while (now := min(due)) < end:
        clock.advance(max(0.0, now - clock.seconds))
        place = due.index(now)
        wait = buckets[place].try_take(CallLane.BULK, f"{place}-{len(calls)}")
        if wait == 0.0:
            calls.append(clock.seconds)
        due[place] = clock.seconds + max(wait, 0.001)
    assert max(sum(first <= one < first + 60 for one in calls) for first in calls) <= LIMIT
    assert len(calls) > 0.9 * 4 * LIMIT, "and they use what they may"


def use_up(gateway):
    """Call as a program does that keeps no share."""
    for _ in range(FEW + 1):
        gateway.rest(RestCall("sender"))


def test_where_a_key_is_used_up_each_doctor_says_that_somebody_else_calls_with_it(valkey_redis):
    with running(calls_per_minute=FEW) as simulator:
        installations = [
            Container(parse_settings(CONFIG.format(url=simulator.url, share=share), environ={}))
            for share in SHARES
        ]
        with pytest.raises(Throttled):
            use_up(installations[0].gateway)
        for one in installations:
            one.__dict__["bucket"] = Bucket(valkey_redis, 6000, name=f"share-{id(one)}")
            (found,) = mailjet.examine(one, None)
            assert [fault for fault in found.faults if "Somebody else calls with the same key" in fault]
            assert "mailjet.calls_per_minute" in found.faults[0]
            one.gateway.close()
