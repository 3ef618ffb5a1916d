"""Mail that does not leave, and nobody would know."""

from datetime import timedelta

from mailworker.core.clock import utc_now
from mailworker.ledger import campaign_rows
from mailworker.ledger.holds import hold, hold_by_hand
from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import fault
from tests.rows import URGENT


@fault(
    43, "all mail is held", says="All mail is held since", cure="mailworker holds release '*'",
)  # fmt: skip
def _(site: Installation) -> None:
    with site.ledger().write() as connection:
        hold(connection, "*", reason="Mailjet refused the API key", code="401", now=utc_now())
    site.add_messages(20_000)


def held_by_hand(site: Installation) -> None:
    """The same by a person: nothing probes, so it ends only by hand."""
    with site.ledger().write() as connection:
        hold_by_hand(connection, "*", reason="maintenance", now=utc_now())


@fault(
    44, "a message is overdue", says="The oldest ready message of the normal lane has waited 2 h",
    cure="are there holds, workers and tokens?",
)  # fmt: skip
def _(site: Installation) -> None:
    site.add_messages(1, not_before=utc_now() - timedelta(hours=2, minutes=1))


@fault(
    45, "thirty of unknown outcome", says="Nobody knows whether 30 messages were sent, the oldest for 2 h",
    cure="mailworker messages replay --unknown ID --yes",
)  # fmt: skip
def _(site: Installation) -> None:
    site.add_messages(30, state="unknown", called_at=utc_now() - timedelta(hours=2, minutes=1))


@fault(
    46, "five hundred failed", says="500 failed within 24 h: send-0010: the template 5977511 is gone",
    cure="Mend the cause, then look at `mailworker messages replay`",
)  # fmt: skip
def _(site: Installation) -> None:
    reason = "send-0010: the template 5977511 is gone."
    site.add_messages(500, state="failed", kind=URGENT, reason=reason)


@fault(
    88,
    "a campaign stopped by itself",
    subjects=("campaigns",),
    says="The campaign autumn stopped: the kind has no way out",
    cure="mailworker campaign resume autumn",
)
def _(site: Installation) -> None:
    texts = {"id": "c1", "name": "autumn", "way": "workers", "segment": "", "contact_type": "billing"}
    moments = {"created_at": utc_now(), "changed_at": utc_now()}
    more = {"content": {}, "state": "paused", "written": 0, "left_out": 0, "note": "the kind has no way out"}
    with site.ledger().write() as connection:
        campaign_rows.add(connection, texts | moments | more)
