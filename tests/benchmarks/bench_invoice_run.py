"""A month's invoices: from enqueue over rendering to the local Mailjet, by how many processes render."""

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mailworker.cli.local_stack import PRODUCTION_WORKERS, Servers
from tests.benchmarks.bench_invoices import EXAMPLES, SELLER, variant
from tests.benchmarks.local_servers import arrived
from tests.benchmarks.processes import cpu_by_role
from tests.benchmarks.table import Cell, Table

INVOICE = "api_crmCommunicationCustomerInvoice"
#: Mailjet's own limit: it carries 10,000 mails a minute, and lets calls fill up.
_CALLS = 200
_LONGEST_SECONDS = 3600.0


def invoices(count: int) -> Iterator[dict[str, Any]]:
    """A month of a small operator: companies and consumers, one to eight lines, names short and long."""
    base = json.loads((EXAMPLES / "facture.json").read_text("utf-8"))
    for number in range(count):
        chance = random.Random(number)
        to = {"email": f"client{number}@example.com", "name": f"Client {number}"}
        lines = sorted(chance.sample(range(8), chance.choice((1, 1, 2, 2, 3, 4, 6, 8))))
        chosen = base | {"transactions": [base["transactions"][line] for line in lines]}
        invoice = variant(chosen, number) | _payment(chance)
        invoice["client"] |= {"name": _name(chance, number), "address": _ADDRESSES[chance.randrange(3)]}
        if chance.random() < 0.5:
            invoice["client"] = {
                key: value for key, value in invoice["client"].items() if key not in ("siren", "vat_id")
            } | {"kind": "consumer"}
        yield {
            "kind": INVOICE,
            "to": to,
            "variables": {},
            "invoice": invoice,
            "idempotency_key": f"run-{number}",
        }


_ADDRESSES = (
    ["12 rue de la République"],
    ["Résidence Les Tilleuls", "4 allée des Acacias"],
    ["Bâtiment C", "Zone artisanale de la Croix Blanche", "27 avenue du Maréchal Foch"],
)
_NAMES = ("Durand", "Lefèvre-Martin", "Nguyen", "Benali", "Da Silva", "Kowalski", "Rossi", "Le Goff")


def _name(chance: random.Random, number: int) -> str:
    whose = f"{chance.choice(('Camille', 'Jean-Baptiste', 'Inès', 'Li'))} {chance.choice(_NAMES)}"
    longer = f"Société d’exploitation des établissements {whose} et fils, transports et logistique {number}"
    return longer if chance.random() < 0.05 else f"{whose} {number}"


def _payment(chance: random.Random) -> dict[str, Any]:
    """Half of them are debited."""
    if chance.random() < 0.5:
        return {}
    return {"direct_debit": {"mandate": f"RUM-{chance.randrange(10**6)}", "date": "2026-11-20"}}


def one(count: int, renderers: int) -> list[Cell]:
    """A whole run with so many rendering processes: a row of the table."""
    seller = {key: value for key, value in SELLER.items() if key != "logo"}
    changes = {"mailjet": {"calls_per_minute": _CALLS}, "invoice": {"seller": seller}}
    with (
        TemporaryDirectory(prefix="mailworker-bench-") as folder,
        Servers(Path(folder), changes=changes) as servers,
    ):
        start = time.perf_counter()
        servers.client.send_many(islice(invoices(count), count))
        enqueued = time.perf_counter() - start
        before = cpu_by_role(servers)
        start = time.perf_counter()
        _crew(servers, renderers)
        servers.beat()
        while arrived(servers) < count and time.perf_counter() - start < _LONGEST_SECONDS:
            time.sleep(0.5)
        seconds = time.perf_counter() - start
        spent = cpu_by_role(servers) - before
        sent, twice = arrived(servers), len(servers.mailbox.counts()["duplicates"])
    rate = sent * 60 / seconds
    cpu = spent.total() * 1000 / max(sent, 1)
    return [
        renderers,
        sent,
        enqueued,
        seconds,
        rate,
        spent["worker render"] * 1000 / max(sent, 1),
        cpu,
        twice,
    ]


def _crew(servers: Servers, renderers: int) -> None:
    for member in PRODUCTION_WORKERS:
        count = renderers if member.name == "render" else member.concurrency
        chosen = replace(member, concurrency=count)
        servers.worker(list(chosen.queues), concurrency=chosen.concurrency, name=chosen.name)


def run(*, quick: bool) -> list[Table]:
    """With one, two and four processes that render."""
    count = 300 if quick else 20_000
    return [
        Table(
            f"An invoice run: {count:,} different invoices, from enqueue to the local Mailjet, {os.cpu_count()} cores",
            [
                "rendering processes",
                "arrived",
                "s to enqueue",
                "s to send",
                "invoices a minute",
                "render CPU ms each",
                "all CPU ms each",
                "twice",
            ],
            [one(count, renderers) for renderers in ((2,) if quick else (1, 2, 4))],
            [
                "At most 200 calls a minute, as at Mailjet: of up to 50 mails each, 10,000 a minute.",
                "Companies and consumers, one to eight lines, three sorts of address, transfer and debit: hundreds of shapes.",
                "Workers start within the time; all of them, Redis and the local Mailjet share the cores.",
            ],
        )
    ]
