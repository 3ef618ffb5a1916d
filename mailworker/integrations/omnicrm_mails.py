"""The ten mails of OmniCRM's manual: when each is due, and one call for each moment.

Eight are OmniCRM's to send, by these calls; reminders and balances are found by mailworker itself. Each call
queues its mail for after the commit of `session`. `key` names the event (the reset, the change), so that one
that is enqueued twice is mailed once.
"""

from collections.abc import Mapping
from typing import Any

from mailworker.integrations.omnicrm import OmnicrmMail

#: Where in OmniCRM each mail is due, by its manual ("integrations_mailjet").
MOMENTS: Mapping[str, str] = {
    "api_crmCommunicationCustomerWelcome": "sign-up; staff makes a customer; first active service",
    "api_crmCommunicationCustomerInvoice": "an invoice is made, by billing or by hand; a copy is asked for",
    "api_crmCommunicationCustomerInvoiceReminder": "by mailworker's scan; the button of staff",
    "api_crmCommunicationUserWelcome": "an administrator makes a user; the button in user management",
    "api_crmCommunicationUserPasswordReset": "`forgot password` is submitted",
    "api_crmCommunicationUserPasswordResetSuccess": "the new password is set after a reset",
    "api_crmCommunicationUserPasswordChange": "a change in the profile, or by an administrator",
    "api_crmCommunicationEmailVerification": "a new account; an address is changed",
    "api_crmCommunicationsBalanceExpired": "by mailworker's scan of balances",
    "api_crmCommunicationsBalanceLow": "by mailworker, from CGRateS's post or its scan",
}


class OmnicrmMails:
    """The calls. `to` is `{"email", "name"}`; `variables` are those of the manual's template."""

    def __init__(self, mail: OmnicrmMail, session: Any) -> None:
        self._mail = mail
        self._session = session

    def customer_welcome(
        self, to: Mapping[str, str], variables: Mapping[str, Any], *, customer_id: str
    ) -> None:
        """A customer was made, or got a first active service: once for each."""
        kind = "api_crmCommunicationCustomerWelcome"
        self._queue(kind, to, variables, key=f"welcome:{customer_id}", customer_id=customer_id)

    def user_welcome(self, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str) -> None:
        """A member of staff got an account; `key` anew for each press of the button."""
        self._queue("api_crmCommunicationUserWelcome", to, variables, key=f"user-welcome:{key}")

    def password_reset(self, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str) -> None:
        """A reset was asked for; `key` is the reset's id, never its token."""
        self._queue("api_crmCommunicationUserPasswordReset", to, variables, key=f"reset:{key}")

    def password_reset_done(self, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str) -> None:
        """The new password of a reset is set."""
        self._queue("api_crmCommunicationUserPasswordResetSuccess", to, variables, key=f"reset-done:{key}")

    def password_changed(self, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str) -> None:
        """The password was changed in the profile, or by an administrator: `changed_by` is who."""
        self._queue("api_crmCommunicationUserPasswordChange", to, variables, key=f"password:{key}")

    def verify_email(self, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str) -> None:
        """A new account or a new address has to be confirmed."""
        self._queue("api_crmCommunicationEmailVerification", to, variables, key=f"verify:{key}")

    def invoice(self, invoice_id: str, *, copy: str = "") -> str:
        """An invoice was committed: the worker reads it from the CRM. `copy` names one that is asked for.

        Call after the commit. Raises NotEnqueued, MaybeEnqueued: repeat it then, with the same arguments.
        """
        key = f"invoice:{invoice_id}" + (f":copy:{copy}" if copy else "")
        return self._mail.client.send_invoice(invoice_id, idempotency_key=key)

    def reminder(self, invoice_id: str, *, key: str) -> str:
        """A reminder at the press of a button; the scan sends the others by itself."""
        return self._mail.client.send_invoice_reminder(invoice_id, idempotency_key=f"reminder:{key}")

    def _queue(
        self, kind: str, to: Mapping[str, str], variables: Mapping[str, Any], *, key: str, **more: Any
    ) -> None:
        self._mail.send_after_commit(self._session, kind, to, variables, key=key, **more)
