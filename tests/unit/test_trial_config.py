"""An operator's own file, made fit for a trial on this machine."""

import re
from pathlib import Path

import pytest
import yaml

from mailworker.cli.dev import command
from mailworker.cli.local_stack.trial_config import local_config
from mailworker.errors import BadInput, Misconfigured


def test_what_only_another_program_can_read_is_no_obstacle() -> None:
    """OmniCRM's documented file has a value with Ansible's tag."""
    text = (Path(__file__).parents[1] / "omnicrm" / "crm_config.yaml").read_text("utf-8")
    assert "!vault" in text
    found = yaml.safe_load(local_config(text, {"mailjet": {"api_key": "simulator-key"}}))
    assert found["mailjet"]["api_key"] == "simulator-key"
    assert found["service_types"] == yaml.safe_load(text.replace("!vault ", ""))["service_types"]


def test_dev_writes_over_no_file_that_no_trial_wrote(tmp_path: Path) -> None:
    own = tmp_path / "crm_config.yaml"
    own.write_text("mailjet: {}\n", "utf-8")
    with pytest.raises(BadInput, match="name another folder"):
        command(folder=tmp_path, config=own)
    assert own.read_text("utf-8") == "mailjet: {}\n"


@pytest.mark.parametrize("text", ["a: [", "- a", "", "just words"])
def test_a_file_that_holds_no_sections_is_no_configuration(text: str) -> None:
    said = "The configuration is no YAML of sections; `mailworker doctor` says where."
    with pytest.raises(Misconfigured, match=f"^{re.escape(said)}$"):
        local_config(text, {})


def test_what_this_machine_needs_wins_over_the_file_section_by_section() -> None:
    text = "mailjet: {api_key: theirs, limit: 7}\nworker: none\nother: ${KEPT}\n"
    found = yaml.safe_load(local_config(text, {"mailjet": {"api_key": "ours"}, "worker": {"redis_url": "r"}}))
    assert found == {
        "mailjet": {"api_key": "ours", "limit": 7},
        "worker": {"redis_url": "r"},
        "other": "${KEPT}",
    }
