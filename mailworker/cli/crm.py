"""`mailworker crm`: how the CRM is read, printed ready to copy and mend."""

import typer

from mailworker.cli.console import write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson
from mailworker.errors import BadInput

app = typer.Typer(no_args_is_help=True, help="How the CRM is read, ready to copy and mend.")


@app.command("queries")
def queries(*, as_json: AsJson = False) -> None:
    """Print the SQL in use as a `crm:` block of crm_config.yaml, to copy and mend.

    Example: mailworker crm queries
    """
    from mailworker.crm.open_row_source import open_rows
    from mailworker.crm.print_crm_block import queries_block

    with opened() as container:
        rows = open_rows(container.settings.crm)
        try:
            _print_block(queries_block(rows), as_json=as_json)
        finally:
            rows.close()


@app.command("paths")
def paths(*, as_json: AsJson = False) -> None:
    """Read OmniCRM's own OpenAPI document, and print a `crm:` block with its paths, header and fields.

    Example: mailworker crm paths
    """
    from mailworker.crm.openapi import described
    from mailworker.crm.openapi_fetch import fetch_description
    from mailworker.crm.print_crm_block import http_block

    with opened() as container:
        http = container.settings.crm.http
        if not http.base_url:
            raise BadInput("crm.http.base_url is empty; give OmniCRM's address, as https://crm.example.com.")
        place, document = fetch_description(http)
        _print_block(http_block(http.base_url, place, described(document)), as_json=as_json)


def _print_block(block: str, *, as_json: bool) -> None:
    """The block of YAML as it is to be copied, or its content as JSON."""
    import yaml

    if as_json:
        write_json(yaml.safe_load(block))
    else:
        typer.echo(block.rstrip("\n"))
