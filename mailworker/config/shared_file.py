"""crm_config.yaml is OmniCRM's file: what in it is not ours is left alone.

OmniCRM's manual documents `database:`, `service_types:`, `invoice:` and `mailjet:`, and names more sections
without showing them. The last two are shared: there, too, a key that resembles none of ours is OmniCRM's.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.kind_block import PREFIX
from mailworker.config.yaml_document import Document
from mailworker.core.did_you_mean import did_you_mean

#: Sections that OmniCRM itself reads too.
_SHARED = ("mailjet", "invoice")
#: So near must a stranger's name be to one of ours before we ask whether it was meant.
_NEAR = 0.8
#: OmniCRM's own section, read where `crm.source` is omnicrm, and not touched otherwise.
DATABASE = "database"
#: Where OmniCRM keeps its invoice templates, beside its configuration (manual, "payments and invoices").
TEMPLATES = "invoice_templates"


def misspelt_sections(document: Document, model: type[BaseModel]) -> tuple[str, ...]:
    """A warning for each top-level section that is nobody's of ours, but nearly is."""
    known = [name for name in model.model_fields if name not in document.data]
    return tuple(
        f"{document.name}:{line}: {name} is left alone: mailworker has no section of that name; "
        f"did you mean '{near[0]}'?"
        for name, line in document.foreign.items()
        if (near := get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=_NEAR))
    )


def without_foreign_keys(
    document: Document, model: type[BaseModel]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file's data without OmniCRM's own keys in the shared sections, and a warning for each of them.

    A key that resembles one of ours stays, so that it is refused with the right name.
    """
    data, warnings = dict(document.data), []
    for section in _SHARED:
        block = data.get(section)
        if not isinstance(block, dict):
            continue
        foreign = [name for name in block if _is_foreign(str(name), _keys_of(model, section))]
        data[section] = {name: value for name, value in block.items() if name not in foreign}
        warnings += [
            f"{document.place((section, str(name)))}: {section}.{name} is left alone: "
            "mailworker has no such key."
            for name in foreign
        ]
    return data, tuple(warnings)


def with_template_folder(data: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """The data, with OmniCRM's template folder where a template is named and no folder is."""
    invoice = data.get("invoice")
    if folder is None or not isinstance(invoice, dict) or invoice.get("template_dir"):
        return dict(data)
    templates = folder / TEMPLATES
    if not invoice.get("template_filename") or not templates.is_dir():
        return dict(data)
    return dict(data) | {"invoice": invoice | {"template_dir": templates}}


def reads_database(data: Mapping[str, Any]) -> bool:
    """Whether OmniCRM's own database is to be read."""
    crm = data.get("crm")
    return isinstance(crm, dict) and crm.get("source") == "omnicrm"


def with_omnicrms_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data, with what a CRM source `omnicrm` takes from elsewhere in the file.

    That is OmniCRM's own `database:` section, the currency of `invoice:`, and who wants no campaigns.
    """
    found, crm = dict(data), data.get("crm")
    database = found.pop(DATABASE, None)
    if not reads_database(data) or not isinstance(crm, dict):
        return found
    block = crm.get("omnicrm") or {}
    if not isinstance(block, dict):
        return found
    invoice, contacts = data.get("invoice") or {}, data.get("contacts") or {}
    if isinstance(database, dict):
        block = {"database": database} | block
    if isinstance(invoice, dict) and invoice.get("currency"):
        block = {"currency": invoice["currency"]} | block
    found["crm"] = crm | {"omnicrm": block}
    attributes = block.get("attributes") or {}
    marketing = attributes.get("marketing", "marketing") if isinstance(attributes, dict) else ""
    if isinstance(contacts, dict) and "consent" not in contacts and marketing:
        found["contacts"] = contacts | {"consent": f"customer.custom_fields.{marketing}"}
    return found


def _is_foreign(name: str, known: list[str]) -> bool:
    return not name.startswith(PREFIX) and not did_you_mean(name, known)


def _keys_of(model: type[BaseModel], section: str) -> list[str]:
    annotation = model.model_fields[section].annotation
    assert isinstance(annotation, type)
    assert issubclass(annotation, BaseModel)
    kinds = list(KINDS) if section == "mailjet" else []
    return [*annotation.model_fields, *kinds]
