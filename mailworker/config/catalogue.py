"""The ten kinds of e-mail that OmniCRM sends, as its manual lists them."""

from datetime import timedelta

from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.core.message import Lane

INVOICE = "api_crmCommunicationCustomerInvoice"
INVOICE_REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
BALANCE_EXPIRED = "api_crmCommunicationsBalanceExpired"
BALANCE_LOW = "api_crmCommunicationsBalanceLow"

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# A person who waits for a link asks again anyway; two of these mails do less harm than none.
SOON = timedelta(minutes=5)


def _text(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(name) for name in names)


def _urls(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(name, VariableType.URL) for name in names)


def _email(name: str) -> Variable:
    return Variable(name, VariableType.EMAIL)


KINDS: dict[str, Kind] = {
    kind.name: kind
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
                *_text("customer_name", "invoice_number", "invoice_date", "due_date", "total_amount"),
                *_urls("invoice_url", "pay_url"),
            ),
            about_invoice=True,
            invoice_pdf=True,
            business_key=("invoice_number",),
        ),
        Kind(
            INVOICE_REMINDER,
            (
                *_text("customer_name", "invoice_number", "due_date"),
                Variable("days_overdue", VariableType.INTEGER),
                *_text("total_amount"),
                *_urls("pay_url"),
            ),
            about_invoice=True,
            business_key=("invoice_number", "days_overdue"),
            lifetime=3 * DAY,
        ),
        Kind(
            "api_crmCommunicationUserWelcome",
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
            "api_crmCommunicationUserPasswordReset",
            (
                *_text("user_name"),
                Variable("reset_url", VariableType.URL, secret=True),
                *_text("expiry_time"),
            ),
            lane=Lane.URGENT,
            lifetime=HOUR,
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
            "api_crmCommunicationUserPasswordChange",
            (*_text("user_name", "change_date", "changed_by"), _email("support_email")),
            lane=Lane.URGENT,
            lifetime=3 * DAY,
            resend_unknown_after=SOON,
        ),
        Kind(
            "api_crmCommunicationEmailVerification",
            (
                *_text("user_name"),
                Variable("verification_url", VariableType.URL, secret=True),
                Variable("verification_code", required=False, secret=True),
            ),
            lane=Lane.URGENT,
            lifetime=DAY,
            resend_unknown_after=SOON,
        ),
        Kind(
            BALANCE_EXPIRED,
            (*_text("customer_name", "service_name", "expiry_date", "balance_type"), *_urls("renewal_url")),
            lifetime=3 * DAY,
        ),
        Kind(
            BALANCE_LOW,
            (
                *_text("customer_name", "service_name", "current_balance", "threshold", "balance_type"),
                *_urls("topup_url"),
            ),
            lifetime=3 * DAY,
        ),
    )
}
