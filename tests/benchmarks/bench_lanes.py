"""A password reset waits for no bulk mail: 100,000 of them before it, every call taken."""

import random
import time

from mailworker.cli.local_stack import wait_until
from mailworker.ledger import Ledger
from tests.benchmarks.latency import COLUMNS, at_random, in_milliseconds, send_one
from tests.benchmarks.local_servers import RESET, arrived, benchmark_servers, calls
from tests.benchmarks.table import Table
from tests.benchmarks.waiting import fill, states

WAITING = 100_000
_FILL_SECONDS = 62.0


def run(*, quick: bool) -> list[Table]:
    """200 resets at random moments, a second apart on average."""
    count, apart, warm = (20, 0.8, 8.0) if quick else (200, 1.0, _FILL_SECONDS)
    with benchmark_servers() as servers:
        ledger = Ledger.open(servers.database_url)
        fill(ledger, WAITING, state="ready", tag="waiting")
        servers.production_workers()
        servers.beat()
        if not wait_until(lambda: arrived(servers) > 0, seconds=120):
            raise RuntimeError("No mail arrived.")
        send_one(servers, RESET, "first")  # the urgent worker opens its doors at its first task
        time.sleep(warm)
        since = time.time()
        seconds = at_random(servers, RESET, count, apart=apart, dice=random.Random(2))
        minutes = (time.time() - since) / 60
        seen = calls(servers, since)
        left = states(ledger).get("ready", 0)
        ledger.close()
    mails = sum(call["messages"] for call in seen)
    return [
        Table(
            f"Lanes: {WAITING:,} bulk mails waiting, calls saturated; resets from `send` to the local Mailjet (ms)",
            ["", *COLUMNS, "under 1 s"],
            [
                [
                    "password reset",
                    *in_milliseconds(seconds),
                    f"{sum(one < 1 for one in seconds) / len(seconds):.1%}",
                ]
            ],
            [
                (
                    f"Meanwhile {len(seen) / minutes:.0f} calls and {mails / minutes:,.0f} mails a minute left;"
                    f" {left:,} bulk mails still waited at the end."
                ),
                "A call is free every 0.31 s, and the next one is the reset's: half of that is what it waits on average.",
            ],
        )
    ]
