"""What this host and its neighbours offer: configuration, ledger, rendering, store."""

import secrets
from typing import TYPE_CHECKING

from mailworker.config.catalogue import KINDS
from mailworker.config.settings import Settings

if TYPE_CHECKING:
    from mailworker.container import Container


def missing_kinds(container: "Container") -> list[str]:
    """Which of OmniCRM's ten kinds the file does not configure: their mails would be held."""
    return [
        f"mailjet.{kind} is missing: its mails would be held. Add it as in the manual."
        for kind in KINDS
        if kind not in container.settings.mailjet.blocks
    ]


def placeholders(settings: Settings) -> list[str]:
    """Which keys are still those of the manual's example."""
    keys = {"api_key": settings.mailjet.api_key, "api_secret": settings.mailjet.api_secret}
    return [
        f"mailjet.{name} is still the manual's: set MAILJET_{name.upper()} in the environment."
        for name, key in keys.items()
        if key.reveal().startswith("your_")
    ]


def ledger_faults(container: "Container") -> list[str]:
    """Whether the ledger can be reached and its tables brought up to date. Raises what opening raises."""
    with container.ledger.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM messages")
    if not container.settings.worker.database_url.startswith("sqlite"):
        return []
    environment = container.settings.worker.environment
    single = "The ledger is SQLite: well for one host; for several set worker.database_url to PostgreSQL."
    return (
        []
        if environment != "production" or container.settings.mailjet.api_url.startswith("http://")
        else [single]
    )


def rendering_faults() -> list[str]:
    """Whether WeasyPrint and its libraries are here."""
    from mailworker.invoices import renderer_health

    return renderer_health()


def store_faults(container: "Container") -> list[str]:
    """Whether a PDF can be put away and found again. Raises what the store raises."""
    key, content = f"doctor-{secrets.token_hex(8)}.pdf", b"%PDF-"
    container.store.put(key, content)
    try:
        kept = container.store.get(key)
    finally:
        container.store.delete(key)
    return (
        []
        if kept == content
        else ["The PDF store gives back something else than was put: correct invoice.store."]
    )
