"""What a push shows: the difference before, each template after."""

import sys
from collections.abc import Sequence

import typer

from mailworker.cli.console import console
from mailworker.cli.template_commands.push import PlannedPush, Pushed, name_of

_WOULD = {"created": "would be created", "updated": "would be updated", "unchanged": "unchanged"}


def show_plan(planned: Sequence[PlannedPush], *, dry_run: bool) -> None:
    """The difference of each template that Mailjet has otherwise; in a rehearsal all templates by name."""
    out = console()
    for one in planned:
        if dry_run:
            out.print(f"{_WOULD[one.what]}: {name_of(one.template)}", markup=False)
        elif one.what == "updated":
            out.print(f"differs: {name_of(one.template)}", markup=False)
        if one.what == "updated":
            out.print("\n".join(f"  {line}" for line in one.difference()), markup=False, soft_wrap=True)


def ask(planned: Sequence[PlannedPush]) -> None:
    """On a terminal, ask before what is at Mailjet is changed; new templates harm nobody."""
    changed = sum(one.what == "updated" for one in planned)
    if changed and sys.stdin.isatty():
        typer.confirm(f"Change {changed} templates at Mailjet?", abort=True)


def show_done(one: Pushed) -> None:
    """One template that is done."""
    console().print(f"{one.what}: {one.name}", markup=False)
