"""Ten thousand accounts cross their threshold at the same time: posts into the web process, alerts at Mailjet."""

import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from mailworker.cli.local_stack import wait_until
from tests.benchmarks.table import Table, percentile
from tests.omnicrm.ocs_operator import OcsOperator, ocs_operator

_LANES = 4
#: One in so many is posted again, as CGRateS does after an answer that it did not see.
_AGAIN = 10
_LONGEST = 1800


def run(*, quick: bool) -> list[Table]:
    """Every post over the network, into one web process; one in ten twice."""
    customers = 510 if quick else 10_010
    with (
        TemporaryDirectory(prefix="mailworker-bench-") as folder,
        ocs_operator(Path(folder), customers) as operator,
    ):
        operator.servers.production_workers()
        operator.servers.start_web()
        operator.post(operator.crossed("s0"))  # the first opens every connection
        if not wait_until(lambda: operator.alerts() == 1, seconds=60):
            raise RuntimeError("the first alert did not arrive")
        return [_flood(operator, customers)]


def _flood(operator: OcsOperator, customers: int) -> Table:
    bodies = [operator.crossed(f"s{n}") for n in range(1, customers)]
    posts = [*bodies, *bodies[::_AGAIN]]
    began = time.monotonic()
    answers = operator.post_all(posts, lanes=_LANES)
    posted = time.monotonic() - began
    wait_until(lambda: operator.alerts() >= customers, seconds=_LONGEST)
    arrived = time.monotonic() - began
    told = Counter(mail["recipients"][0]["email"] for mail in operator.servers.mailbox.messages())
    return Table(
        f"A flood: {customers - 1:,} accounts cross at once, {len(posts):,} posts of CGRateS",
        ["", "figure"],
        [
            ["seconds until every post was answered", posted],
            ["answer to a post, median (ms)", percentile(answers, 50) * 1000],
            ["answer to a post, 99th percentile (ms)", percentile(answers, 99) * 1000],
            ["seconds until every alert was at the local Mailjet", arrived],
            ["accounts told", len(told)],
            ["lost", customers - len(told)],
            ["told twice", sum(count > 1 for count in told.values())],
        ],
        [
            f"One in {_AGAIN} posts comes twice; {_LANES} connections; one web process, production's workers, SQLite.",
            "The account is asked for at CGRateS's stand-in, on the same machine, before anybody is told.",
            "Mailjet's 200 calls a minute bound how soon alerts arrive, not how soon posts are answered.",
        ],
    )
