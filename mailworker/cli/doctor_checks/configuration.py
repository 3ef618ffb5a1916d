"""What in crm_config.yaml no rule of its own can find fault with."""

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mailworker.cli.doctor_checks.finding import Note
from mailworker.cli.doctor_checks.written_values import value_faults
from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import Settings
from mailworker.templates.header_and_footer import PLACEHOLDER_NAMES, brand_of
from mailworker.templates.shipped_templates import LANGUAGES

#: Mailjet's have 32 letters; what is far shorter is no secret of anybody's.
_A_SECRETS_LENGTH = 16
_MANUALS_DOMAIN = "yourcompany.com"
#: How the keys of the manual's example begin; they are no secrets.
_MANUALS_KEY = "your_"


def configuration_faults(settings: Settings) -> list[str]:
    """All of them; where mails go to a local Mailjet they are notes, for none of this concerns a customer."""
    found = [
        *placeholders(settings),
        *missing_kinds(settings),
        *brand_faults(settings),
        *safelist_faults(settings),
        *webhook_faults(settings),
        *value_faults(settings),
        *login_faults(settings),
    ]
    return [Note(one) for one in found] if settings.mailjet.is_local else found


def rights_faults(settings: Settings, path: Path) -> Iterator[str]:
    """Whether other users of this host may change the file, or read a key that stands in it."""
    try:
        mode, text = path.stat().st_mode, path.read_text("utf-8")
    except OSError:
        return
    if settings.mailjet.is_local:
        return
    if mode & stat.S_IWOTH:
        yield f"Every user of this host may change {path}: chmod o-w {path}."
        return
    secret = settings.mailjet.api_secret.reveal()
    is_secret = len(secret) >= _A_SECRETS_LENGTH and not secret.startswith(_MANUALS_KEY)
    if mode & stat.S_IROTH and is_secret and secret in text:
        cure = f"chmod o-rwx {path}, or write api_secret: ${{MAILJET_API_SECRET}}"
        yield f"Every user of this host may read Mailjet's secret in {path}: {cure}."


def placeholders(settings: Settings) -> Iterator[str]:
    """Which keys are still those of the manual's example."""
    keys = {"api_key": settings.mailjet.api_key, "api_secret": settings.mailjet.api_secret}
    for name, key in keys.items():
        if key.reveal().startswith(_MANUALS_KEY):
            yield f"mailjet.{name} is still the manual's: set MAILJET_{name.upper()} in the environment."


def missing_kinds(settings: Settings) -> Iterator[str]:
    """Which of OmniCRM's ten kinds the file does not configure: their mails would be held."""
    for kind in KINDS:
        if kind not in settings.mailjet.blocks:
            yield f"mailjet.{kind} is missing: its mails would be held. Add it as in the manual."


def brand_faults(settings: Settings) -> Iterator[str]:
    """Where customers would read the manual's example company, or nobody at all."""
    blocks = settings.mailjet.blocks
    senders = [
        name for name, block in blocks.items() if block.from_email.lower().endswith(f"@{_MANUALS_DOMAIN}")
    ]
    if senders:
        names = ", ".join(sorted(senders))
        yield f"from_email is still the manual's (@{_MANUALS_DOMAIN}) in {names}: set yours."
    brand, seller = brand_of(settings, LANGUAGES[0]), settings.invoice.seller
    if seller.name in PLACEHOLDER_NAMES:
        in_mails = " and in mails" if brand.is_placeholder else ""
        yield (
            f"invoice.seller.name is still the manual's: customers would read “{seller.name}” on "
            f"invoices{in_mails}. Set invoice.seller."
        )
    gaps = {
        "address": "" if brand.address else "no postal address",
        "support_email": "" if brand.support_email else "no address for answers",
    }
    if any(gaps.values()) and not brand.is_placeholder:
        keys = " and ".join(f"brand.{key}" for key, gap in gaps.items() if gap)
        yield (
            f"Mails carry {' and '.join(filter(None, gaps.values()))}, for neither brand nor invoice.seller "
            f"has one: set {keys}, then mailworker templates push."
        )


def safelist_faults(settings: Settings) -> Iterator[str]:
    """Whether everything would be suppressed."""
    if settings.worker.environment != "production" and not settings.worker.safelist:
        yield (
            f"worker.environment is {settings.worker.environment} and worker.safelist is empty, so every "
            "mail is suppressed: add addresses or @domains to worker.safelist."
        )


def webhook_faults(settings: Settings) -> Iterator[str]:
    """Whether Mailjet's events would be refused."""
    if not settings.web.webhook_user:
        yield (
            "The webhook refuses Mailjet's events, so bounces, complaints, unsubscriptions and deliveries "
            "stay unknown: set web.webhook_user and web.webhook_password (docs/events.md)."
        )


def login_faults(settings: Settings) -> Iterator[str]:
    """Logins that cannot do what they were given, or that share what each should have of its own."""
    web = settings.web
    able = sorted(name for name, one in web.logins.items() if one.may_act)
    hashes = Counter(one.password_hash for one in web.logins.values())
    twice = sorted(name for name, one in web.logins.items() if hashes[one.password_hash] > 1)
    if able and not web.actions:
        yield f"web.logins: {', '.join(able)} may_act, but web.actions is off: set it to true."
    if twice:
        yield (
            f"web.logins: {', '.join(twice)} have the same hash, so each can act as the other: "
            "give each their own password (mailworker operator-password)."
        )
