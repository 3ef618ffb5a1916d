"""Asking the gate about a batch: what is known of everybody who would get one of its mails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailworker.config.settings import Settings
from mailworker.core.canonical_address import canonical_address
from mailworker.core.kind import Kind
from mailworker.dispatch.leave_out_copies import recipients, without_copies
from mailworker.ledger import Ledger
from mailworker.ledger.campaign_audience import Target, targets
from mailworker.ledger.recipient_limits import ahead_of, stop_flood
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.run_query import Row
from mailworker.rules.campaign_rules import purpose_of
from mailworker.rules.pre_send.verdicts import Cancel
from mailworker.rules.recipient_gate import UNKNOWN, Purpose, Standing, refusal
from mailworker.rules.safelist import is_safe
from mailworker.rules.secret_variables import wiped


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """What was found out about a batch's recipients at one moment."""

    standings: Mapping[str, Standing]
    targets: Mapping[str, Target]
    ahead: Mapping[str, int]


class RecipientChecks:
    """The pre-send check of who would get a mail."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kinds = settings.kinds
        self._worker = settings.worker
        self._needs_consent = settings.contacts.consent is not None

    def ask(self, rows: Sequence[Row], *, now: datetime) -> RecipientFacts:
        """Read what the ledger knows, all of it at one moment. Raises the ledger's transient errors."""
        with self._ledger.read() as connection:
            known = standings(connection, {email for row in rows for email in recipients(row)})
            limited = ((name, kind.at_most) for name, kind in self._kinds.items())
            since = {name: now - most.period for name, most in limited if most is not None}
            meant = targets(connection, [row["idempotency_key"] for row in rows])
            return RecipientFacts(known, meant, ahead_of(connection, rows, since))

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
        return too_many(kind) if self._is_too_many(row, kind, facts) else None

    def stop_floods(
        self, connection: Connection, rows: Sequence[Row], facts: RecipientFacts, *, now: datetime
    ) -> None:
        """Stop what else waits of a kind to an address that has had enough of it."""
        floods = {
            (row["kind"], canonical_address(row["to_email"]))
            for row in rows
            if (kind := self._kinds.get(row["kind"])) and self._is_too_many(row, kind, facts)
        }
        stop_flood(
            connection,
            floods,
            why=lambda name: too_many(self._kinds[name]),
            wipe=lambda row: wiped(self._kinds[row["kind"]], row["variables"]),
            now=now,
        )

    @staticmethod
    def _is_too_many(row: Row, kind: Kind, facts: RecipientFacts) -> bool:
        return kind.at_most is not None and facts.ahead.get(row["id"], 0) >= kind.at_most.count

    def no_longer_true(self, row: Row, facts: RecipientFacts) -> Cancel | None:
        """Whether this mail would reach somebody else than it was written for."""
        target = facts.targets.get(row["idempotency_key"])
        if target is None or target.email in {None, canonical_address(row["to_email"])}:
            return None
        return Cancel("its contact has another address now")

    def is_safe(self, row: Row) -> bool:
        """Whether this environment may mail everybody whom the mail goes to."""
        environment, safelist = self._worker.environment, self._worker.safelist
        return all(is_safe(email, environment=environment, safelist=safelist) for email in recipients(row))

    def without_stopped_copies(self, row: Row, kind: Kind, facts: RecipientFacts) -> Row:
        """The mail without copies to those who may not get it."""
        purpose = Purpose.SERVICE if kind.service else Purpose.MARKETING
        stopped = {
            email for email, standing in facts.standings.items() if refusal(standing, purpose) is not None
        }
        return without_copies(row, stopped)


def too_many(kind: Kind) -> str:
    """Why an address that had enough of a kind gets no more of it for now."""
    return f"one address gets at most {kind.at_most}"
