"""`mailworker invoice`: render or check one invoice without sending anything."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mailworker.cli.console import write_json
from mailworker.cli.container_context import opened
from mailworker.cli.input_file import read_json
from mailworker.cli.shared_options import AsJson
from mailworker.config.invoice import InvoiceSettings
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput, MailworkerError

app = typer.Typer(help="Render or check an invoice, or send one by hand.", no_args_is_help=True)

InvoiceFile = Annotated[Path, typer.Argument(help="OmniCRM's invoice JSON.", exists=True, dir_okay=False)]
Config = Annotated[
    Path | None, typer.Option(help="The crm_config.yaml to take the seller and template from.")
]
FacturX = Annotated[bool, typer.Option("--facturx", help="As a Factur-X e-invoice, whatever the file says.")]


@app.command()
def send(
    invoice: Annotated[
        str, typer.Argument(help="The invoice's number or id in the CRM, or a file of its JSON.")
    ],
    *,
    to: Annotated[str | None, typer.Option(help="Another address than the customer's own.")] = None,
    again: Annotated[bool, typer.Option("--again", help="A copy, although it was sent already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send one invoice by hand, and print the message id.

    Example: mailworker invoice send FA-2026-004217
    """
    from mailworker.cli.send_invoice_or_reminder import print_id, send_invoice

    given = read_json(Path(invoice)) if invoice.endswith(".json") else invoice
    now = utc_now()
    with opened() as container:
        if not isinstance(given, str):
            _refuse_faults(given, container.settings.invoice)
        id_ = send_invoice(container, given, to=to, again=again)
        print_id(container, id_, now, as_json=as_json)


@app.command()
def render(
    invoice: InvoiceFile,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: the PDF's own name.")
    ] = None,
    language: Annotated[str, typer.Option(help="fr, en, en-GB ...; default: the invoice's own.")] = "",
    facturx: FacturX = False,
    show: Annotated[bool, typer.Option("--open", help="Open the PDF when it is done.")] = False,
    config: Config = None,
) -> None:
    """Write the invoice as PDF.

    Example: mailworker invoice render examples/invoices/facture.json --open
    """
    from mailworker.invoices import InvoiceRenderer

    try:
        with InvoiceRenderer(_settings(config, facturx=facturx)) as renderer:
            made = renderer.render(read_json(invoice), language=language)
    except MailworkerError as failed:
        raise _print_failure(failed) from None
    path = output or Path(made.filename)
    try:
        path.write_bytes(made.pdf)
    except OSError as wrong:
        typer.echo(f"{path} cannot be written: {wrong.strerror}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path}: {len(made.pdf)} bytes, sha256 {made.sha256}")
    for warning in made.warnings:
        typer.echo(f"Note: {warning}", err=True)
    if show:
        typer.launch(str(path))


@app.command()
def check(
    invoice: InvoiceFile, *, facturx: FacturX = False, config: Config = None, as_json: AsJson = False
) -> None:
    """Say everything that is wrong with the invoice's data; exit with 1 if anything is.

    Example: mailworker invoice check examples/invoices/facture.json
    """
    from mailworker.invoices import review_invoice

    try:
        review = review_invoice(read_json(invoice), _settings(config, facturx=facturx))
    except MailworkerError as failed:
        raise _print_failure(failed) from None
    if as_json:
        write_json({"ok": not review.faults, "faults": [*review.faults], "warnings": [*review.warnings]})
        raise typer.Exit(1 if review.faults else 0)
    for fault in review.faults:
        typer.echo(fault, err=True)
    for warning in review.warnings:
        typer.echo(f"Note: {warning}", err=True)
    if review.faults:
        raise typer.Exit(1)
    typer.echo(f"{invoice}: nothing wrong.")


def _refuse_faults(invoice: Any, settings: InvoiceSettings) -> None:
    """Raise BadInput with all that a worker would find wrong, and nobody would see here."""
    from mailworker.invoices import review_invoice

    if faults := review_invoice(invoice, settings).faults:
        raise BadInput(faults)


def _settings(config: Path | None, *, facturx: bool) -> InvoiceSettings:
    """The file's `invoice:` block; defaults where there is no file and none was named."""
    from mailworker.config.settings import config_path, load_settings

    found = config or config_path()
    settings = load_settings(found).invoice if config or found.exists() else InvoiceSettings()
    if not facturx:
        return settings
    try:
        return InvoiceSettings.model_validate(settings.model_dump() | {"e_invoice": "factur-x"})
    except ValueError as wrong:
        raise BadInput(f"{wrong}".splitlines()[-2].strip()) from None


def _print_failure(failed: MailworkerError) -> typer.Exit:
    typer.echo(str(failed), err=True)
    return typer.Exit(1)
