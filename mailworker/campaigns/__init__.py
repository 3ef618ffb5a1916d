"""Campaigns: marketing to a segment of the CRM's contacts, sent by Mailjet or by our own bulk lane."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.campaigns.checks_before_sending import CampaignPolicies
    from mailworker.campaigns.count_audience import Audience, AudienceCount
    from mailworker.campaigns.lifecycle import CampaignManager
    from mailworker.campaigns.mailjet_campaigns import MailjetCampaigns
    from mailworker.campaigns.worker_campaigns import WorkerCampaigns

__all__ = [
    "Audience",
    "AudienceCount",
    "CampaignManager",
    "CampaignPolicies",
    "MailjetCampaigns",
    "WorkerCampaigns",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Audience": "count_audience",
        "AudienceCount": "count_audience",
        "CampaignManager": "lifecycle",
        "CampaignPolicies": "checks_before_sending",
        "MailjetCampaigns": "mailjet_campaigns",
        "WorkerCampaigns": "worker_campaigns",
    },
)
