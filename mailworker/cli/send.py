"""`mailworker send`: one e-mail, from the shell."""

import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer

from mailworker.cli.console import answer
from mailworker.cli.container_context import mail_client
from mailworker.cli.input_file import read_object
from mailworker.cli.shared_options import AsJson
from mailworker.errors import BadInput


def command(
    kind: Annotated[
        str, typer.Argument(help="The kind, as crm_config.yaml calls it, with or without api_crm...")
    ],
    to: Annotated[list[str], typer.Argument(help="Addresses; each gets a mail of its own.")],
    *,
    var: Annotated[list[str] | None, typer.Option(help="A variable as name=value; repeat it.")] = None,
    variables: Annotated[
        Path | None, typer.Option("--vars", help="A JSON file of variables; --var wins over it.")
    ] = None,
    attach: Annotated[list[Path] | None, typer.Option(help="A file to attach; repeat it.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key again sends nothing.")
    ] = None,
    send_at: Annotated[str | None, typer.Option(help="Not before, as 2026-12-24T08:00+01:00.")] = None,
    language: Annotated[str | None, typer.Option(help="fr or en; the configuration's by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Enqueue one e-mail and print its message id; `mailworker messages show ID` follows it.

    Example: mailworker send api_crmCommunicationEmailVerification you@example.com
    --var user_name=You --var verification_url=https://example.com/v/1
    """
    from mailworker.cli.kind_names import whole_kind
    from mailworker.config.settings import load_settings

    settings = load_settings()
    kind = whole_kind(kind, settings.kinds)
    values = _variables(settings.kinds.get(kind), variables, var or [])
    job = {"kind": kind, "to": to if len(to) > 1 else to[0], "variables": values}
    options = {
        "idempotency_key": key,
        "send_at": send_at,
        "language": language,
        "attachments": [_attachment(path) for path in attach or []] or None,
    }
    with mail_client(settings) as client:
        done = client.send_many([job | {name: value for name, value in options.items() if value is not None}])
    for _, fault in done.refused:
        raise fault
    answer("\n".join(done.ids), {"messages": done.ids}, as_json=as_json)


def _variables(kind: Any, file: Path | None, pairs: list[str]) -> dict[str, Any]:
    """The file's variables and the options'. Raises BadInput with every fault."""
    values = read_object(file, "--vars: ") if file else {}
    if odd := [pair.partition("=")[0] for pair in pairs if "=" not in pair]:
        raise BadInput([f"--var {name}: write it as name=value." for name in odd])
    for pair in pairs:
        name, _, text = pair.partition("=")
        values[name] = _typed(kind, name, text)
    return values


def _typed(kind: Any, name: str, text: str) -> Any:
    """A shell knows only text: what the kind wants as a number becomes one, if it can."""
    from mailworker.core.kind import VariableType

    variable = kind.variable(name) if kind else None
    is_number = variable is not None and variable.type is VariableType.INTEGER
    return int(text) if is_number and text.removeprefix("-").isdecimal() else text


def _attachment(path: Path) -> dict[str, Any]:

    try:
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{path}: cannot be read ({fault.strerror}).") from None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"filename": path.name, "content_type": kind, "content": content}
