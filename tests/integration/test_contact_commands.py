"""`mailworker contacts` over the invented operator's CRM."""

import re

import pytest

pytestmark = pytest.mark.integration


def test_a_dry_run_tells_what_it_would_cost_and_writes_nothing(run):
    told = run("contacts", "sync", "--dry-run")
    new = int(re.search(r"(\d+) would be new", told)[1])
    assert new > 50
    assert re.search(
        rf"To push: {new} contacts\. About \d+ calls, less than a minute; mail goes first\.", told
    )
    assert run("contacts", "sync", "--dry-run") == told
    assert "in step" not in run("contacts", "status")
