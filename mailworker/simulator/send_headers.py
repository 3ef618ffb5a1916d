"""Headers that a message may not set itself (Mailjet's Send API guide)."""

_NAMES = """
From, Sender, Subject, To, Cc, Bcc, Return-Path, Delivered-To, DKIM-Signature, DomainKey-Status, Received-SPF,
Authentication-Results, Received, X-Mailjet-Prio, X-Mailjet-Debug, User-Agent, X-Mailer, X-MJ-CustomID,
X-MJ-EventPayload, X-MJ-Vars, X-MJ-TemplateErrorDeliver, X-MJ-TemplateErrorReporting, X-MJ-TemplateLanguage,
X-Mailjet-TrackOpen, X-Mailjet-TrackClick, X-MJ-TemplateID, X-MJ-WorkflowID, X-Feedback-Id,
X-Mailjet-Segmentation, List-Id, X-MJ-MID, X-MJ-ErrorMessage, Date, X-CSA-Complaints, Message-Id,
X-Mailjet-Campaign, X-MJ-StatisticsContactsListID
"""

FORBIDDEN: frozenset[str] = frozenset(name.strip().lower() for name in _NAMES.split(","))


def is_forbidden(name: str) -> bool:
    """Whether only Mailjet sets this header; letter case does not matter."""
    return name.lower() in FORBIDDEN
