"""Senders made over the API."""

from mailworker.simulator.rest_tables import Table

_FIRST_ID = 46001


def sender_table() -> Table:
    """An empty table; who is made is inactive at first."""
    defaults = {
        "CreatedAt": "",
        "DNSID": 0,
        "Email": "",
        "EmailType": "unknown",
        "Filename": "",
        "IsDefaultSender": False,
        "Name": "",
        "Status": "Inactive",
    }
    return Table("Sender", ("Email",), defaults, _FIRST_ID, ("Email",))
