"""The last of a mail's variables: what is known when it leaves, and words of a CRM in another language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.config.builtin_kinds import (
    BALANCE_EXPIRED,
    BALANCE_LOW,
    INVOICE,
    INVOICE_REMINDER,
    KINDS,
    PASSWORD_CHANGE,
    PASSWORD_RESET,
    VERIFICATION,
)
from mailworker.core.kind import Kind
from mailworker.wording import crm_translations
from mailworker.wording.amounts_with_units import is_used_up, respelt
from mailworker.wording.caller_values import written_out
from mailworker.wording.link_expiry import days_left, link_expiry
from mailworker.wording.subjects import days_until_due, reminder_timing

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MailFacts:
    """What is known of a mail besides its variables, at the moment when it leaves.

    `prepared` is whether it is about an invoice that was rendered. `asked_at` is when the caller asked for
    it. `reply_to` is where an answer would be read, empty where nobody reads one. `currency` is that of
    amounts which name none.
    """

    language: str
    to_email: str
    asked_at: datetime
    zone: ZoneInfo
    has_files: bool = False
    prepared: bool = False
    reply_to: str = ""
    currency: str = "EUR"


def finished(kind: Kind, variables: Variables, facts: MailFacts) -> dict[str, Any]:
    """The variables as the template gets them; only names that the kind has are added or changed.

    An operator's own kinds get them as they came: nothing is known of what they mean.
    """
    if kind.name not in KINDS:
        return dict(variables)
    variables = written_out(variables, language=facts.language, zone=facts.zone, currency=facts.currency)
    add = _FINISH.get(kind.name)
    if add is None:
        return variables
    known = {variable.name for variable in kind.variables}
    return {**variables, **{name: it for name, it in add(variables, facts).items() if name in known}}


def _invoice(variables: Variables, facts: MailFacts) -> Variables:
    attached = "yes" if facts.has_files else "too_large" if facts.prepared else "no"
    return {
        "pdf": attached,
        "ask": "no" if _nothing_to_ask(variables) else "yes",
        "amount_due": variables.get("amount_due") or variables.get("total_amount", ""),
    }


def _nothing_to_ask(variables: Variables) -> bool:
    """Whether the reader has nothing to pay by themselves."""
    settled = variables.get("payment_state") in {"paid", "nothing_due", "direct_debit"}
    return settled or variables.get("document_type") == "credit_note"


def _reminder(variables: Variables, facts: MailFacts) -> Variables:
    timing = reminder_timing(variables)
    several = str(variables.get("invoice_count") or "1") not in {"", "0", "1"}
    left = days_until_due(variables) if timing == "before" else 0
    own = {"number": "invoice_number", "due_date": "due_date", "amount": "total_amount", "pay_url": "pay_url"}
    return {
        # Mailjet fails on a loop over nothing, even where no branch leads to it (mjmlio/mjml#676).
        "invoices": variables.get("invoices") or [{name: variables.get(of, "") for name, of in own.items()}],
        "timing": timing,
        "days_text": days_left(str(left), facts.language),
        "several": "yes" if several else "no",
        "reply_to": facts.reply_to,
    }


def _link(variables: Variables, facts: MailFacts) -> Variables:
    text = str(variables.get("expiry_time") or "")
    if text.isdecimal():  # of which unit is unknown
        text = ""
    span, until = link_expiry(text, asked_at=facts.asked_at, language=facts.language, zone=facts.zone)
    return {
        "expiry_time": span or text,
        "link_span": span,
        "link_until": until,
        "account": variables.get("account") or facts.to_email,
    }


def _password_change(variables: Variables, facts: MailFacts) -> Variables:
    return {"changed_by": crm_translations.changed_by(str(variables.get("changed_by", "")), facts.language)}


def _low(variables: Variables, facts: MailFacts) -> Variables:
    state = "empty" if is_used_up(str(variables.get("current_balance", ""))) else "low"
    amounts = {
        name: respelt(str(variables.get(name, "")), language=facts.language)
        for name in ("current_balance", "threshold")
    }
    return _balance(variables, facts) | amounts | {"balance_state": state}


def _balance(variables: Variables, facts: MailFacts) -> dict[str, Any]:
    word = str(variables.get("balance_type", ""))
    credit = "yes" if crm_translations.is_credit(word) else "no"
    ended = "yes" if crm_translations.is_ended_service(word) else "no"
    translated = crm_translations.balance_type(word, facts.language)
    return {"balance_type": translated, "is_credit": credit, "ended_service": ended}


_FINISH: Mapping[str, Callable[[Variables, MailFacts], Variables]] = {
    INVOICE: _invoice,
    INVOICE_REMINDER: _reminder,
    PASSWORD_RESET: _link,
    PASSWORD_CHANGE: _password_change,
    VERIFICATION: _link,
    BALANCE_LOW: _low,
    BALANCE_EXPIRED: _balance,
}
