"""Putting our templates to Mailjet: found again by their names, so that a second push updates."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import yaml

from mailworker.cli.container_context import take_token
from mailworker.container import Container
from mailworker.core.nearest import did_you_mean
from mailworker.errors import BadInput
from mailworker.mailjet.gateway import RestCall
from mailworker.mailjet.rest_rows import first_row, id_of
from mailworker.templates.brand import Brand
from mailworker.templates.catalogue import LANGUAGES, SUBJECTS, MailTemplate, mail_template

_LOCALES = {"fr": "fr_FR", "en": "en_US"}
#: Mailjet's number for templates written as HTML.
_HTML_EDITOR = 2


@dataclass(frozen=True, slots=True)
class Pushed:
    """A template that now is at Mailjet, or would be."""

    kind: str
    language: str
    name: str
    id: int | None
    what: Literal["created", "updated", "would create or update"]


def push_all(container: Container, only: Collection[str], *, dry_run: bool) -> list[Pushed]:
    """Create or update every template, three calls each at the most. Raises what the gateway raises."""
    if odd := [kind for kind in only if kind not in SUBJECTS]:
        raise BadInput(
            [f"--kind {kind}: we have no template for it{did_you_mean(kind, SUBJECTS)}" for kind in odd]
        )
    kinds = [kind for kind in SUBJECTS if not only or kind in only]
    templates = [
        mail_template(kind, language, _brand(container, language)) for kind in kinds for language in LANGUAGES
    ]
    if dry_run:
        return [Pushed(t.kind, t.language, name_of(t), None, "would create or update") for t in templates]
    return [_push(container, template) for template in templates]


def name_of(template: MailTemplate) -> str:
    """By which a template is found again at Mailjet."""
    return f"mailworker {template.kind} {template.language}"


def as_yaml(pushed: Sequence[Pushed]) -> str:
    """The ids as crm_config.yaml wants them: French first, other languages below it."""
    blocks: dict[str, dict[str, object]] = {}
    for one in pushed:
        block = blocks.setdefault(one.kind, {})
        if one.language == "fr":
            block["template_id"] = one.id
        else:
            subject = SUBJECTS[one.kind][LANGUAGES.index(one.language)]
            block["languages"] = {one.language: {"template_id": one.id, "subject": subject}}
    return yaml.safe_dump({"mailjet": blocks}, allow_unicode=True, sort_keys=False, width=110)


def _brand(container: Container, language: str) -> Brand | None:
    """The seller's name and address, once the configuration has them; the manual's placeholders before."""
    seller = container.settings.invoice.seller
    if not (seller.address and seller.email):
        return None
    country = {"fr": "France", "en": "France"}[language] if seller.country == "FR" else seller.country
    lines: Iterable[str] = (*seller.address, f"{seller.postcode} {seller.city}".strip(), country)
    return Brand(seller.name, ", ".join(line for line in lines if line), seller.email, seller.colour)


def _push(container: Container, template: MailTemplate) -> Pushed:
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
    return Pushed(template.kind, template.language, name, number, "updated" if known else "created")


def _find(container: Container, name: str) -> int | None:
    take_token(container)
    row = first_row(
        container.gateway.rest(RestCall("template", filters={"Name": name, "OwnerType": "apikey"}))
    )
    return id_of(row) if row else None


def _create(container: Container, template: MailTemplate, name: str) -> int:
    properties = {
        "Name": name,
        "Locale": _LOCALES[template.language],
        "EditMode": _HTML_EDITOR,
        "IsTextPartGenerationEnabled": False,
        "Purposes": ["transactional"],
    }
    take_token(container)
    return id_of(first_row(container.gateway.rest(RestCall("template", "POST", data=properties))))
