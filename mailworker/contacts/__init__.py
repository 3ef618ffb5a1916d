"""Contacts: Mailjet knows every customer's contacts as the CRM does.

The CRM's changes are heard into the ledger (`hearing`), which knows what Mailjet was told last; the
difference is told in as few calls as there can be (`telling`, `following`), and what people did at Mailjet is
read back (`looking`).
"""

from mailworker.contacts.dependencies import ContactDependencies, NoTokenYet
from mailworker.contacts.intake import contact_stream
from mailworker.contacts.service import ContactService

__all__ = ["ContactDependencies", "ContactService", "NoTokenYet", "contact_stream"]
