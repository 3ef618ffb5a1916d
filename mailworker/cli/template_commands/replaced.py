"""What a push replaced at Mailjet: kept in a folder, from which it can be put back."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mailworker.cli.shared_options import at_terminal
from mailworker.cli.template_commands.push import PlannedPush, Pushed, push_one, show_plan
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.errors import BadInput
from mailworker.templates.shipped_templates import MailTemplate

if TYPE_CHECKING:
    from mailworker.container import Container

_PARTS = ("subject", "html", "text")


def keep_replaced(planned: Iterable[PlannedPush], folder: Path, now: datetime) -> Path | None:
    """Write what these pushes will replace into a new folder below this one; None where they replace nothing.

    Raises BadInput where that cannot be written: then nothing may be replaced.
    """
    replaced = [one for one in planned if one.what == "updated"]
    if not replaced:
        return None
    made = folder / f"{now:%Y-%m-%dT%H-%M-%S}"
    try:
        made.mkdir(parents=True, exist_ok=True)
        for one in replaced:
            parts = dict(zip(_PARTS, one.there or (), strict=True))
            path = made / f"{one.template.kind}.{one.template.language}.json"
            path.write_text(json.dumps(parts, ensure_ascii=False, indent=2), encoding="utf-8")
    except OSError as wrong:
        raise BadInput(
            f"{wrong.filename}: cannot be written ({wrong.strerror}), so nothing was pushed: what is at "
            "Mailjet would be lost. Name another folder with --backup."
        ) from None
    return made


def push_shown(
    container: "Container", planned: Sequence[PlannedPush], backup: Path, *, dry_run: bool, yes: bool
) -> list[Pushed] | None:
    """Show what differs, ask, keep what is replaced below `backup`, and push; None in a rehearsal."""
    show_plan(planned, dry_run=dry_run)
    if dry_run:
        return None
    changed = sum(one.what == "updated" for one in planned)
    if changed and not yes and at_terminal():  # new templates harm nobody
        typer.confirm(f"Change {counted(changed, 'template')} at Mailjet?", abort=True)
    kept = keep_replaced(planned, backup, utc_now())
    pushed = [push_one(container, one) for one in planned]
    if kept:
        typer.echo(f"\nTo put back what was at Mailjet: mailworker templates restore {kept}")
    return pushed


def read_replaced(folder: Path) -> list[MailTemplate]:
    """The templates that `keep_replaced` kept there. Raises BadInput where it is no such folder."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise BadInput(f"{folder}: has no replaced templates; `templates push` prints the folder.")
    return [_read(path) for path in paths]


def _read(path: Path) -> MailTemplate:
    kind, _, language = path.stem.partition(".")
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        subject, html, text = (str(found[part]) for part in _PARTS)
    except (OSError, ValueError, TypeError, KeyError):
        raise BadInput(f"{path}: is none of the files that `templates push` keeps.") from None
    return MailTemplate(kind, language, subject, html, text, ())
