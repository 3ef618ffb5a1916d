"""The rate where Mailjet takes its time to answer: a token comes every 0.3 s, an answer after a second or two."""

from tests.benchmarks.bench_throughput import flow
from tests.benchmarks.local_servers import Feeder, benchmark_servers, bulk_jobs
from tests.benchmarks.table import Table

#: So many seconds pass until an answer, and before the measurement: the slower it is, the later calls overlap.
_ANSWERS_AFTER = {0.3: 62.0, 1.0: 92.0, 2.0: 122.0}
_WINDOW_SECONDS = 60.0


def run(*, quick: bool) -> list[Table]:
    """A backlog of bulk mails on SQLite, once for each answer time."""
    window = 20.0 if quick else _WINDOW_SECONDS
    flows = {}
    for seconds, fill in _ANSWERS_AFTER.items():
        with benchmark_servers(answer_seconds=seconds) as servers:
            servers.crew()
            servers.beat()
            with Feeder(servers, bulk_jobs("slow")) as feeder:
                flows[seconds] = flow(servers, fill=8.0 if quick else fill, window=window, feeder=feeder)
    return [
        Table(
            "A slow Mailjet: a backlog of bulk mails, 200 calls a minute",
            ["", *(f"answers after {seconds} s" for seconds in flows)],
            [
                ["mails a minute", *(f.mails_a_minute for f in flows.values())],
                ["calls a minute", *(f.calls_a_minute for f in flows.values())],
                ["mails a call", *(f.mails_a_call for f in flows.values())],
                ["most calls in any 60 s", *(f.fullest_minute for f in flows.values())],
                ["mails that arrived twice", *(f.duplicates for f in flows.values())],
            ],
            [
                "One call more may be under way for each 1,500 mails answered in time, up to four: `mailjet.unanswered_messages`.",
                "One after the other, a second each, would give a third of the rate.",
            ],
        )
    ]
