"""The whole configuration: read once, checked once, all faults reported at once."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError

from mailworker.config.balances import BalanceSettings
from mailworker.config.brand import BrandSettings
from mailworker.config.callbacks import CallbackSettings
from mailworker.config.contacts import ContactSettings
from mailworker.config.crm import CrmSettings
from mailworker.config.invoice import InvoiceSettings
from mailworker.config.kind_references import dangling
from mailworker.config.mailjet import MailjetSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.config.section import Section
from mailworker.config.shared_file import (
    DATABASE,
    misspelt_sections,
    reads_database,
    with_omnicrms_facts,
    with_template_folder,
    without_foreign_keys,
)
from mailworker.config.validation_errors import sentences
from mailworker.config.web import WebSettings
from mailworker.config.worker import WorkerSettings
from mailworker.config.yaml_document import Document, read_document
from mailworker.core.kind import Kind
from mailworker.errors import ConfigError

DEFAULT_PATH = "crm_config.yaml"

#: These win over the file, so that one file serves every host.
_OVERRIDES = {
    "worker": {"REDIS_URL": "redis_url", "DATABASE_URL": "database_url"},
    "mailjet": {"MAILJET_CA_BUNDLE": "ca_bundle", "MAILJET_PROXY": "proxy"},
}


class Settings(Section):
    """All of crm_config.yaml. Only `mailjet:` is mandatory."""

    mailjet: MailjetSettings
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    invoice: InvoiceSettings = Field(default_factory=InvoiceSettings)
    crm: CrmSettings = Field(default_factory=CrmSettings)
    reminders: ReminderSettings = Field(default_factory=ReminderSettings)
    balances: BalanceSettings = Field(default_factory=BalanceSettings)
    contacts: ContactSettings = Field(default_factory=ContactSettings)
    brand: BrandSettings = Field(default_factory=BrandSettings)
    callbacks: CallbackSettings = Field(default_factory=CallbackSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What in the file is perhaps not as it was meant, a sentence each; nothing stops because of it."""
        return self._warnings

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Every kind of e-mail that a job may name."""
        return self.mailjet.kinds()


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The file that `CRM_CONFIG` names, else crm_config.yaml here."""
    return Path(environ.get("CRM_CONFIG") or DEFAULT_PATH)


def fingerprint(path: Path) -> str:
    """By which two readings of the file are compared; empty where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def key_fingerprint(settings: Settings) -> str:
    """By which two processes' keys of Mailjet are compared, whoever's environment has them; empty without."""
    key, secret = settings.mailjet.api_key, settings.mailjet.api_secret
    if not (key.is_known and secret.is_known):
        return ""
    return hashlib.sha256(f"{key.reveal()}:{secret.reveal()}".encode()).hexdigest()[:16]


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the configuration. Raises ConfigError with a sentence for every fault."""
    path = path or config_path(environ)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise ConfigError(
            f"{path}: cannot be read ({fault.strerror}); create it, or name another file in CRM_CONFIG."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8.") from None
    return parse_settings(text, path.name, environ, folder=path.parent)


def parse_settings(
    text: str,
    name: str = DEFAULT_PATH,
    environ: Mapping[str, str] = os.environ,
    *,
    folder: Path | None = None,
) -> Settings:
    """Check a configuration given as text. Raises ConfigError with a sentence for every fault.

    `folder` is where the file stands: OmniCRM keeps its invoice templates beside it.
    """
    document = _document(text, name, environ)
    data, left_alone = without_foreign_keys(document, Settings)
    warnings = (*misspelt_sections(document, Settings), *left_alone)
    faults = [*document.faults, *dangling(document)]
    data = with_template_folder(_with_environment(with_omnicrms_facts(data), environ), folder)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        found = [_with_its_origin(one, environ) for one in sentences(error, document, Settings)]
        unset = (*document.unset_faults, *found)
        raise ConfigError((*faults, *unset, *warnings)) from None
    if faults := [*faults, *document.unset_faults]:
        raise ConfigError((*faults, *warnings))
    settings = _with_time_zone(settings)
    settings._warnings = warnings  # noqa: SLF001 - its own maker
    return settings


def _with_time_zone(settings: Settings) -> Settings:
    """Invoices read their dates in the worker's time zone, unless they have one of their own."""
    if settings.invoice.timezone:
        return settings
    zone = {"timezone": str(settings.worker.timezone)}
    return settings.model_copy(update={"invoice": settings.invoice.model_copy(update=zone)})


def _document(text: str, name: str, environ: Mapping[str, str]) -> Document:
    """Our sections; and OmniCRM's `database:` where it is asked for, else what is odd in it is no fault."""
    document = read_document(text, name, environ, Settings.model_fields)
    if not reads_database(document.data):
        return document
    document = read_document(text, name, environ, {*Settings.model_fields, DATABASE})
    # Its faults are found where its values are used, and stand where OmniCRM wrote them.
    moved = {("crm", "omnicrm", *path): line for path, line in document.lines.items() if path[0] == DATABASE}
    return replace(document, lines=document.lines | moved)


def _with_environment(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for section, names in _OVERRIDES.items():
        found = {key: environ[name] for name, key in names.items() if environ.get(name)}
        given = data.get(section) or {}
        if found and isinstance(given, dict):
            data = data | {section: given | found}
    return data


def _with_its_origin(sentence: str, environ: Mapping[str, str]) -> str:
    """A fault of a value that the environment gave, by the name that it has there."""
    for section, names in _OVERRIDES.items():
        for name, key in names.items():
            _, found, words = sentence.partition(f" {section}.{key}: ")
            if found and environ.get(name):
                return f"{name} in the environment: {words}"
    return sentence


__all__ = ["Document", "Settings", "config_path", "fingerprint", "load_settings", "parse_settings"]
