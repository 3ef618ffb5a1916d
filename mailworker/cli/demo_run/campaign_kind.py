"""A campaign for trials: a kind of the user's own, in the bulk lane."""

from collections.abc import Iterator
from typing import Any

KIND = "api_crmCommunicationTrialCampaign"

#: What makes the kind, for the `mailjet:` section of a trial's configuration.
CAMPAIGN_BLOCK: dict[str, Any] = {
    KIND: {
        "from_email": "offres@horizon-telecom.example",
        "from_name": "Horizon Télécom",
        "template_id": 4711,
        "subject": "Une offre pour vous",
        "lane": "bulk",
        "service": False,
        "variables": ["first_name", "offer", {"name": "link", "type": "url"}],
    }
}


def campaign_jobs(count: int) -> Iterator[dict[str, Any]]:
    """So many jobs, each to an address of its own, made as they are consumed."""
    for number in range(count):
        link = f"https://horizon-telecom.example/offre/{number}"
        yield {
            "kind": KIND,
            "to": f"client{number}@example.com",
            "variables": {"first_name": "Camille", "offer": "Fibre 2 Gb/s", "link": link},
        }
