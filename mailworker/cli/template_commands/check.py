"""Do templates and kinds speak of the same variables, and is every value escaped?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailworker.cli.container_context import rest_api
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.kind import Kind, VariableType
from mailworker.errors import BadInput, Refused
from mailworker.mailjet.rest_api import RestCall
from mailworker.mailjet.rest_rows import first_row
from mailworker.templates.language.template_error import TemplateError
from mailworker.templates.language.unescaped_values import linked_variables, unescaped_prints
from mailworker.templates.language.used_variables import VariableUse, variable_uses
from mailworker.templates.template_library import TemplateLibrary

if TYPE_CHECKING:
    from mailworker.container import Container


#: Gmail shows no more bytes of a mail than these.
_GMAIL = 102_000
_PLAIN_LINK = re.compile(r"(?:href|src)=[\"'](http://[^\"'{]+)", re.IGNORECASE)


@dataclass(slots=True)
class TemplateFindings:
    """What is wrong, and what is only unwise; sentences for people."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_library(library: TemplateLibrary) -> TemplateFindings:
    """What is wrong between the templates here and the configured kinds; an unescaped value is a fault."""
    fault = library.own.folder_fault
    found = TemplateFindings([fault] if fault else [], library.strays())
    for name, language in library.names():
        what = f"the template of {name} ({language})"
        try:
            template = library.template(name, language)
            found.faults += mismatches(what, template.variables_used, library.kinds[name])
            found.faults += markup_risks(what, template.html, library.kinds[name])
            found.faults += way_out_faults(what, template.html, library.kinds[name])
            found.warnings += unwise(what, template.html, template.text)
        except TemplateError as fault:
            found.faults.append(f"{what}: {fault.on_one_line}.")
        except BadInput as fault:
            found.faults.append(f"{what}: {fault}")
    return found


def check_mailjet(container: "Container") -> TemplateFindings:
    """The same of the templates at Mailjet, one call each; an unescaped value is a warning there."""
    found = TemplateFindings()
    kinds = container.settings.kinds
    for name, block in container.settings.mailjet.blocks.items():
        for number in {block.template_id, *(other.template_id for other in block.languages.values())}:
            _check_one(container, number, kinds[name], found)
    return found


def mismatches(what: str, uses: Iterable[VariableUse], kind: Kind) -> list[str]:
    """Variables that a template asks for and its kind does not always bring: Mailjet would drop the mail."""
    known = {variable.name for variable in kind.variables}
    faults = []
    for use in uses:
        if use.name not in known:
            faults.append(
                f"{what}: {kind.name} has no variable {use.name}{did_you_mean(use.name, known) or '.'}"
            )
        elif use.name not in kind.required and not use.has_default and not _is_list(kind, use.name):
            faults.append(
                f'{what}: {use.name} may be left out, so give it a default: {{{{var:{use.name}:""}}}}.'
            )
    return faults


def _is_list(kind: Kind, name: str) -> bool:
    """Lists are always sent, empty ones too, and a loop can give no default."""
    variable = kind.variable(name)
    return variable is not None and variable.type is VariableType.LIST


def markup_risks(what: str, html: str, kind: Kind) -> list[str]:
    """Where a customer's text could become markup or a script's link. Raises TemplateError."""
    types = {variable.name: variable.type for variable in kind.variables}
    numbers = {name for name, type_ in types.items() if type_ is VariableType.INTEGER}
    unescaped = [
        f"{what}: {name} is printed into HTML unescaped; write {{{{Escape({name.strip('[]')})}}}}."
        for name in unescaped_prints(html, numbers)
    ]
    links = [
        f"{what}: {name} is a link's target, so give it the type url in the configuration."
        for name in linked_variables(html)
        if types.get(name, VariableType.TEXT) is not VariableType.URL
    ]
    return unescaped + links


def way_out_faults(what: str, html: str, kind: Kind) -> list[str]:
    """Marketing needs a link to unsubscribe, and a link that stops nothing must not stand in service mail."""
    shown = "unsub_link" in html.lower()
    if html and not shown and not kind.service:
        return [f"{what}: {kind.name} is no service mail: show a link to unsubscribe, {{{{mj:unsub_link}}}}."]
    if shown and kind.service and not kind.optional:
        return [f"{what}: {kind.name} is service mail, which an unsubscription does not stop: drop its link."]
    return []


def unwise(what: str, html: str, text: str) -> list[str]:
    """What harms a mail without breaking it: no text part, its length, links without https."""
    found = []
    if html.strip() and not text.strip():
        found.append(f"{what}: has no text part; some readers, and spam filters, want one.")
    if (size := len(html.encode())) > _GMAIL:
        found.append(f"{what}: is {size:,} bytes long, and Gmail cuts off what is beyond {_GMAIL:,}.")
    if plain := sorted(set(_PLAIN_LINK.findall(html))):
        found.append(f"{what}: {', '.join(plain[:3])} is no https link.")
    return found


def _check_one(container: "Container", number: int, kind: Kind, found: TemplateFindings) -> None:
    what = f"Mailjet's template {number}"
    try:
        content = first_row(rest_api(container).rest(RestCall("template_detailcontent", id=number)))
    except Refused as fault:
        if fault.code != "404":
            raise
        found.faults.append(f"{what}: is not there; correct template_id of {kind.name}, or push ours.")
        return
    try:
        found.faults += mismatches(what, _uses(content), kind)
        html, text = (str(content.get(part) or "") for part in ("Html-part", "Text-part"))
        found.warnings += markup_risks(what, html, kind)
        found.warnings += [*way_out_faults(what, html, kind), *unwise(what, html, text)]
    except TemplateError as fault:
        found.faults.append(
            f"{what}: {fault.on_one_line}: correct and publish it in Mailjet's editor, or push ours."
        )


def _uses(content: Mapping[str, Any]) -> list[VariableUse]:
    headers = content.get("Headers")
    subject = headers.get("Subject") if isinstance(headers, Mapping) else ""
    parts = (subject, content.get("Html-part"), content.get("Text-part"))
    return [use for part in parts for use in variable_uses(str(part or ""))]
