"""The account's templates: those of the configuration, and those made over the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailworker.errors import BadInput
from mailworker.simulator.assumptions import Assumption
from mailworker.simulator.rest_tables import Row, Table
from mailworker.simulator.send_errors import SendError, template_header_wrong, template_unknown
from mailworker.simulator.settings import SimulatorSettings, TemplateUse
from mailworker.templates.language.template_error import TemplateError

FIRST_NEW_ID = 8000001
_DEFAULTS: Mapping[str, Any] = {
    "Author": "",
    "Categories": [],
    "Copyright": "",
    "Description": "",
    "EditMode": 2,
    "IsStarred": False,
    "IsTextPartGenerationEnabled": True,
    "Locale": "fr_FR",
    "Name": "",
    "OwnerType": "apikey",
    "Presets": "",
    "Previews": [],
    "Purposes": ["transactional"],
}


@dataclass(slots=True)
class Content:
    """What a template holds. None where a part was never given."""

    html: str | None = None
    text: str | None = None
    mjml: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)

    def document(self) -> Row:
        """As `detailcontent` answers it (recorded)."""
        return {
            "MJMLContent": self.mjml,
            "Html-part": self.html,
            "Text-part": self.text,
            "Headers": self.headers,
        }


class TemplateStore:
    """Templates by id."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._strict = settings.strict_templates
        self.escapes = Assumption.ESCAPES_HTML in settings.assume
        self._uses = dict(settings.templates)
        self._contents: dict[int, Content] = {}
        self.table = Table("Template", ("Name",), _DEFAULTS, FIRST_NEW_ID, ("Name",))
        for number, use in self._uses.items():
            if not use.exists:
                continue
            self.table.put(number, {"Name": use.kind, "Locale": "en_US" if use.language == "en" else "fr_FR"})

    def content(self, number: int) -> Content | None:
        """What stands in a template; None where there is no such template, or nothing in it."""
        if number in self._contents:
            return self._contents[number]
        if number in self._uses and self._uses[number].exists:
            return _ours(self._uses[number])
        if number in self.table.rows or self._strict or number <= 0:
            return None
        return Content(
            text=f"Template {number} is not configured on this local Mailjet.",
            headers={"Subject": f"Template {number}"},
        )

    def keep(self, number: int, content: Content) -> None:
        """Replace what stands in a template."""
        self._contents[number] = content

    def remove(self, number: int) -> None:
        """Delete a template."""
        self.table.rows.pop(number, None)
        self._contents.pop(number, None)
        self._uses.pop(number, None)

    def error(self, number: int) -> SendError | None:
        """What hinders sending with this template id, as AdvanceErrorHandling answers it."""
        content = self.content(number)
        if content is None or not (content.html or content.text):
            return template_unknown(number)
        wrong = next((name for name, value in content.headers.items() if not isinstance(value, str)), None)
        return template_header_wrong(wrong) if wrong else None


def _ours(use: TemplateUse) -> Content:
    """The template; a broken one as it stands in its files, so that sending it fails as at Mailjet."""
    library, name = use.library(), {"Subject": use.kind}
    try:
        template = library.template(use.kind, use.language)
    except TemplateError:
        html, text = (library.own.read(use.kind, use.language, ending) for ending in ("html", "txt"))
        return Content(html, text, None, name)
    except BadInput as fault:
        return Content(text=str(fault), headers=name)
    return Content(template.html, template.text, None, {"Subject": template.subject})
