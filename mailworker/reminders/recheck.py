"""The last look before a reminder leaves: is it still true, in every word, and is this a decent hour?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.crm import CrmSource
from mailworker.crm.policies import hours_of, ladder_of
from mailworker.crm.records import CrmInvoice, Exclusion
from mailworker.crm.source import Found
from mailworker.errors import BadInput, Misconfigured, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.notification_log import SentNotification, move, spoken_by
from mailworker.ledger.rewording import reword, reworded
from mailworker.reminders.drafts import as_said, by_hand, written
from mailworker.reminders.scan import reminder_kinds
from mailworker.rules.dunning_exclusions import outdated, settled
from mailworker.rules.pre_send_check import Later
from mailworker.rules.quiet_hours import local_day, not_before
from mailworker.rules.reminder_grouping import Reminder
from mailworker.rules.reminder_ladder import Due, Step
from mailworker.scans.drafts import MessageDrafts
from mailworker.scans.recheck import UNREADABLE, UNREADABLE_WORD, Row, Words, asked, put_off

PREFIXES = ("reminder:", "reminders:")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the CRM says at this moment."""

    invoices: Found[CrmInvoice]
    exclusions: Found[Exclusion]


class ReminderRecheck:
    """Asks the CRM about reminders that are about to leave."""

    def __init__(
        self,
        settings: Settings,
        crm: Callable[[], CrmSource],
        ledger: Ledger,
        drafts: MessageDrafts,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._ladder = ladder_of(settings.reminders)
        self._hours = hours_of(settings.reminders, settings.worker.timezone)
        self._kinds = reminder_kinds(settings)
        self._crm = crm
        self._ledger = ledger
        self._drafts = drafts
        self._clock = clock

    def __call__(self, rows: Sequence[Row]) -> Words:
        """Of these messages, the reminders that must not leave, or not now, and why."""
        ours = [row for row in rows if self._is_reminder(row)]
        if not ours:
            return {}
        with self._ledger.read() as connection:
            spoken = spoken_by(connection, [row["id"] for row in ours])
        try:
            known = self._ask(ours, spoken)
        except TransientError as fault:
            return put_off(ours, fault, self._settings.worker, self._clock())
        if known is None:
            return {}
        words = {row["id"]: self._word(row, spoken.get(row["id"], []), known) for row in ours}
        return {id_: word for id_, word in words.items() if word is not None}

    def _is_reminder(self, row: Row) -> bool:
        by_ladder = row["idempotency_key"].startswith(PREFIXES)
        return by_ladder or (row["invoice_id"] is not None and row["kind"] in self._kinds)

    def _ask(self, rows: Sequence[Row], spoken: Mapping[str, Sequence[SentNotification]]) -> _Known | None:
        # Opened only here: a CRM that is out of order must not hold up a password reset.
        crm = self._crm()
        if not crm.offers("open_invoices"):
            return None
        named = {invoice_of(one) for said in spoken.values() for one in said}
        named |= {row["invoice_id"] for row in rows if row["invoice_id"] is not None}
        invoices = asked(sorted(named), crm.invoices)
        customers = {one.customer_id for one in invoices.values() if isinstance(one, CrmInvoice)}
        return _Known(invoices, asked(sorted(customers), crm.exclusions_of))

    def _word(self, row: Row, spoken: Sequence[SentNotification], known: _Known) -> str | Later | None:
        ids = [invoice_of(one) for one in spoken] or [row["invoice_id"]]
        now = self._clock()
        if any(isinstance(known.invoices.get(id_), BadInput) for id_ in ids):
            return Later(now + UNREADABLE, UNREADABLE_WORD)
        if not spoken:
            return self._of_staff(row, known, now)
        reasons = {one.claim.key: self._reason(one, known, now) for one in spoken}
        true = [one for one in spoken if reasons[one.claim.key] is None]
        if not true:
            return next(reason for reason in reasons.values() if reason)
        invoices = [_readable(known.invoices.get(invoice_of(one))) for one in true]
        opens = not_before(now, self._hours, next(one.timezone for one in invoices if one))
        if opens > now:
            return Later(opens, "quiet hours, or a day on which nothing leaves")
        if len(true) < len(spoken):
            return self._replaced(row, true, known, now)
        again = _in_its_words(self._again(row, true, known, now), row)
        return self._in_true_words(row, lambda: written(again, self._drafts, not_before=now, now=now).row)

    def _of_staff(self, row: Row, known: _Known, now: datetime) -> str | Later | None:
        """A reminder that no step says: somebody sent it by hand."""
        invoice = _readable(known.invoices.get(row["invoice_id"])) if row["invoice_id"] else None
        gone = settled(invoice) if row["invoice_id"] else None
        if gone is not None or invoice is None:
            return gone.sentence if gone else None
        today = local_day(now, self._hours.zone)
        return self._in_true_words(row, lambda: by_hand(invoice, row, self._drafts, today=today, now=now))

    def _in_true_words(self, row: Row, write: Callable[[], Row]) -> Later | None:
        """Where the CRM says other things by now, an amount above all, the mail will say them too.

        It keeps its id and its claims; put back with its new words, it is claimed and asked about once more.
        """
        now = self._clock()
        try:
            fresh = write()
        except BadInput:
            return Later(now + UNREADABLE, UNREADABLE_WORD)
        except Misconfigured:
            return None  # its kind is not in the configuration any more: the dispatcher says so
        if not (changed := reworded(row, fresh)):
            return None
        with self._ledger.write() as connection:
            reword(connection, row, fresh)
        return Later(now, f"written anew, for this changed in the CRM: {', '.join(changed)}")

    def _reason(self, one: SentNotification, known: _Known, now: datetime) -> str | None:
        """Why this step is no longer true, or None."""
        invoice = _readable(known.invoices.get(invoice_of(one)))
        exclusion = known.exclusions.get(invoice.customer_id) if invoice else None
        if isinstance(exclusion, BadInput):
            # Somebody wrote this customer down as one to be left alone; until when, cannot be read.
            return "The customer's exclusion in the CRM cannot be read."
        today = local_day(now, self._hours.zone_of(invoice.timezone if invoice else ""))
        objection = outdated(invoice, one.claim.days or 0, self._ladder, today, exclusion)
        return objection.sentence if objection else None

    def _replaced(
        self, row: Row, true: Sequence[SentNotification], known: _Known, now: datetime
    ) -> str | Later:
        """Say the rest in a mail of its own: the one that waited adds up what was paid meanwhile."""
        try:
            saying = written(self._again(row, true, known, now), self._drafts, not_before=now, now=now)
        except (BadInput, Misconfigured):
            return Later(now + UNREADABLE, UNREADABLE_WORD)
        with self._ledger.write() as connection:
            accept(connection, [saying.row], now)
            keys = [one.claim.key for one in true]
            move(connection, keys, old=row["id"], new=saying.row["id"], now=now)
        return f"Part of it is no longer true; {saying.row['id']} says the rest."

    def _again(
        self, row: Row, true: Iterable[SentNotification], known: _Known, now: datetime
    ) -> Reminder[CrmInvoice]:
        """The same reminder as it would be written now."""
        pairs: list[tuple[CrmInvoice, Due]] = []
        for one in true:
            invoice = _readable(known.invoices.get(invoice_of(one)))
            if invoice is not None:
                step = Step(one.claim.days or 0, row["kind"])
                age = (local_day(now, self._hours.zone_of(invoice.timezone)) - invoice.due_date).days
                due = Due(
                    step,
                    one.claim.key,
                    now,
                    days_overdue=max(0, age),
                    days_left=max(0, -age),
                    last=self._ladder.is_last(step),
                )
                pairs.append((invoice, due))
        pairs.sort(key=lambda pair: (-pair[1].step.days, pair[0].due_date, pair[0].invoice_id))
        return Reminder(pairs[0], tuple(pairs))


def _in_its_words(reminder: Reminder[CrmInvoice], row: Row) -> Reminder[CrmInvoice]:
    """The same, its first invoice as this mail said it wherever the CRM is silent now."""
    first, due = reminder.leading
    leading = as_said(first, row), due
    return Reminder(leading, (leading, *reminder.all[1:]))


def invoice_of(one: SentNotification) -> str:
    """The invoice that this was said about."""
    return one.claim.about.removeprefix("invoice:")


def _readable(found: CrmInvoice | BadInput | None) -> CrmInvoice | None:
    return found if isinstance(found, CrmInvoice) else None
