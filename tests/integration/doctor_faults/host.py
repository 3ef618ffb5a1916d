"""Faults of the ledger, the store, the libraries and templates on this host, and the CRM."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest

from mailworker.cli.doctor_checks import rendering
from mailworker.ledger import Ledger, database
from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import fault
from tests.integration.mailjet_wire import Wire, answer
from tests.integration.postgres import ROLE, Cluster

RENDER = ("invoices",)


def small_disk(site: Installation, size: str) -> Path:
    """A disk of this size, mounted for the test; full of nothing yet."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk that this needs")
    folder = site.folder / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("the small disk that this needs cannot be mounted here")
    site.closing.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
    return folder


@fault(
    21,
    "the ledger is down",
    says="The ledger does not answer",
    cure="start PostgreSQL, or correct worker.database_url",
)
def _(site: Installation) -> None:
    site.configure(worker={"database_url": "postgresql://u:p@127.0.0.1:1/x"})


@fault(
    22,
    "the ledger's database is absent",
    says='database "absent" does not exist',
    cure="create it (createdb), or correct worker.database_url",
)
def _(site: Installation) -> None:
    cluster = site.request.getfixturevalue("postgres_cluster")
    site.configure(worker={"database_url": cluster.url("absent")})


@fault(
    23, "the ledger is of another make", says="the ledger is SQLite or PostgreSQL", cure="write postgresql://"
)
def _(site: Installation) -> None:
    site.configure(worker={"database_url": "mysql://u:p@127.0.0.1/x"})


@fault(24, "the ledger's disk is full", subjects=("ledger",), says="disk is full", cure="free some of it")
def _(site: Installation) -> None:
    disk = small_disk(site, "2m")
    site.configure(worker={"database_url": f"sqlite:///{disk}/ledger.db"})
    site.doctor("--only", "ledger")  # makes the tables
    fill(disk)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()


@fault(
    89, "the ledger's disk fills up while workers use it", subjects=("ledger",),
    says="disk is full", cure="free some of it",
)  # fmt: skip
def _(site: Installation) -> None:
    disk = small_disk(site, "2m")
    site.configure(worker={"database_url": f"sqlite:///{disk}/ledger.db"})
    worker = site.closing.enter_context(contextlib.closing(Ledger.open(f"sqlite:///{disk}/ledger.db")))
    worker.demand_writable()  # the files beside the database are there, and stay
    fill(disk)


@fault(
    59,
    "the ledger is newer",
    says="this mailworker knows none later",
    cure="start the newer version again, or restore the backup",
)
def _(site: Installation) -> None:
    site.ledger()
    with contextlib.closing(sqlite3.connect(site.folder / "ledger.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("UPDATE ledger_schema SET compatible_down_to = '9998'")


@fault(
    60, "the ledger's folder cannot be made", says="The ledger's folder", cure="correct worker.database_url"
)
def _(site: Installation) -> None:
    (site.folder / "file").write_text("", encoding="utf-8")
    site.configure(worker={"database_url": f"sqlite:///{site.folder}/file/x/ledger.db"})


@fault(
    61, "PostgreSQL keeps no accents", says="encoded in SQL_ASCII", cure="CREATE DATABASE ... ENCODING 'UTF8'"
)
def _(site: Installation) -> None:
    cluster = site.request.getfixturevalue("postgres_cluster")
    cluster.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    site.closing.callback(cluster.execute, "DROP DATABASE ascii WITH (FORCE)")
    site.configure(worker={"database_url": cluster.url("ascii")})


@fault(
    81,
    "two servers of the ledger's URL take writes",
    says="both take writes as the ledger's primary",
    cure="stop PostgreSQL on the one that was lost",
    subjects=("ledger",),
    more=("PostgreSQL forgets accepted mail at a crash",),  # the tests' own clusters need not reach the disk
)
def _(site: Installation) -> None:
    cluster = site.request.getfixturevalue("postgres_cluster")
    other = Cluster(cluster.binaries)
    other.start()
    site.closing.callback(other.stop)
    hosts = f"host={cluster.folder},{other.folder}&target_session_attrs=read-write"
    site.configure(worker={"database_url": f"postgresql://{ROLE}@/postgres?{hosts}"})


def own_database(site: Installation, name: str) -> Cluster:
    """A database of PostgreSQL's for this ledger, with its tables; given is the server."""
    cluster: Cluster = site.request.getfixturevalue("postgres_cluster")
    cluster.execute(f"CREATE DATABASE {name}")
    site.closing.callback(cluster.execute, f"DROP DATABASE {name} WITH (FORCE)")
    site.configure(worker={"database_url": cluster.url(name)})
    site.doctor("--only", "ledger")  # makes the tables
    return cluster


ASYNCHRONOUS = (
    "PostgreSQL forgets accepted mail at a crash",
)  # the tests' own clusters need not reach the disk


@fault(
    82,
    "the ledger is set to read-only",
    says="is a standby, or read-only, and takes no mail",
    cure="ALTER DATABASE ... RESET default_transaction_read_only",
    more=ASYNCHRONOUS,
)
def _(site: Installation) -> None:
    own_database(site, "frozen").execute("ALTER DATABASE frozen SET default_transaction_read_only = on")


@fault(
    83,
    "somebody's transaction locks PostgreSQL's table",
    says="canceling statement due to lock timeout",
    cure="end that; whose it is",
    more=ASYNCHRONOUS,
)
def _(site: Installation) -> None:
    where = own_database(site, "locked").url("locked").replace("+psycopg", "")
    other = site.closing.enter_context(psycopg.connect(where))
    other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
    site.monkeypatch.setattr(database, "_QUICK_SECONDS", 0.5)


@fault(
    84,
    "another program writes to SQLite's file and does not end",
    says="database is locked",
    cure="`fuser` names it",
)
def _(site: Installation) -> None:
    site.ledger()
    other = sqlite3.connect(site.folder / "ledger.db", isolation_level=None)
    site.closing.callback(other.close)
    other.execute("BEGIN IMMEDIATE")
    site.monkeypatch.setattr(database, "_QUICK_SECONDS", 0.5)


@fault(
    85,
    "SQLite's file may not be written",
    says="ledger.db cannot be written",
    cure="let this user write to its folder",
)
def _(site: Installation) -> None:
    site.ledger()
    queue = site.folder / "ledger.db.lock"
    queue.unlink(missing_ok=True)
    queue.mkdir()  # who queues to write cannot, root neither


def without_library(site: Installation, name: str) -> None:
    """A file of that name that is no library stands first on the loader's path, for it and its children."""
    folder = site.folder / "lib"
    folder.mkdir()
    (folder / name).write_bytes(b"")
    site.monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))


