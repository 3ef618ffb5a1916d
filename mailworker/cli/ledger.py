"""`mailworker ledger`: the tables' version, bringing them up to date, and filling them again after a loss."""

from typing import Annotated

import typer

from mailworker.cli.console import answer
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson

app = typer.Typer(help="The ledger: status, migrate, refill.", no_args_is_help=True)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show which version the tables are of, and whether this mailworker can use them; 1 where it cannot.

    Example: mailworker ledger status
    """
    from mailworker.config.settings import load_settings
    from mailworker.ledger import Ledger

    found = Ledger.schema_status(load_settings().worker.database_url)
    words = (
        f"Tables: revision {found.database or 'none'}; this mailworker: {found.code}; "
        f"older ones can use the tables down to: {found.compatible_down_to or 'unknown'}.\n"
        f"{found.mismatch or 'They fit.'}"
    )
    facts = {
        "database": found.database,
        "code": found.code,
        "compatible_down_to": found.compatible_down_to,
        "usable": found.mismatch is None,
        "trouble": found.mismatch,
    }
    answer(words, facts, as_json=as_json)
    raise typer.Exit(1 if found.mismatch else 0)


@app.command()
def migrate(*, as_json: AsJson = False) -> None:
    """Bring the tables up to date. Workers may go on meanwhile; start those of the new version afterwards.

    Example: mailworker ledger migrate
    """
    from mailworker.config.settings import load_settings
    from mailworker.ledger import Ledger

    found = Ledger.migrate_tables(load_settings().worker.database_url)
    words = f"The ledger's tables are of revision {found.database}."
    answer(words, {"database": found.database, "code": found.code}, as_json=as_json)


@app.command()
def refill(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what the ledger lacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """After a restore or a fail-over: read the jobs and events of the last while once more, nothing twice.

    Example: mailworker ledger refill
    """
    from mailworker.cli.ledger_refill import refilled, sentence_of

    with opened() as container:
        found = refilled(container, dry_run=dry_run)
    answer(sentence_of(found, dry_run=dry_run), found.as_json(), as_json=as_json)
