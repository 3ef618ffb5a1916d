"""`mailworker quarantine`: stream entries that ended their readers again and again."""

from typing import Annotated

import typer

from mailworker.cli.console import answer, console, table, write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson, Yes
from mailworker.core.readable_size import readable_size

app = typer.Typer(
    help="Entries that ended every worker that read them: list, release, delete.", no_args_is_help=True
)

_Id = Annotated[str, typer.Argument(help="An id as `quarantine list` shows it.")]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is in quarantine: from which stream, since when, how large. Its content is not read.

    Example: mailworker quarantine list
    """
    from dataclasses import asdict

    from mailworker.queue.quarantine import quarantined

    with opened() as container:
        found = quarantined(container.redis, limit=100)
    if as_json:
        write_json([asdict(one) for one in found])
        return
    if not found:
        typer.echo("Nothing is in quarantine.")
        return
    rows = [(one.id, one.stream, one.entry, one.since, readable_size(one.bytes)) for one in found]
    console().print(table(("id", "stream", "entry", "since", "#size"), rows))


@app.command()
def release(id_: _Id, *, as_json: AsJson = False) -> None:
    """Put an entry back on its stream: when the fault is mended, or a worker has more memory.

    Example: mailworker quarantine release 1
    """
    from mailworker.queue.quarantine import give_back

    with opened() as container:
        give_back(container.redis, id_)
    answer(f"Released: {id_}. A worker reads it within seconds.", {"released": id_}, as_json=as_json)


@app.command()
def delete(id_: _Id, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Throw an entry away for good: a job that is in it will never be sent.

    Example: mailworker quarantine delete 1
    """
    from mailworker.queue.quarantine import throw_away

    if not yes:
        typer.confirm(f"Delete {id_}? What is in it will never be sent.", abort=True, err=as_json)
    with opened() as container:
        throw_away(container.redis, id_)
    answer(f"Deleted: {id_}.", {"deleted": id_}, as_json=as_json)
