"""What the campaign commands read and print."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailworker.campaigns.count_audience import Audience
from mailworker.cli.console import console, table, write_json
from mailworker.cli.container_context import rest_api
from mailworker.cli.input_file import read_text
from mailworker.core.plural import counted
from mailworker.core.states import FINAL
from mailworker.errors import BadInput
from mailworker.mailjet.contact_queries import template_content
from mailworker.rules.delivery_rates import COUNTS, MailFigures

if TYPE_CHECKING:
    from mailworker.campaigns.preview import CampaignExample
    from mailworker.container import Container

Row = Mapping[str, Any]


def read_file(path: Path | None) -> str:
    """A content file's text; empty for none."""
    if path is None:
        return ""
    text = read_text(path)
    if not text.strip():
        raise BadInput(f"{path}: is empty; the campaign would say nothing.")
    return text


def read_values(given: Sequence[str]) -> dict[str, str]:
    """`name=value` as a mapping."""
    pairs = [one.partition("=") for one in given]
    wrong = [name for name, equals, _ in pairs if not equals or not name]
    if wrong:
        raise BadInput("--set: write name=value.")
    return {name: value for name, _, value in pairs}


def show_audience(audience: Audience, *, as_json: bool = False) -> None:
    """How many, how many of them really, and some."""
    if as_json:
        counts = {name: count for name, count in asdict(audience).items() if name != "sample"}
        sample = [masked(email) for email in audience.sample]
        write_json(counts | {"reachable": audience.reachable, "sample": sample})
        return
    out = console()
    contacts = counted(audience.contacts, "contact")
    out.print(f"In the segment: {contacts}; {counted(audience.reachable, 'gets', 'get')} it.")
    if left_out := audience.left_out():
        out.print(f"Left out: {left_out}.", soft_wrap=True)
    if audience.sample:
        out.print(f"For example: {', '.join(dict.fromkeys(map(masked, audience.sample)))}")


def masked(email: str) -> str:
    """An address that its owner's colleague recognises, and a stranger behind you does not."""
    local, _, domain = email.rpartition("@")
    return f"{local[:2]}…@{domain}"


def show_figures(
    row: Row,
    figures: Mapping[str, int],
    *,
    rates: Mapping[str, float | None] | None = None,
    as_json: bool = False,
) -> None:
    """A campaign's figures, and the shares that follow where they are given."""
    if as_json:
        about = {name: row[name] for name in ("id", "name", "state", "note")}
        shares = {} if rates is None else {"rates": dict(rates)}
        write_json(about | {"figures": dict(figures)} | shares)
        return
    out = console()
    out.print(f"{row['name']} ({row['id']}): {row['state']}")
    if row["note"]:
        out.print(row["note"], style="yellow")
    shown = [(name.replace("_", " "), count) for name, count in figures.items()]
    out.print(table(("", "#messages"), shown) if shown else "No figures yet.")
    if known := [f"{name} {share:.1%}" for name, share in (rates or {}).items() if share is not None]:
        out.print(f"{', '.join(known)}. {_SHARES}")


_SHARES = "The first three are shares of what left, the others of what was delivered."


def rates_of(figures: Mapping[str, int]) -> dict[str, float | None]:
    """The shares in a campaign's figures, as in all statistics; in Mailjet's figures `sent` is delivered."""
    if "hard_bounced" not in figures:
        return MailFigures(**{name: figures.get(name, 0) for name in COUNTS}).rates()
    delivered, blocked = figures["sent"], figures["blocked"]
    bounced = figures["hard_bounced"] + figures["soft_bounced"]
    return MailFigures(
        sent=delivered + bounced + blocked,
        delivered=delivered,
        bounced=bounced,
        blocked=blocked,
        complained=figures["spam"],
        **{name: figures[name] for name in ("opened", "clicked", "unsubscribed")},
    ).rates()


def content_of(container: "Container") -> Callable[[int], tuple[str, str]]:
    """Asks Mailjet for a template's HTML and text, one call each."""
    return partial(template_content, rest_api(container))


def show_example(example: "CampaignExample", folder: Path, name: str) -> Path:
    """Write the page of one contact's mail, and print what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.html"
    page.write_text(example.html or f"<pre>{escape(example.text)}</pre>", encoding="utf-8")
    out = console()
    out.print(f"To {masked(example.email)}, in {example.language}: {example.subject}")
    if example.left_out:
        out.print(f"This contact would not get it: {example.left_out}.", style="yellow")
    out.print(f"Open {page}")
    return page


def show_progress(row: Row, figures: Mapping[str, int], *, as_json: bool = False) -> None:
    """How far it is, as a share of those that get it."""
    audience = figures.get("contacts that get it", 0)
    ended = sum(figures.get(state, 0) for state in FINAL)
    show_figures(row, figures, as_json=as_json)
    if audience and not as_json:
        console().print(f"{ended:,} of {audience:,} are done ({ended / audience:.0%}).")
