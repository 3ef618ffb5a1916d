"""`mailworker templates`: the ten e-mail templates, looked at, compared, and put to Mailjet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailworker.cli.console import console, write_json
from mailworker.cli.container_context import opened
from mailworker.cli.input_file import read_object
from mailworker.cli.kind_names import whole_kind
from mailworker.cli.shared_options import AsJson

if TYPE_CHECKING:
    from mailworker.templates.template_library import TemplateLibrary

app = typer.Typer(help="E-mail templates: check, preview, new, test, push, restore.", no_args_is_help=True)

_Data = Annotated[Path | None, typer.Option(help="Your own values, a JSON object.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what differs from Mailjet's.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before templates are changed.")]
_Backup = Annotated[Path, typer.Option(help="Where what is replaced at Mailjet is kept.")]
_REPLACED = Path("var/replaced-templates")


@app.command()
def check(
    *,
    mailjet: Annotated[
        bool, typer.Option("--mailjet", help="Also read the configured templates from Mailjet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the variables of each template with those that its kind brings, and look for unescaped ones.

    Ends with 1 on a fault. An unescaped value in a template that Mailjet holds is a warning.

    Example: mailworker templates check --mailjet
    """
    from mailworker.cli.template_commands.check import check_library, check_mailjet
    from mailworker.templates.template_library import template_library

    with opened() as container:
        all_found = [check_library(template_library(container.settings))]
        if mailjet:
            all_found.append(check_mailjet(container))
    warnings = [one for found in all_found for one in found.warnings]
    faults = [one for found in all_found for one in found.faults]
    if as_json:
        write_json({"ok": not faults, "faults": faults, "warnings": warnings})
        raise typer.Exit(1 if faults else 0)
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(1)
    typer.echo("Every variable that a template uses comes with its kind, and ours are all escaped.")


@app.command()
def preview(
    kind: Annotated[str | None, typer.Argument(help="Only this kind.")] = None,
    *,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    data: _Data = None,
    folder: Annotated[Path, typer.Option(help="Where the pages go.")] = Path("var/templates"),
    show: Annotated[bool, typer.Option("--open", help="Open them in the browser.")] = False,
) -> None:
    """Write templates as pages to look at: with your brand, your own files, and sample values or yours.

    Example: mailworker templates preview api_crmCommunicationCustomerInvoice --language fr --open
    """
    from mailworker.cli.template_commands.preview import write_previews

    values = read_object(data, "--data: ") if data else None
    index = write_previews(_library(), folder, kind=kind, language=language, values=values)
    typer.echo(f"Open {index}")
    if show:
        typer.launch(str(index.resolve()))


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="A kind of your own, from mailjet: in crm_config.yaml.")],
    *,
    language: Annotated[str, typer.Option(help="fr or en.")] = "fr",
) -> None:
    """Write a first template for a kind of your own into brand.template_dir, to be changed.

    Example: mailworker templates new api_crmCommunicationContractSigned
    """
    from mailworker.cli.template_commands.new import write_starter

    with opened() as container:
        settings = container.settings
        kind = whole_kind(kind, settings.kinds)
        for path in write_starter(settings, kind, language):
            typer.echo(f"Written: {path}")
        block = settings.mailjet.blocks.get(kind)
        for other in (block.languages if block else {}).keys() - {language}:
            typer.echo(f"Its block has {other}, too: mailworker templates new {kind} --language {other}")


@app.command("test")
def send_test(
    kind: Annotated[str, typer.Argument(help="The kind to send.")],
    *,
    to: Annotated[str, typer.Option(help="Your own address.")],
    language: Annotated[str | None, typer.Option(help="fr or en.")] = None,
    data: _Data = None,
) -> None:
    """Send one mail of a kind with sample values, by the way that every mail takes.

    Example: mailworker templates test api_crmCommunicationCustomerWelcome --to you@example.com
    """
    from mailworker.cli.template_commands.test import send_sample

    with opened() as container:
        id_ = send_sample(container, kind, to, language, read_object(data, "--data: ") if data else None)
    typer.echo(id_)


@app.command()
def push(
    *,
    only: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; repeat it.")] = None,
    dry_run: _DryRun = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the ids into crm_config.yaml; every comment stays.")
    ] = False,
    yes: _Yes = False,
    backup: _Backup = _REPLACED,
) -> None:
    """Put templates to Mailjet, new ones and those that changed, and give their ids for crm_config.yaml.

    They are told by their names; other templates stay as they are. What differs is shown first, and a
    terminal asks before a template that is there is changed; what was there is kept: see `templates restore`.
    Example: mailworker templates push --write
    """
    from mailworker.cli.template_commands.push import as_yaml, plan_push
    from mailworker.cli.template_commands.replaced import push_shown
    from mailworker.config.settings import config_path

    if write and not dry_run:
        from mailworker.cli.template_commands.write_ids import check_lasting, write_ids

        check_lasting(config_path())
    out = console()
    with opened() as container:
        language = container.settings.worker.language
        pushed = push_shown(container, plan_push(container, only or ()), backup, dry_run=dry_run, yes=yes)
    if pushed is None:
        return
    if write:
        changes = write_ids(config_path(), pushed, language)
        if changes:
            changes.append("Restart the workers: they read the configuration once.")
        out.print("\n".join(["", *(changes or ["The configuration has these ids already."])]), markup=False)
        return
    out.print("\nFor crm_config.yaml:\n\n" + as_yaml(pushed, language), markup=False, soft_wrap=True)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that the push printed.")],
    *,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    backup: _Backup = _REPLACED,
) -> None:
    """Put back at Mailjet what a push replaced there; ids stay as they are.

    Example: mailworker templates restore var/replaced-templates/2026-11-30T10-00-00
    """
    from mailworker.cli.template_commands.push import compare
    from mailworker.cli.template_commands.replaced import push_shown, read_replaced

    templates = read_replaced(folder)
    with opened() as container:
        push_shown(container, compare(container, templates), backup, dry_run=dry_run, yes=yes)


def _library() -> "TemplateLibrary":
    """The configured templates; ours alone where there is no configuration."""
    from mailworker.config.settings import config_path, load_settings
    from mailworker.templates.template_library import sample_library, template_library

    return template_library(load_settings()) if config_path().exists() else sample_library()
