"""Balance alerts in real time: CGRateS posts, the account is looked at, an alert is written as by a scan.

The posts wait on a Redis Stream until the ledger has what they led to. A scan and a post that find the same
balance low claim the same key, so that the first one sends the alert and the other sends none.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redis import Redis

from mailworker.balances.cgrates_source import CrmWithEngine
from mailworker.balances.scan import BalanceScan
from mailworker.core.summable import Summable
from mailworker.crm.cgrates.parse_post import read_post
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.notification_log import REAL_TIME
from mailworker.ledger.rejected_jobs import reject
from mailworker.queue.celery_queues import OCS
from mailworker.queue.drain import ChannelReader
from mailworker.queue.stream import Entry, GroupStream
from mailworker.scans.runner import write_mails

#: Posts in one go; the engine is asked for their accounts some hundred at a time.
_AT_ONCE = 500
_FAULTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Taken(Summable):
    """What some posts led to. `ignored` counts those that name no account of ours."""

    posts: int = 0
    written: int = 0
    ignored: int = 0
    rejected: int = 0
    alarms: tuple[str, ...] = ()


class OcsStream(ChannelReader[Taken]):
    """CGRateS's posts, as a worker reads them. `tenant` is the one whose accounts are ours."""

    def __init__(
        self, redis: "Redis", ledger: Ledger, crm: CrmWithEngine, scan: BalanceScan, tenant: str
    ) -> None:
        super().__init__(
            GroupStream(redis, OCS.stream, at_once=_AT_ONCE),
            sink=lambda now: AlertSink(ledger, crm, scan, tenant, now),
            total=lambda found: sum(found.results, Taken(alarms=found.alarms)),
        )


class AlertSink:
    """Posts become alerts."""

    def __init__(
        self, ledger: Ledger, crm: CrmWithEngine, scan: BalanceScan, tenant: str, now: datetime
    ) -> None:
        self._ledger = ledger
        self._crm = crm
        self._scan = scan
        self._tenant = tenant
        self._now = now

    def write(self, entries: Sequence[Entry]) -> Taken:
        """Look at the accounts that these posts name, and write the alerts that are due."""
        names: set[str] = set()
        counts: Counter[str] = Counter()
        for entry in entries:
            try:
                found = read_post(entry[1].get("body", ""))
            except BadInput as fault:
                self.reject(entry, str(fault))
                counts["rejected"] += 1
                continue
            ours = {one.account for one in found if one.tenant in {"", self._tenant}}
            counts["ignored"] += not ours
            names |= ours
        written, faults = self._notify(names)
        if faults:
            self.reject((f"{entries[0][0]}:alerts", {}), *faults)
        return Taken(len(entries), written, counts["ignored"], counts["rejected"])

    def reject(self, entry: Entry, *faults: str) -> Taken:
        """Keep for people what is wrong with a post, or with what it should have led to."""
        kept = list(faults)[:_FAULTS_KEPT]
        row = {"entry_id": f"ocs:{entry[0]}"[:64], "at": self._now, "source": "cgrates", "faults": kept}
        with self._ledger.write() as connection:
            reject(connection, [row])
        return Taken(rejected=1)

    def _notify(self, names: set[str]) -> tuple[int, Sequence[str]]:
        """How many alerts these accounts led to, and what kept others from being written."""
        if not names:
            return 0, ()
        looked = self._crm.look_at(names)
        findings = self._scan.inspect(looked.balances, as_of=self._now, now=self._now)
        faults = [*looked.faults, *findings.faults]
        with self._ledger.write() as connection:
            return write_mails(connection, findings.notifications, run_id=REAL_TIME, now=self._now), faults
