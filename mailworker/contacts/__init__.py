"""Contacts: Mailjet knows every customer's contacts as the CRM does.

The CRM's changes come into the ledger (`intake`, `upsert`, `full_sync`), which knows what was pushed last;
the difference is pushed in as few calls as there can be (`push_to_mailjet`, `follow_import_jobs`), and what
people did at Mailjet is read back (`pull_opt_outs`).
"""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.contacts.contact_service import ContactService
    from mailworker.contacts.dependencies import ContactDependencies
    from mailworker.contacts.intake import ContactStream

__all__ = ["ContactDependencies", "ContactService", "ContactStream"]

__getattr__ = lazy_exports(
    __name__,
    {
        "ContactDependencies": "dependencies",
        "ContactService": "contact_service",
        "ContactStream": "intake",
    },
)
