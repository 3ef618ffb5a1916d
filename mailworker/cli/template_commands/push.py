"""Putting our templates to Mailjet: found again by name; the difference shown, and asked about, first."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, Literal

import yaml

from mailworker.cli.console import console
from mailworker.cli.container_context import rest_api
from mailworker.cli.kind_names import whole_kind
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.plural import counted
from mailworker.errors import BadInput
from mailworker.mailjet.rest_api import RestCall
from mailworker.mailjet.rest_rows import first_row, id_of
from mailworker.templates.shipped_templates import MailTemplate
from mailworker.templates.template_library import template_library

if TYPE_CHECKING:
    from mailworker.container import Container

_LOCALES = {"fr": "fr_FR", "en": "en_US"}
#: Mailjet's number for templates written as HTML.
_HTML_EDITOR = 2
#: So many lines of one template's difference are shown.
_SHOWN = 40

_WOULD = {"created": "would be created", "updated": "would be updated", "unchanged": "unchanged"}
_PARTS = ("subject", "HTML", "text")
What = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class PlannedPush:
    """A template, and its id, subject, HTML and text at Mailjet; None where Mailjet has none."""

    template: MailTemplate
    id: int | None = None
    there: tuple[str, str, str] | None = None

    @property
    def what(self) -> What:
        """What a push does."""
        if self.there is None:
            return "created"
        return "unchanged" if self.there == _parts(self.template) else "updated"

    def difference(self) -> list[str]:
        """Mailjet's against ours, as a unified diff; of a long one the beginning. Empty but for an update."""
        if self.there is None:
            return []
        lines = [line for part in self._differences() for line in part]
        more = len(lines) - _SHOWN
        return [*lines[:_SHOWN], f"... {counted(more, 'more line')}"] if more > 0 else lines

    def _differences(self) -> Iterator[Iterator[str]]:
        there = self.there or ("", "", "")
        for name, before, after in zip(_PARTS, there, _parts(self.template), strict=True):
            names = f"{name} at Mailjet", f"{name} here"
            yield unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=1)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A template that now is at Mailjet."""

    kind: str
    language: str
    subject: str
    id: int | None


def plan_push(container: "Container", only: Collection[str]) -> list[PlannedPush]:
    """Compare every template with Mailjet's, two calls each at the most. Raises what the gateway raises."""
    library = template_library(container.settings)
    known = {kind for kind, _ in library.names()}
    only = [whole_kind(kind, known) for kind in only]
    if odd := [kind for kind in only if kind not in known]:
        raise BadInput(
            [
                f"--kind {kind}: there is no template for it{did_you_mean(kind, known) or '.'} "
                f"`mailworker templates new {kind}` writes a first one."
                for kind in odd
            ]
        )
    if library.brands["fr"].is_placeholder and not container.settings.mailjet.is_local:
        raise BadInput(
            "Customers would read the manual's example company: set brand.name and what belongs to it "
            "(docs/templates.md), or invoice.seller, before templates go to Mailjet."
        )
    wanted = [name for name in library.names() if not only or name[0] in only]
    return compare(container, (library.template(*name) for name in wanted))


def compare(container: "Container", templates: Iterable[MailTemplate]) -> list[PlannedPush]:
    """What a push of these does, two calls each at the most. Raises what the gateway raises."""
    return [_plan(container, template) for template in templates]


def name_of(template: MailTemplate) -> str:
    """By which a template is found again at Mailjet."""
    return f"mailworker {template.kind} {template.language}"


def as_yaml(pushed: Sequence[Pushed], own_language: str) -> str:
    """The ids as crm_config.yaml wants them: the operator's language first, others below it."""
    blocks: dict[str, dict[str, Any]] = {}
    for one in pushed:
        block = blocks.setdefault(one.kind, {})
        if one.language == own_language:
            block["template_id"] = one.id
        else:
            others = block.setdefault("languages", {})
            others[one.language] = {"template_id": one.id, "subject": one.subject}
    return yaml.safe_dump({"mailjet": blocks}, allow_unicode=True, sort_keys=False, width=110)


def _parts(template: MailTemplate) -> tuple[str, str, str]:
    return template.subject, template.html, template.text


def _plan(container: "Container", template: MailTemplate) -> PlannedPush:
    number = _find(container, name_of(template))
    if number is None:
        return PlannedPush(template)
    row = first_row(rest_api(container).rest(RestCall("template_detailcontent", id=number)))
    subject = (row.get("Headers") or {}).get("Subject") or ""
    return PlannedPush(template, number, (subject, row.get("Html-part") or "", row.get("Text-part") or ""))


def push_one(container: "Container", planned: PlannedPush) -> Pushed:
    """Create or update this template where it differs, and print its name. Raises what the gateway raises."""
    template, name = planned.template, name_of(planned.template)
    number = planned.id if planned.id is not None else _create(container, template, name)
    if planned.what != "unchanged":
        content = {
            "Html-part": template.html,
            "Text-part": template.text,
            "Headers": {"Subject": template.subject},
        }
        rest_api(container).rest(RestCall("template_detailcontent", "POST", id=number, data=content))
    console().print(f"{planned.what}: {name}")
    return Pushed(template.kind, template.language, template.subject, number)


def _find(container: "Container", name: str) -> int | None:
    row = first_row(
        rest_api(container).rest(RestCall("template", filters={"Name": name, "OwnerType": "apikey"}))
    )
    return id_of(row) if row else None


def _create(container: "Container", template: MailTemplate, name: str) -> int:
    properties = {
        "Name": name,
        "Locale": _LOCALES.get(template.language, f"{template.language}_{template.language.upper()}"),
        "EditMode": _HTML_EDITOR,
        "IsTextPartGenerationEnabled": False,
        "Purposes": ["transactional"],
    }
    return id_of(first_row(rest_api(container).rest(RestCall("template", "POST", data=properties))))


def show_plan(planned: Sequence[PlannedPush], *, dry_run: bool) -> None:
    """The difference of each template that Mailjet has otherwise; in a rehearsal all templates by name."""
    out = console()
    for one in planned:
        if dry_run:
            out.print(f"{_WOULD[one.what]}: {name_of(one.template)}")
        elif one.what == "updated":
            out.print(f"differs: {name_of(one.template)}")
        if one.what == "updated":
            out.print("\n".join(f"  {line}" for line in one.difference()), soft_wrap=True)