@fault(
    25,
    "Pango is missing",
    subjects=RENDER,
    process=True,
    says="WeasyPrint cannot be loaded",
    cure="apt-get install libpango-1.0-0",
)
def _(site: Installation) -> None:
    without_library(site, "libpango-1.0.so.0")


@fault(
    26,
    "harfbuzz-subset is missing",
    subjects=RENDER,
    process=True,
    says="libharfbuzz-subset0 is missing",
    cure="apt-get install libharfbuzz-subset0",
)
def _(site: Installation) -> None:
    without_library(site, "libharfbuzz-subset.so.0")


@fault(
    27,
    "the store cannot be written",
    subjects=("store",),
    says="The PDF store /proc/pdfs does not work now",
    cure="correct invoice.store, or the rights",
)
def _(site: Installation) -> None:
    site.configure(invoice={"store": "/proc/pdfs"})


@fault(28, "the store is full", subjects=("store",), says="No space left", cure="free some room")
def _(site: Installation) -> None:
    disk = small_disk(site, "64k")
    (disk / "filler").write_bytes(b"x" * 65_536)
    site.configure(invoice={"store": str(disk)})


@fault(
    66, "the store's disk is read-only", subjects=("store",),
    says="Read-only file system", cure="mount it writable again",
)  # fmt: skip
def _(site: Installation) -> None:
    disk = small_disk(site, "1m")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    site.configure(invoice={"store": str(disk)})


def own_template(site: Installation, text: str | None) -> None:
    folder = site.folder / "templates"
    folder.mkdir()
    if text is not None:
        (folder / "own.html").write_text(text, encoding="utf-8")
    site.configure(invoice={"template_dir": str(folder), "template_filename": "own.html"})


@fault(
    50,
    "the invoice template has an error",
    subjects=RENDER,
    says="A sample invoice cannot be rendered: The invoice template own.html, line 1",
    cure="Mend that: every invoice waits for it",
)
def _(site: Installation) -> None:
    own_template(site, "{% for x in transactions %}{{ x.")


@fault(
    51,
    "the invoice template is missing",
    subjects=RENDER,
    says="The invoice template own.html is not in invoice.template_dir",
    cure="put it into that folder",
)
def _(site: Installation) -> None:
    own_template(site, None)


@fault(
    52,
    "the logo is missing",
    subjects=RENDER,
    says="invoice.seller.logo: The invoice template asks for logo.png",
    cure="put it into invoice.assets",
)
def _(site: Installation) -> None:
    seller = site.sections["invoice"]["seller"] | {"logo": "logo.png"}
    site.configure(invoice={"assets": str(site.folder), "seller": seller})


@fault(
    53,
    "the fonts are missing",
    subjects=RENDER,
    says="The fonts of the package are missing",
    cure="install mailworker again",
)
def _(site: Installation) -> None:
    empty = site.folder / "fonts"
    empty.mkdir()
    site.monkeypatch.setattr(rendering, "FONTS", empty)


@fault(
    29,
    "the CRM's database is down",
    says="The CRM's database cannot be reached",
    cure="start it, or correct its URL",
)
def _(site: Installation) -> None:
    queries = {"invoices": "SELECT 1"}
    site.configure(
        crm={"source": "sql", "sql": {"url": "postgresql://u:p@127.0.0.1:1/x", "queries": queries}}
    )


@fault(
    30,
    "a column of the CRM is missing",
    says="crm.sql.queries.invoices does not return due_date",
    cure="add it",
    more=("crm.sql.queries.invoices does not return",),
)
def _(site: Installation) -> None:
    path = site.folder / "own.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE invoice (invoice_id TEXT, customer_id TEXT)")
    queries = {"invoices": "SELECT invoice_id, customer_id FROM invoice"}
    site.configure(crm={"source": "sql", "sql": {"url": f"sqlite:///{path}", "queries": queries}})


@fault(
    31,
    "the CRM's API answers oddly",
    says="crm.http invoices: OmniCRM answered the list of invoices with something that is not JSON",
    cure="check its path",
    more=("crm.http customers: ",),
)
def _(site: Installation) -> None:
    wire = site.closing.enter_context(Wire([answer(200, "<html>Please log in</html>", "text/html")]))
    site.configure(crm={"source": "http", "http": {"base_url": wire.url, "api_key": "k"}})


@fault(
    87,
    "the CRM's API fails",
    says="crm.http invoices: OmniCRM answered 502 to the list of invoices",
    cure="its own log says why",
    more=("crm.http customers: ",),
)
def _(site: Installation) -> None:
    wire = site.closing.enter_context(Wire([answer(502, "<html>Bad Gateway</html>", "text/html")]))
    site.configure(crm={"source": "http", "http": {"base_url": wire.url, "api_key": "k"}})
