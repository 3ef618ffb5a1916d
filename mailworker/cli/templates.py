"""`mailworker templates`: the ten e-mail templates, looked at, compared, and put to Mailjet."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="E-mail templates: check, preview, push.", no_args_is_help=True)


@app.command()
def check(
    *,
    mailjet: Annotated[
        bool, typer.Option("--mailjet", help="Also read the configured templates from Mailjet.")
    ] = False,
) -> None:
    """Compare the variables of each template with those that its kind brings, and look for unescaped ones.

    Ends with 1 on a fault. An unescaped value in a template that Mailjet holds is a warning.
    """
    from mailworker.cli.container_context import opened
    from mailworker.cli.template_commands.check import check_mailjet, check_ours

    with opened() as container:
        all_found = [check_ours(container.settings.kinds)]
        if mailjet:
            all_found.append(check_mailjet(container))
    for warning in (one for found in all_found for one in found.warnings):
        typer.echo(f"warning: {warning}")
    faults = [one for found in all_found for one in found.faults]
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(1)
    typer.echo("Every variable that a template uses comes with its kind, and ours are all escaped.")


@app.command()
def preview(
    folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = Path("var/templates"),
) -> None:
    """Write all templates, in French and English, with sample values, as pages to look at."""
    from mailworker.cli.template_commands.preview import write_previews

    typer.echo(f"Open {write_previews(folder)}")


@app.command()
def push(
    *,
    only: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; repeat it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Create our templates at Mailjet, or update those pushed before, and print the ids for crm_config.yaml.

    They are told by their names; templates of your own stay as they are.
    """
    from mailworker.cli.console import console
    from mailworker.cli.container_context import opened
    from mailworker.cli.template_commands.push import as_yaml, push_all

    with opened() as container:
        pushed = push_all(container, only or (), dry_run=dry_run)
    out = console()
    for one in pushed:
        out.print(f"{one.what}: {one.name}", markup=False)
    if not dry_run:
        out.print("\nFor crm_config.yaml:\n\n" + as_yaml(pushed), markup=False, soft_wrap=True)
