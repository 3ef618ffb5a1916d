"""What starts at once may not wait for what it does not need yet."""

import json
import subprocess
import sys

import pytest

#: What each start leaves for later, or for others: databases, clients, renderers, the configuration's types.
HEAVY = {
    "alembic",
    "celery",
    "email_validator",
    "httpx",
    "jinja2",
    "kombu",
    "lxml",
    "mailjet_rest",
    "mailworker.config.settings",
    "mailworker.templates.library",
    "prometheus_client",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "weasyprint",
    "yaml",
}
STARTS = {
    "mailworker --version": "from mailworker.cli import build; build('--version')",
    "mailworker simulator": (
        "from mailworker.cli import build; build('simulator')\n"
        "from mailworker.simulator.server import running\n"
        "with running(): pass"
    ),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_nothing_that_it_does_not_need(start):
    code = f"{STARTS[start]}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert HEAVY & set(json.loads(done.stdout)) == set()
