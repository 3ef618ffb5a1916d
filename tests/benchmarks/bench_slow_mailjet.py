"""The rate where Mailjet takes its time to answer: a token comes every 0.3 s, an answer after a second or two."""

from tests.benchmarks.bench_throughput import flow
from tests.benchmarks.local_servers import Feeder, benchmark_servers, bulk_jobs
from tests.benchmarks.table import Table

#: Seconds until an answer, and how many messages may be without one: as shipped, and for full speed.
_SHIPPED = 50
_CASES = ((0.1, 50), (0.2, 50), (0.3, 50), (0.5, 50), (1.0, 50), (1.0, 200), (2.0, 400))
#: Calls are paced from the first one on; so long passes before the measurement, and during it.
_FILL_SECONDS = 10.0
_WINDOW_SECONDS = 30.0


def run(*, quick: bool) -> list[Table]:
    """A backlog of bulk mails on SQLite, once for each answer time and setting."""
    window = 10.0 if quick else _WINDOW_SECONDS
    flows = []
    for seconds, most in _CASES:
        with benchmark_servers(answer_seconds=seconds, unanswered_messages=most) as servers:
            servers.production_workers()
            servers.beat()
            with Feeder(servers, bulk_jobs("slow")) as feeder:
                flows.append(flow(servers, fill=_FILL_SECONDS, window=window, feeder=feeder))
    return [
        Table(
            "A slow Mailjet: a backlog of bulk mails, 200 calls a minute",
            [
                "answers after",
                "`unanswered_messages`",
                "mails a minute",
                "calls a minute",
                "mails a call",
                "most calls in any 60 s",
                "mails that arrived twice",
            ],
            [
                [
                    f"{seconds} s",
                    most,
                    f.mails_a_minute,
                    f.calls_a_minute,
                    f.mails_a_call,
                    f.fullest_minute,
                    f.duplicates,
                ]
                for (seconds, most), f in zip(_CASES, flows, strict=True)
            ],
            [f"{_SHIPPED} is the setting as shipped: as many are in doubt at most when Mailjet goes."],
        )
    ]
