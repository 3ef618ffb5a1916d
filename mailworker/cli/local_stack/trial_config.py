"""A complete crm_config.yaml for a trial on this machine: no real key, no real Mailjet, no real customer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mailworker.errors import Misconfigured
from mailworker.simulator.settings import MANUAL_TEMPLATE_IDS
from mailworker.templates.shipped_templates import SUBJECTS

#: English templates have ids of their own, as they would at Mailjet.
_ENGLISH_OFFSET = 1_000_000

#: The first line of the file: by it a trial knows its own folder again.
HEAD = "# Written by mailworker for a trial on this machine; every start writes it anew.\n"
_SELLER = {
    "name": "Horizon Télécom SAS",
    "address": ["123 rue du Commerce"],
    "postcode": "75001",
    "city": "Paris",
    "vat_id": "FR40123456824",
    "siren": "123456824",
    "email": "facturation@horizon-telecom.example",
    "phone": "01 23 45 67 89",
    "website": "horizon-telecom.example",
    "iban": "FR76 3000 6000 0112 3456 7890 189",
    "bic": "AGRIFRPP",
}

_SENDER = {"from_email": "bonjour@horizon-telecom.example", "from_name": "Horizon Télécom"}
Sections = Mapping[str, Mapping[str, Any]]


class _TagsOfOthers(yaml.SafeLoader):
    """Takes what has a tag of somebody else's, such as Ansible's `!vault`, for the text that it is."""


def _text(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_TagsOfOthers.add_multi_constructor("!", _text)


def trial_config(*layers: Sections) -> str:
    """The file's text: the ten kinds, then these layers, section by section, later ones winning."""
    base: Sections = {
        "mailjet": {"api_key": "simulator-key", "api_secret": "simulator-secret", **_blocks()},
        "worker": {},
        "invoice": {"seller": _SELLER},
        "crm": {"source": "demo"},
        "contacts": {"campaigns": _SENDER},
    }
    return _written(merged(base, *layers))


def merged(*layers: Sections) -> dict[str, dict[str, Any]]:
    """Sections of later layers over those of earlier ones, key by key."""
    made: dict[str, dict[str, Any]] = {}
    for sections in layers:
        for name, section in sections.items():
            made[name] = made.get(name, {}) | dict(section)
    return made


def is_written_by_a_trial(config: Path) -> bool:
    """Whether the next start of a trial writes this file anew."""
    return config.is_file() and config.read_text("utf-8", errors="replace").startswith(HEAD)


def web_for_trial(port: int) -> dict[str, Any]:
    """The `web:` section on this machine: everything on, with passwords that are no secret."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "public_url": f"http://127.0.0.1:{port}",
        "webhook_user": "mailjet",
        "webhook_password": "mailjet",
        "operator_user": "operator",
        "operator_password": "operator",
        "actions": True,
    }


def local_config(text: str, own: Sections) -> str:
    """An operator's configuration for this machine: `own` wins, `${NAME}` and all the rest stay as they are.

    What only another program can read, by a tag of its own, is kept as text.

    Raises Misconfigured where the text is no YAML mapping.
    """
    try:
        given = yaml.load(text, _TagsOfOthers)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise Misconfigured("The configuration is no YAML of sections; `mailworker doctor` says where.")
    for name, section in own.items():
        there = given.get(name)
        given[name] = (there if isinstance(there, dict) else {}) | dict(section)
    return _written(given)


def _written(config: Mapping[str, Any]) -> str:
    return HEAD + yaml.safe_dump(config, allow_unicode=True, sort_keys=False, width=110)


def _blocks() -> dict[str, Any]:
    return {kind: _block(kind, number) for number, kind in MANUAL_TEMPLATE_IDS.items()}


def _block(kind: str, number: int) -> dict[str, Any]:
    french, english = SUBJECTS[kind]
    return {
        **_SENDER,
        "template_id": number,
        "subject": french,
        "languages": {"en": {"template_id": number + _ENGLISH_OFFSET, "subject": english}},
    }
