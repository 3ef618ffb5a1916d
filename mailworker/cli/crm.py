"""`mailworker crm`: how the CRM is read, printed ready to copy and mend."""

import typer

app = typer.Typer(no_args_is_help=True, help="How the CRM is read, ready to copy and mend.")


@app.command("queries")
def queries() -> None:
    """Print the SQL in use as a `crm:` block of crm_config.yaml, to copy and mend.

    Example: mailworker crm queries
    """
    from mailworker.cli.container_context import opened
    from mailworker.crm.print_config import queries_block
    from mailworker.crm.row_source_factory import open_rows

    with opened() as container:
        rows = open_rows(container.settings.crm)
        try:
            typer.echo(queries_block(rows), nl=False)
        finally:
            rows.close()


@app.command("paths")
def paths() -> None:
    """Read OmniCRM's own OpenAPI document, and print a `crm:` block with its paths, header and fields.

    Example: mailworker crm paths
    """
    from mailworker.cli.container_context import opened
    from mailworker.crm.openapi import described
    from mailworker.crm.openapi_fetch import fetch_description
    from mailworker.crm.print_config import http_block
    from mailworker.errors import BadInput

    with opened() as container:
        http = container.settings.crm.http
        if not http.base_url:
            raise BadInput("crm.http.base_url is empty; give OmniCRM's address, as https://crm.example.com.")
        place, document = fetch_description(http)
        typer.echo(http_block(http.base_url, place, described(document)), nl=False)
