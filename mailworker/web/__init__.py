"""The web process: Mailjet's webhook, health, metrics, and the operators' page."""

from mailworker.web.app import create_app

__all__ = ["create_app"]
