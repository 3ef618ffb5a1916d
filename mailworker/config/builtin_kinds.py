"""The ten kinds of e-mail that OmniCRM sends, as its manual lists them."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from mailworker.core.kind import Kind, RecipientLimit, Variable, VariableType
from mailworker.core.lane import Lane

INVOICE = "api_crmCommunicationCustomerInvoice"
INVOICE_REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
USER_WELCOME = "api_crmCommunicationUserWelcome"
PASSWORD_RESET = "api_crmCommunicationUserPasswordReset"  # noqa: S105 - a name
PASSWORD_CHANGE = "api_crmCommunicationUserPasswordChange"  # noqa: S105
VERIFICATION = "api_crmCommunicationEmailVerification"
BALANCE_EXPIRED = "api_crmCommunicationsBalanceExpired"
BALANCE_LOW = "api_crmCommunicationsBalanceLow"

HOUR = timedelta(hours=1)
#: Whoever needs a link asks for it once or twice; more often asks who floods somebody's address.
FEW = RecipientLimit(5, timedelta(hours=1))
DAY = timedelta(days=1)

# A person who waits for a link asks again anyway; two of these mails do less harm than none.
SOON = timedelta(minutes=5)

#: How long Mailjet has to deny a message, while it shows later ones, before it is sent again where nothing
#: else is said: twice as long as the last of the look-ups that follow a call.
RESEND_AFTER = timedelta(hours=2)


def _text(*names: str, **traits: Any) -> tuple[Variable, ...]:
    return tuple(Variable(name, **traits) for name in names)


#: Texts without which the mail would say nothing.
_filled = partial(_text, filled=True)
_urls = partial(_text, type=VariableType.URL)
#: Links that a customer may not have: given as empty text, the button is left out.
_links = partial(_text, type=VariableType.URL, blank=True)
#: What the mail is about, in one word each; what is left out, the text does not say.
_states = partial(_text, required=False)
#: States that follow from the others, and from the mail itself.
_derived = partial(_text, required=False, derived=True)
_email = partial(Variable, type=VariableType.EMAIL)


KINDS: dict[str, Kind] = {
    kind.name: kind
    if kind.resend_unknown_after
    else replace(kind, resend_unknown_after=RESEND_AFTER, resend_needs_proof=True)
    for kind in (
        Kind(
            "api_crmCommunicationCustomerWelcome",
            (
                *_text("customer_name"),
                _email("email"),
                *_text("company_name"),
                *_urls("login_url", "support_url"),
            ),
        ),
        Kind(
            INVOICE,
            (
                *_text("customer_name"),
                *_filled("invoice_number"),
                *_text("invoice_date", "due_date"),
                *_filled("total_amount"),
                *_links("invoice_url", "pay_url"),
                *_states("document_type", "payment_state", "amount_due", "paid_amount"),
                *_states("corrected_number"),
                *_derived("pdf", "ask"),
            ),
            about_invoice=True,
            invoice_pdf=True,
            business_key=("invoice_number",),
        ),
        Kind(
            INVOICE_REMINDER,
            (
                *_text("customer_name"),
                *_filled("invoice_number"),
                *_text("due_date"),
                Variable("days_overdue", VariableType.INTEGER),
                *_filled("total_amount"),
                *_links("pay_url"),
                Variable("invoice_url", VariableType.URL, required=False),
                Variable("account_url", VariableType.URL, required=False),
                *_states("days_left", "last", "part_paid", "invoice_count", "instalment"),
                *_derived("timing", "days_text", "several", "reply_to"),
                Variable("invoices", VariableType.LIST, required=False, default=()),
            ),
            about_invoice=True,
            business_key=("invoice_number", "days_overdue"),
            lifetime=3 * DAY,
        ),
        Kind(
            USER_WELCOME,
            (
                *_text("user_name"),
                _email("email"),
                *_text("role"),
                *_urls("login_url"),
                Variable("temp_password", required=False, secret=True),
                _email("support_email"),
            ),
        ),
        Kind(
            PASSWORD_RESET,
            (
                *_text("user_name"),
                Variable("reset_url", VariableType.URL, secret=True),
                *_text("expiry_time"),
                *_states("account"),
                *_derived("link_span", "link_until"),
            ),
            lane=Lane.URGENT,
            lifetime=HOUR,
            at_most=FEW,
            resend_unknown_after=SOON,
        ),
        Kind(
            "api_crmCommunicationUserPasswordResetSuccess",
            (
                *_text("user_name", "change_date"),
                Variable("ip_address", required=False),
                _email("support_email"),
            ),
            lane=Lane.URGENT,
            lifetime=3 * DAY,
            resend_unknown_after=SOON,
        ),
        Kind(
            PASSWORD_CHANGE,
            (*_text("user_name", "change_date", "changed_by"), _email("support_email")),
            lane=Lane.URGENT,
            lifetime=3 * DAY,
            resend_unknown_after=SOON,
        ),
        Kind(
            VERIFICATION,
            (
                *_text("user_name"),
                Variable("verification_url", VariableType.URL, secret=True),
                Variable("verification_code", required=False, secret=True),
                *_states("account", "expiry_time"),
                *_derived("link_span", "link_until"),
            ),
            lane=Lane.URGENT,
            lifetime=DAY,
            at_most=FEW,
            resend_unknown_after=SOON,
        ),
        Kind(
            BALANCE_EXPIRED,
            (
                *_text("customer_name", "service_name", "expiry_date", "balance_type"),
                *_links("renewal_url"),
                *_derived("is_credit", "ended_service"),
            ),
            lifetime=3 * DAY,
            optional=True,
        ),
        Kind(
            BALANCE_LOW,
            (
                *_text("customer_name", "service_name", "current_balance", "threshold", "balance_type"),
                *_links("topup_url"),
                *_states("threshold_owner"),
                *_derived("is_credit", "balance_state"),
            ),
            lifetime=3 * DAY,
            optional=True,
        ),
    )
}
