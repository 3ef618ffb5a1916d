"""Segments: which contacts a campaign is for, as an expression over their properties.

    city = "Lyon" and (age >= 30 or not provided(age)) and segment in ("pro", "firm")

One expression is read and checked here, translated for Mailjet's own campaigns, and asked of the contacts
that the ledger holds, so that everybody sees whom it means before anything is sent.
"""

from mailworker.rules.segments.evaluate import holds
from mailworker.rules.segments.syntax import EVERYONE, Segment
from mailworker.rules.segments.to_mailjet import for_mailjet
from mailworker.rules.segments.type_check import check_segment

__all__ = ["EVERYONE", "Segment", "check_segment", "for_mailjet", "holds"]
