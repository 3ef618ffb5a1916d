"""`mailworker privacy`: show or erase what the ledger holds about an address."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailworker.cli.console import answer, write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson, Yes
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.errors import BadInput

if TYPE_CHECKING:
    from redis import Redis

app = typer.Typer(help="Show or erase what is held about an address.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address, as the person gives it.")]


@app.command()
def export(email: Email, *, as_json: AsJson = False) -> None:
    """Print everything that the ledger holds about the address, as JSON, with --json or without.

    Example: mailworker privacy export claire@example.com
    """
    from mailworker.cli.audit import audited
    from mailworker.ledger.operator_audit_log import Act

    del as_json
    _check(email)
    with opened() as container:
        found = container.privacy.export(email)
        with container.ledger.write() as connection:
            audited(connection, Act.EXPORT, "a person", why="", affected=1)
    write_json(found)


@app.command()
def erase(email: Email, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Erase the address here and its contact at Mailjet. Mail that waits is cancelled.

    Example: mailworker privacy erase claire@example.com
    """
    from mailworker.cli.audit import audited
    from mailworker.export_and_erasure import NOT_REACHED
    from mailworker.ledger.operator_audit_log import Act
    from mailworker.queue import envelope

    _check(email)
    with opened() as container:
        if not yes:
            typer.confirm(_question(container.privacy.export(email)), abort=True, err=as_json)
        now = utc_now()
        done = container.privacy.erase(email, now=now)
        job = {"do": envelope.DELETE_CONTACT, "email": email}
        container.contacts.intake.take(job, now=now, asked_at=now)
        with container.ledger.write() as connection:
            audited(connection, Act.ERASE, "a person", why="", affected=done.messages)
        rewrite_append_only_file(container.redis)
    words = (
        f"{counted(done.messages, 'message')} erased, {done.cancelled} of them cancelled; "
        f"{counted(done.files, 'file')} gone. The workers have Mailjet erase its "
        f"contact.\nNot reached from here: {'; '.join(NOT_REACHED)}."
    )
    answer(words, asdict(done) | {"not_reached": NOT_REACHED}, as_json=as_json)
    if done.on_their_way:
        left = counted(done.on_their_way, "message is on its way", "messages are on their way")
        typer.echo(f"{left}: run this again in some minutes.", err=True)
        raise typer.Exit(1)


def _question(held: Mapping[str, Any]) -> str:
    """What would be erased, so that nobody says yes to the wrong address."""
    messages = len(held["messages"])
    others = sum(len(rows) for name, rows in held.items() if isinstance(rows, list) and name != "messages")
    if not messages and not others:
        return "Nothing is held about this address here. Have Mailjet erase its contact, if it has one?"
    entries = counted(others, "other entry", "other entries")
    return (
        f"{counted(messages, 'message')} and {entries} are held about this address. Erase them, and cancel "
        "what waits? It cannot be undone."
    )


def _check(email: str) -> None:
    """Raises BadInput where this is no address, so that a slip is not read as a person nobody knows."""
    from mailworker.rules.job.addresses import normal_email

    try:
        normal_email(email.strip())
    except ValueError as fault:
        raise BadInput(f"address: is not an e-mail address: {fault}.") from None


def rewrite_append_only_file(redis: "Redis") -> None:
    """Have Redis write its file anew, without what is gone; where it may or can not, the text says so."""
    from redis.exceptions import RedisError

    with contextlib.suppress(RedisError):
        redis.bgrewriteaof()
