"""An operator whose balances are in CGRateS: the stand-in engine, a table of services, a real ledger, an inbox."""

import itertools
import sqlite3
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from mailworker.balances.cgrates_balances import EngineBalances
from mailworker.balances.cgrates_posts_to_alerts import AlertSink
from mailworker.balances.cgrates_source import CrmWithEngine
from mailworker.balances.scan import BalanceScan
from mailworker.crm.cgrates import CgratesClient
from mailworker.queue.envelope import seal_post
from tests.omnicrm.cgrates import Cgrates, serving
from tests.scan_world import MONDAY, World, wipe

GB = 1024**3
SERVICES = """
      services: SELECT uuid AS service_uuid, uuid AS service_id, customer_id, name AS service_name, product,
                ends_at, email, 'Zoé Roussel' AS customer_name, 'fr' AS language FROM services
"""
EXTRA = """
crm:
  source: sql
  page_size: 50
  sql:
    url: "sqlite:///{path}"
    queries:{services}
balances:
{more}
  cgrates:
    url: "{url}"
    topup_url: "https://crm.example/topup/{{service_uuid}}"
    renewal_url: "https://crm.example/renew/{{service_uuid}}"
"""


class EngineWorld(World):
    """`add` a service with balances, charge them at `engine`, then `scan_balances` or `post`, and `dispatch`."""

    def __init__(self, ledger, url, engine, folder, *, more="  quiet_hours: null", last=""):
        self.path = folder / "services.sqlite"
        with sqlite3.connect(self.path) as link:
            link.execute("CREATE TABLE services (uuid, customer_id, name, product, ends_at, email)")
        link.close()
        super().__init__(
            ledger, extra=EXTRA.format(path=self.path, services=SERVICES, url=url, more=more) + last
        )
        self.engine = engine
        engine.now = MONDAY
        self.client = CgratesClient(self.settings.balances.cgrates)
        self.looks = EngineBalances(
            self.settings.balances, "EUR", self.client, ledger, lambda: self.clock.now
        )
        self.crm = CrmWithEngine(self.settings.crm, self.looks, ledger)
        self._entries = itertools.count(1)

    def close(self):
        self.crm.close()
        self.client.close()

    def add(self, uuid, *balances, product="", ends_at=None, customer="C"):
        with sqlite3.connect(self.path) as link:
            link.execute(
                "INSERT INTO services VALUES (?, ?, ?, ?, ?, ?)",
                (uuid, customer, f"Mobile {uuid}", product, ends_at and ends_at.isoformat(), f"{uuid}@courriel.example"),
            )  # fmt: skip
        link.close()
        return self.engine.account(uuid, *balances)

    def wait(self, **time):
        self.clock.now += timedelta(**time)
        self.engine.now = self.clock.now

    def post(self, *bodies, tenant="cgrates.org"):
        """As the worker takes these posts off the stream, all at once."""
        sink = AlertSink(self.ledger, self.crm, self.subject(BalanceScan), tenant, self.clock.now)
        entries = [
            (f"{next(self._entries)}-0", dict(seal_post(body.encode(), self.clock.now))) for body in bodies
        ]
        return sink.write(entries)

    def posted(self):
        """The bodies that the engine's Actions made since the last time."""
        found = [body for _, body in self.engine.posts]
        self.engine.posts.clear()
        return found

    @property
    def keys(self):
        return [row["idempotency_key"] for row in self.rows()]

    def told(self):
        """What reached inboxes: address, service, what was left and the threshold, or the end."""
        return [
            (mail.to.email, mail.variables.get("current_balance"), mail.variables.get("threshold") or mail.variables.get("expiry_date"))
            for _, mail in self.box.mails
        ]  # fmt: skip


def new_engine():
    """An engine whose low-data Action posts here."""
    engine = Cgrates()
    engine.actions["ACT_LOW"] = [
        {"Identifier": "*http_post_async", "ExtraParameters": "http://here/ocs/cgrates"}
    ]
    return engine


@contextmanager
def engine_worlds(ledger, tmp_path):
    """Makes worlds on one engine and an empty ledger; closes them at the end."""
    wipe(ledger)
    engine = new_engine()
    with ExitStack() as open_worlds, serving(engine) as url:

        def world(**more):
            made = EngineWorld(ledger, url, engine, tmp_path, **more)
            open_worlds.callback(made.close)
            return made

        yield world
