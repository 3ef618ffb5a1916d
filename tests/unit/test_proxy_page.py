"""The proxy of docs/upgrade.md: what others than operators must reach passes it, and figures stay inside."""

import re
from pathlib import Path

import pytest

from mailworker.rules.sign_unsubscribe_link import PATH
from mailworker.web.app import WEBHOOK_PATH

PAGE = (Path(__file__).parents[2] / "docs/upgrade.md").read_text("utf-8")
LOCATIONS = dict(re.findall(r"location (?:= )?(\S+) \{(.*?)\}", PAGE, re.DOTALL))


@pytest.mark.parametrize("path", [WEBHOOK_PATH, PATH])
def test_mailjet_and_customers_reach_what_is_for_them(path):
    assert "proxy_pass" in LOCATIONS[path]
    assert "deny" not in LOCATIONS[path]


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready"])
def test_figures_stay_inside(path):
    assert "deny all" in LOCATIONS[path]
    assert "proxy_pass" not in LOCATIONS[path]


def test_the_rest_is_for_operators():
    assert "deny all" in LOCATIONS["/"]
