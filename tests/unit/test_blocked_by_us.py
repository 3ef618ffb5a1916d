"""Which sent mails are offered for sending again: those that Mailjet blocked for a fault of ours."""

import pytest

from mailworker.ledger.resend_blocked import is_blocked_by_us
from mailworker.rules.delivery_status import OUR_FAULT


@pytest.mark.parametrize(
    ("state", "delivery", "reason", "ours"),
    [
        ("sent", "blocked", f"Mailjet did not deliver it: bad template. {OUR_FAULT}", True),
        ("sent", "blocked", OUR_FAULT, True),
        ("sent", "blocked", "the address is on Mailjet's own list", False),
        ("sent", "blocked", None, False),
        ("sent", "blocked", "", False),
        ("sent", "delivered", OUR_FAULT, False),
        ("sent", None, OUR_FAULT, False),
        ("failed", "blocked", OUR_FAULT, False),
    ],
)
def test_only_what_mailjet_has_and_blocked_for_our_fault(state, delivery, reason, ours):
    assert is_blocked_by_us({"state": state, "delivery": delivery, "reason": reason}) is ours
