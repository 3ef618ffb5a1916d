"""Asking the gate about a batch: what is known of everybody who would get one of its mails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailworker.config.settings import Settings
from mailworker.core.address import canonical_address
from mailworker.core.kind import Kind
from mailworker.dispatch.outgoing_mail import recipients, without_copies
from mailworker.ledger import Ledger
from mailworker.ledger.campaign_targets import Target, targets
from mailworker.ledger.suppressions import standings
from mailworker.rules.campaign_rules import purpose_of
from mailworker.rules.pre_send_check import is_safe
from mailworker.rules.recipient_gate import UNKNOWN, Purpose, Standing, refusal

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """What was found out about a batch's recipients at one moment."""

    standings: Mapping[str, Standing]
    targets: Mapping[str, Target]


class RecipientChecks:
    """The last look at who would get a mail."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._ledger = ledger
        self._worker = settings.worker
        self._needs_consent = settings.contacts.consent is not None

    def ask(self, rows: Sequence[Row]) -> RecipientFacts:
        """Read what the ledger knows, all of it at one moment. Raises the ledger's transient errors."""
        with self._ledger.read() as connection:
            known = standings(connection, {email for row in rows for email in recipients(row)})
            return RecipientFacts(known, targets(connection, [row["idempotency_key"] for row in rows]))

    def refused(self, row: Row, kind: Kind, facts: RecipientFacts) -> str | None:
        """Why nobody gets this mail; None where its recipient may."""
        standing = facts.standings.get(canonical_address(row["to_email"]), UNKNOWN)
        objection = refusal(standing, purpose_of(row, kind), needs_consent=self._needs_consent)
        if objection is not None:
            return objection.why
        if kind.optional and row["kind"] in standing.switched_off:
            return "its reader switched this kind of mail off"
        target = facts.targets.get(row["idempotency_key"])
        if target is not None and target.contact_type not in standing.lists:
            return "its contact is not on the campaign's list any more"
        return None

    def no_longer_true(self, row: Row, facts: RecipientFacts) -> str | None:
        """Why this mail would reach somebody else than it was written for."""
        target = facts.targets.get(row["idempotency_key"])
        if target is None or target.email in {None, canonical_address(row["to_email"])}:
            return None
        return "its contact has another address now"

    def is_safe(self, row: Row) -> bool:
        """Whether this environment may mail everybody whom the mail goes to."""
        worker = self._worker
        return all(
            is_safe(email, environment=worker.environment, safelist=worker.safelist)
            for email in recipients(row)
        )

    def without_stopped_copies(self, row: Row, kind: Kind, facts: RecipientFacts) -> Row:
        """The mail without copies to those who may not get it."""
        purpose = Purpose.SERVICE if kind.service else Purpose.MARKETING
        stopped = {
            email for email, standing in facts.standings.items() if refusal(standing, purpose) is not None
        }
        return without_copies(row, stopped)
