"""How changes of contacts travel on Redis: like mail, on a stream of their own.

A job is `{"do": "sync_contact", "contact": {...}}`, `{"do": "sync_customer", "customer": {...}}` or
`{"do": "delete_contact", "email": "..."}`, in the envelope of `mailworker.queue.envelope`.
"""

SYNC_CONTACT = "sync_contact"
SYNC_CUSTOMER = "sync_customer"
DELETE_CONTACT = "delete_contact"
