"""A slow trickle is fast too: single mails on an idle system."""

import random

from tests.benchmarks.latency import COLUMNS, in_milliseconds, one_by_one
from tests.benchmarks.local_servers import NORMAL, RESET, benchmark_servers
from tests.benchmarks.table import Table


def run(*, quick: bool) -> list[Table]:
    """One mail at a time, each after the other has arrived."""
    count = 15 if quick else 150
    dice = random.Random(1)
    with benchmark_servers() as servers:
        servers.production_workers()
        servers.beat()
        one_by_one(servers, NORMAL, 3, dice=dice)  # each worker opens its doors at its first task
        one_by_one(servers, RESET, 3, dice=dice)
        rows = {
            "normal mail": one_by_one(servers, NORMAL, count, dice=dice),
            "password reset": one_by_one(servers, RESET, count, dice=dice),
        }
    return [
        Table(
            "Trickle: an idle system, one mail at a time, from `send` to the local Mailjet (ms)",
            ["", *COLUMNS],
            [[name, *in_milliseconds(seconds)] for name, seconds in rows.items()],
            ["The clock starts before `send`, so the enqueue itself is counted.", "SQLite, the default."],
        )
    ]
