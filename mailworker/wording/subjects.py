"""In which state the thing is that a mail is about, and the subject that is true of it."""

from collections.abc import Callable, Mapping
from typing import Any

from mailworker.config.builtin_kinds import BALANCE_EXPIRED, BALANCE_LOW, INVOICE, INVOICE_REMINDER
from mailworker.core.language_tag import base_language
from mailworker.wording.amounts_with_units import is_used_up

Variables = Mapping[str, Any]

#: Kind and state -> subject in French and in English: for every state that `mail_state` gives.
STATE_SUBJECTS: Mapping[tuple[str, str], Mapping[str, str]] = {
    (INVOICE_REMINDER, "before_due"): {
        "fr": "Facture {{var:invoice_number}}\u00a0: échéance le {{var:due_date}}",
        "en": "Invoice {{var:invoice_number}} is due on {{var:due_date}}",
    },
    (INVOICE_REMINDER, "due_soon"): {
        "fr": "Facture {{var:invoice_number}} bientôt à échéance",
        "en": "Invoice {{var:invoice_number}} is due soon",
    },
    (INVOICE_REMINDER, "due_today"): {
        "fr": "Facture {{var:invoice_number}}\u00a0: échéance aujourd\u2019hui",
        "en": "Invoice {{var:invoice_number}} is due today",
    },
    (INVOICE_REMINDER, "several_before_due"): {
        "fr": "Vos factures arrivent bientôt à échéance",
        "en": "Your invoices are due soon",
    },
    (INVOICE_REMINDER, "several_due_today"): {
        "fr": "Vos factures arrivent à échéance aujourd\u2019hui",
        "en": "Your invoices are due today",
    },
    (INVOICE_REMINDER, "several"): {
        "fr": "Rappel de paiement\u00a0: {{var:invoice_count}} factures à régler",
        "en": "Payment reminder: {{var:invoice_count}} invoices to pay",
    },
    (INVOICE, "credit_note"): {
        "fr": "Avoir {{var:invoice_number}}\u00a0: {{var:total_amount}} en votre faveur",
        "en": "Credit note {{var:invoice_number}}: {{var:total_amount}} in your favour",
    },
    (INVOICE, "corrective"): {
        "fr": "Votre facture rectificative {{var:invoice_number}}",
        "en": "Your corrected invoice {{var:invoice_number}}",
    },
    (INVOICE, "prepayment"): {
        "fr": "Votre facture d\u2019acompte {{var:invoice_number}}",
        "en": "Your prepayment invoice {{var:invoice_number}}",
    },
    (INVOICE, "paid"): {
        "fr": "Votre facture acquittée {{var:invoice_number}}",
        "en": "Your paid invoice {{var:invoice_number}}",
    },
    (BALANCE_EXPIRED, "ended_service"): {
        "fr": "{{var:service_name}}\u00a0: votre service a pris fin",
        "en": "{{var:service_name}}: your service has ended",
    },
    (BALANCE_LOW, "empty"): {
        "fr": "{{var:service_name}}\u00a0: votre solde est épuisé",
        "en": "{{var:service_name}}: your balance is used up",
    },
}


def mail_state(kind: str, variables: Variables) -> str:
    """The state that decides the subject; empty where the kind's own subject shows it."""
    decide = _DECIDE.get(kind)
    return decide(variables) if decide else ""


def state_subject(kind: str, state: str, language: str) -> str:
    """Our subject for this state, in English for readers of other languages."""
    subjects = STATE_SUBJECTS[kind, state]
    return subjects.get(base_language(language), subjects["en"])


def reminder_timing(variables: Variables) -> str:
    """Where the due date lies: `before`, `today` or `overdue`."""
    if _number(variables, "days_overdue") > 0:
        return "overdue"
    return "before" if days_until_due(variables) > 0 else "today"


def days_until_due(variables: Variables) -> int:
    """Days until the due date, 0 on it and after it; staff write `days_overdue` -3 for three days before."""
    return max(0, _number(variables, "days_left"), -_number(variables, "days_overdue"))


def _reminder(variables: Variables) -> str:
    timing = reminder_timing(variables)
    if _number(variables, "invoice_count") > 1:
        return {"before": "several_before_due", "today": "several_due_today"}.get(timing, "several")
    if timing == "before" and not variables.get("due_date"):
        return "due_soon"
    return {"before": "before_due", "today": "due_today"}.get(timing, "")


def _invoice(variables: Variables) -> str:
    if variables.get("document_type") in {"credit_note", "corrective", "prepayment"}:
        return str(variables["document_type"])
    return "paid" if variables.get("payment_state") == "paid" else ""


def _low(variables: Variables) -> str:
    used_up = is_used_up(str(variables.get("current_balance", "")))
    return "empty" if used_up and variables.get("service_name") else ""


def _expired(variables: Variables) -> str:
    ended = variables.get("ended_service") == "yes"
    return "ended_service" if ended and variables.get("service_name") else ""


def _number(variables: Variables, name: str) -> int:
    try:
        return int(variables.get(name) or 0)
    except (TypeError, ValueError):
        return 0


_DECIDE: Mapping[str, Callable[[Variables], str]] = {
    INVOICE_REMINDER: _reminder,
    INVOICE: _invoice,
    BALANCE_LOW: _low,
    BALANCE_EXPIRED: _expired,
}
