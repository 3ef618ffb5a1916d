"""A CRM's database with two customers and four invoices; one of them is eight days overdue."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path


def make(path: Path, today: date) -> None:
    """Write it anew."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as link:
        link.executescript(
            """
            CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, city TEXT);
            CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER, number TEXT, status TEXT,
                                  due_date TEXT, total NUMERIC, paid NUMERIC);
            INSERT INTO customer VALUES (1, 'Zoé Roussel', 'zoe@courriel.example', 'Lyon');
            INSERT INTO customer VALUES (2, 'Quai 8 SARL', 'compta@quai8.example', 'Marseille');
            """
        )
        invoices = [
            (1, 1, "F-2026-1", "UNPAID", str(today - timedelta(days=8)), 48, 0),
            (2, 1, "F-2026-2", "PAID", str(today - timedelta(days=8)), 30, 30),
            (3, 2, "F-2026-3", "UNPAID", str(today + timedelta(days=20)), 120, 0),
            (4, 2, "F-2026-4", "UNPAID", str(today - timedelta(days=400)), 99, 0),
        ]
        link.executemany("INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?, ?)", invoices)
        link.commit()


if __name__ == "__main__":
    make(Path("crm.sqlite"), date.today())
