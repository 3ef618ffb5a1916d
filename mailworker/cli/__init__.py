"""`mailworker ...` on the command line.

Every module here that has a `command` (a function) or an `app` (a Typer with commands of its own) is a
command, called as its file is; it needs no registration, only its place in `SECTIONS`. Heavy imports wait
inside the functions, so that `mailworker --help` is quick.
"""

import importlib
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Annotated, NoReturn

import typer

from mailworker.core.safe_text import escaped_json, shown
from mailworker.errors import MailworkerError

#: Looked for in the text, so that a command's helpers beside it are imported only when it runs.
_COMMAND = re.compile(r"^(def command\(|app = typer\.)", re.MULTILINE)

#: What cannot work ends with this; a check that found something wrong ends with 1.
CANNOT = 2

#: The help, in its order. A command that is named nowhere stands at its end.
SECTIONS = {
    "Try it": ("demo", "dev", "simulator", "bench"),
    "Send": ("send", "reminders", "balances", "contacts", "campaign"),
    "Look after it": (
        "messages",
        "holds",
        "quarantine",
        "ledger",
        "doctor",
        "health",
        "stats",
        "schedule",
        "webhook",
        "operator-password",
        "suppressions",
        "privacy",
    ),
    "Prepare": ("templates", "invoice", "crm", "cgrates"),
}


def build(only: str | None = None) -> typer.Typer:
    """The command line: all of it, or the one command of that name, where there is one."""
    root = typer.Typer(
        name="mailworker",
        help="The mail room of OmniCRM: every job becomes one e-mail at Mailjet, exactly once.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    root.callback()(_options)
    for module in sorted(() if only == "--version" else _commands(only), key=_place):
        _register(root, module)
    return root


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mailworker {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("omnicrm-mailworker")
    except metadata.PackageNotFoundError:
        return "from a checkout that is not installed"


def _options(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback acts on it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    from mailworker.cli.console import SHOWN_IN

    token = SHOWN_IN.set(UTC)
    context.call_on_close(lambda: SHOWN_IN.reset(token))


def main() -> None:
    """Run a command. What we can explain is printed in sentences, without a traceback, and ends with 2.

    Programs that asked for JSON get the sentence in a document, too.
    """
    os.umask(0o077)  # what commands write down is a customer's, as what workers do
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # JSON is UTF-8, and names are of all alphabets, in any locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        build(_first_word(sys.argv[1:]))()
    except MailworkerError as fault:
        cure = f"\nWhat to do: mailworker doctor --only {fault.subject}" if fault.subject else ""
        _cannot(str(fault), cure)
    except OSError as fault:
        if fault.filename is None:
            raise
        _cannot(f"{fault.filename}: cannot be read or written ({fault.strerror}).")


def _cannot(sentence: str, cure: str = "") -> NoReturn:
    sys.stderr.write(f"{shown(sentence)}{cure}\n")
    if "--json" in sys.argv[1:]:
        sys.stdout.write(escaped_json(json.dumps({"error": sentence}, ensure_ascii=False)) + "\n")
    raise SystemExit(CANNOT) from None


def _first_word(arguments: Sequence[str]) -> str | None:
    """The command to run; None where all of them have to be known: for help and completion."""
    completing = any(name.startswith("_MAILWORKER_COMPLETE") for name in os.environ)
    return arguments[0] if arguments and not completing else None


def _commands(only: str | None) -> list[ModuleType]:
    files = list(Path(__file__).parent.glob("*.py"))
    # A command by itself is found at once; a name that is none gets the whole, and its help.
    asked = filter(_is_command, (path for path in files if path.stem.replace("_", "-") == only))
    found = list(asked) or filter(_is_command, files)
    return [importlib.import_module(f"{__name__}.{path.stem}") for path in found]


def _is_command(file: Path) -> bool:
    return _COMMAND.search(file.read_text("utf-8")) is not None


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].replace("_", "-")


def _place(module: ModuleType) -> tuple[int, int]:
    name = _name(module)
    for section, names in enumerate(SECTIONS.values()):
        if name in names:
            return section, names.index(name)
    return len(SECTIONS), 0


def _register(root: typer.Typer, module: ModuleType) -> None:
    name = _name(module)
    panel = next((section for section, names in SECTIONS.items() if name in names), "More")
    if hasattr(module, "app"):
        root.add_typer(module.app, name=name, rich_help_panel=panel)
    else:
        root.command(name, rich_help_panel=panel)(module.command)
