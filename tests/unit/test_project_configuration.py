"""crm_config.yaml as it is shipped: complete, loadable, and honest about its defaults."""

import re
from pathlib import Path

from mailworker.cli.doctor_checks.configuration import placeholders
from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import Settings, load_settings, parse_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crm_config.yaml"
KEYS = {"MAILJET_API_KEY": "key", "MAILJET_API_SECRET": "secret"}


def with_defaults_uncommented() -> str:
    """A comment is a `#` and a space; a `#` at a key's own place is a setting that is switched off."""
    return re.sub(r"^#(?=\w|  +[\w-])", "", FILE.read_text("utf-8"), flags=re.MULTILINE)


def test_the_shipped_file_configures_all_ten_kinds():
    settings = load_settings(FILE, KEYS)
    assert set(settings.mailjet.blocks) == set(KINDS)
    assert settings.mailjet.api_url == "https://api.mailjet.com/"


def test_it_holds_no_secret_of_its_own_and_the_doctor_tells_so():
    settings = load_settings(FILE, {})
    assert settings.mailjet.api_key.reveal() == "your_mailjet_api_key"
    assert list(placeholders(settings)) == [
        "mailjet.api_key is still the manual's: set MAILJET_API_KEY in the environment.",
        "mailjet.api_secret is still the manual's: set MAILJET_API_SECRET in the environment.",
    ]
    assert list(placeholders(load_settings(FILE, KEYS))) == []


def test_the_defaults_in_its_comments_are_the_defaults():
    text = with_defaults_uncommented()
    assert text.count("\nworker:") == text.count("\ninvoice:") == text.count("\nbalances:") == 1
    assert parse_settings(text, "crm_config.yaml", KEYS) == load_settings(FILE, KEYS)


def test_every_section_that_exists_is_shown():
    text = with_defaults_uncommented()
    missing = [name for name in Settings.model_fields if not re.search(rf"^{name}:", text, re.MULTILINE)]
    assert missing == []
