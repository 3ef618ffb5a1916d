"""Campaigns: marketing to a segment of the CRM's contacts, sent by Mailjet or by our own bulk lane."""

from mailworker.campaigns.audience import Audience, Listeners
from mailworker.campaigns.desk import CampaignDesk, Rules
from mailworker.campaigns.mailjets import MailjetWay
from mailworker.campaigns.workers import WorkersWay

__all__ = ["Audience", "CampaignDesk", "Listeners", "MailjetWay", "Rules", "WorkersWay"]
