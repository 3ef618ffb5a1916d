"""The restore drill: the ledger from last night, Redis empty, half of the mails gone since. Nothing arrives twice."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.config.settings import load_settings
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.ledger.tables import messages
from mailworker.simulator import RunningSimulator, running
from tests.rows import row

pytestmark = pytest.mark.integration

KIND = "api_crmCommunicationUserPasswordReset"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    # Looked up at once: what of a late index becomes is told elsewhere.
    with running(calls_per_minute=0, index_delay=0) as found:
        yield found


@pytest.fixture
def site(tmp_path: Path, simulator, valkey, valkey_redis, monkeypatch) -> Path:
    settings = simulator.settings
    block = f"{{from_email: a@example.com, from_name: A, template_id: {min(settings.templates)}, subject: S}}"
    (tmp_path / "crm_config.yaml").write_text(
        f"mailjet: {{api_key: {settings.api_key}, api_secret: {settings.api_secret.reveal()}, "
        f"api_url: '{simulator.url}/', calls_per_minute: 10000, {KIND}: {block}}}\n"
        f"worker: {{redis_url: '{valkey.url}', database_url: 'sqlite:///{tmp_path}/ledger.db'}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def send_all(folder: Path) -> None:
    container = Container(load_settings(folder / "crm_config.yaml"))
    while container.dispatcher.waiting(Lane.URGENT):
        container.dispatcher.dispatch_once(Lane.URGENT, patience=5)
    container.close()


def test_nothing_arrives_twice_and_what_waited_still_arrives(site: Path, simulator, valkey_redis):
    now = utc_now()
    values = {"user_name": "Zoé", "reset_url": "https://x.example/r", "expiry_time": "1 h"}
    new = {"kind": KIND, "lane": 0, "accepted_at": now, "changed_at": now, "variables": values}
    early = [row(f"early-{n}", not_before=now, **new) for n in range(30)]
    late = [row(f"late-{n}", not_before=now + timedelta(days=1), **new) for n in range(10)]
    container = Container(load_settings(site / "crm_config.yaml"))
    with container.ledger.write() as connection:
        connection.execute(insert(messages), [*early, *late])
    container.close()
    shutil.copy(site / "ledger.db", site / "backup.db")
    send_all(site)  # last night's ready ones leave after the backup was made

    for file in site.glob("ledger.db*"):
        file.unlink()
    shutil.copy(site / "backup.db", site / "ledger.db")
    valkey_redis.flushall()
    since = (now - timedelta(minutes=5)).isoformat()
    done = CliRunner().invoke(build(), ["messages", "reconcile", "--since", since])
    assert done.exit_code == 0, done.output
    assert "Mailjet named 30 messages; of them 30 were unsent in the ledger, and are sent now." in done.output

    container = Container(load_settings(site / "crm_config.yaml"))
    with container.ledger.write() as connection:
        kept = connection.execute(select(messages.c.variables).where(messages.c.id == "early-0")).scalar_one()
        connection.execute(update(messages).where(messages.c.state == "ready").values(not_before=now))
    container.close()
    send_all(site)
    arrived = Counter(mail.custom_id for mail in simulator.mails)
    assert arrived == dict.fromkeys([one["id"] for one in (*early, *late)], 1)
    assert "reset_url" not in kept, "what was sent keeps no secret"


def test_it_may_run_again(site: Path):
    done = CliRunner().invoke(build(), ["messages", "reconcile", "--since", "2020-01-01"])
    assert "of them 0 were unsent" in done.output
