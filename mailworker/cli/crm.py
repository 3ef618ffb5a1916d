"""`mailworker crm`: how the CRM is read, printed ready to copy and mend."""

import typer

app = typer.Typer(no_args_is_help=True, help="How the CRM is read: the SQL in use, ready to copy and mend.")


@app.command("queries")
def queries() -> None:
    """Print the SQL in use as a `crm:` block of crm_config.yaml, to copy and mend."""
    from mailworker.cli.container_context import opened
    from mailworker.crm.printed import queries_block
    from mailworker.crm.row_source_factory import open_rows

    with opened() as container:
        rows = open_rows(container.settings.crm)
        try:
            typer.echo(queries_block(rows), nl=False)
        finally:
            rows.close()
