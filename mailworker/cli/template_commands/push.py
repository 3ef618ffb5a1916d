"""Putting our templates to Mailjet: found again by their names, so that a second push updates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from mailworker.cli.container_context import take_token
from mailworker.cli.doctor_checks.configuration import is_trial
from mailworker.core.nearest import did_you_mean
from mailworker.errors import BadInput
from mailworker.mailjet.gateway import RestCall
from mailworker.mailjet.rest_rows import first_row, id_of
from mailworker.templates.catalogue import MailTemplate
from mailworker.templates.library import template_library

if TYPE_CHECKING:
    from mailworker.container import Container

_LOCALES = {"fr": "fr_FR", "en": "en_US"}
#: Mailjet's number for templates written as HTML.
_HTML_EDITOR = 2


@dataclass(frozen=True, slots=True)
class Pushed:
    """A template that now is at Mailjet, or would be."""

    kind: str
    language: str
    name: str
    subject: str
    id: int | None
    what: Literal["created", "updated", "would create or update"]


def push_all(container: "Container", only: Collection[str], *, dry_run: bool) -> list[Pushed]:
    """Create or update every template, three calls each at the most. Raises what the gateway raises."""
    library = template_library(container.settings)
    known = {kind for kind, _ in library.names()}
    if odd := [kind for kind in only if kind not in known]:
        raise BadInput(
            [
                f"--kind {kind}: there is no template for it{did_you_mean(kind, known) or '.'} "
                f"`mailworker templates new {kind}` writes a first one."
                for kind in odd
            ]
        )
    if library.brands["fr"].is_placeholder and not is_trial(container.settings):
        raise BadInput(
            "Customers would read the manual's example company: set brand.name and what belongs to it "
            "(docs/templates.md), or invoice.seller, before templates go to Mailjet."
        )
    templates = [library.template(*name) for name in library.names() if not only or name[0] in only]
    if dry_run:
        return [
            Pushed(t.kind, t.language, name_of(t), t.subject, None, "would create or update")
            for t in templates
        ]
    return [_push(container, template) for template in templates]


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


def _push(container: "Container", template: MailTemplate) -> Pushed:
    name = name_of(template)
    number = _find(container, name)
    known = number is not None
    if number is None:
        number = _create(container, template, name)
    content = {
        "Html-part": template.html,
        "Text-part": template.text,
        "Headers": {"Subject": template.subject},
    }
    take_token(container)
    container.gateway.rest(RestCall("template_detailcontent", "POST", id=number, data=content))
    return Pushed(
        template.kind, template.language, name, template.subject, number, "updated" if known else "created"
    )


def _find(container: "Container", name: str) -> int | None:
    take_token(container)
    row = first_row(
        container.gateway.rest(RestCall("template", filters={"Name": name, "OwnerType": "apikey"}))
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
    take_token(container)
    return id_of(first_row(container.gateway.rest(RestCall("template", "POST", data=properties))))
