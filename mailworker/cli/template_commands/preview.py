"""All templates with sample values, as pages to look at."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.cli.kind_names import whole_kind
from mailworker.core.clock import utc_now
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.kind import VariableType
from mailworker.errors import BadInput
from mailworker.templates.language.render import TemplateContact, TemplateError, render
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import SUBJECTS
from mailworker.templates.template_library import TemplateLibrary
from mailworker.wording import MailFacts, finished

_ZONE = ZoneInfo("Europe/Paris")
_READER = "claire.fontaine@example.com"
_ANSWERS = "facturation@horizon-telecom.example"

_SAMPLE: Mapping[VariableType, Any] = {
    VariableType.URL: "https://example.com/page",
    VariableType.EMAIL: "claire.fontaine@example.com",
    VariableType.INTEGER: 3,
    VariableType.LIST: [],
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>E-mail templates</title><style>
body{{font:15px/1.5 system-ui,sans-serif;margin:0;background:#eef1f5;color:#1c2733;overflow-wrap:anywhere}}
main{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(420px,100%),1fr));gap:24px;padding:24px}}
article{{background:#fff;border-radius:10px;overflow:hidden;box-shadow:0 1px 4px #0002}}
h1{{grid-column:1/-1;font-size:20px;margin:0}} a{{color:#0b4f8a}}
h2{{font-size:15px;margin:14px 16px 0}} p{{margin:2px 16px 12px;color:#5b6875;font-size:13px}}
iframe{{border:0;border-top:1px solid #e3e7ec;width:100%;height:620px}}
</style></head><body><main><h1>E-mail templates</h1>
{articles}
</main></body></html>
"""
_ARTICLE = """<article><h2>{subject}</h2><p>{kind} · {language} · <a href="{file}.html">page</a> ·
<a href="{file}.txt">text</a></p>
<iframe src="{file}.html" title="{kind}, {language}" loading="lazy" sandbox></iframe></article>"""


def write_previews(
    library: TemplateLibrary,
    folder: Path,
    *,
    kind: str | None = None,
    language: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Path:
    """Write a page and a text for each template, and give the page that shows them all.

    `values` take the place of the sample values. Raises BadInput where no template is like that.
    """
    kind = whole_kind(kind, {name for name, _ in library.names()}) if kind else None
    chosen = [one for one in library.names() if kind in {None, one[0]} and language in {None, one[1]}]
    if not chosen:
        known = {name for name, _ in library.names()}
        hint = did_you_mean(kind or "", known) or "; `mailworker templates preview` shows all there are."
        raise BadInput(f"There is no template of {kind or language}{hint}")
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    articles = "\n".join(_page_of(folder, library, *one, values) for one in chosen)
    index.write_text(_PAGE.format(articles=articles), encoding="utf-8")
    return index


def _page_of(
    folder: Path, library: TemplateLibrary, kind: str, language: str, own: Mapping[str, Any] | None
) -> str:
    try:
        return _write(folder, library, kind, language, own)
    except TemplateError as fault:
        raise BadInput(f"the template of {kind} ({language}): {fault.on_one_line}.") from None


def _write(
    folder: Path, library: TemplateLibrary, kind: str, language: str, own: Mapping[str, Any] | None
) -> str:
    template, facts = (
        library.template(kind, language),
        MailFacts(language, _READER, utc_now(), _ZONE, reply_to=_ANSWERS),
    )
    values = {**sample_values(library, kind, language), **(own or {})}
    if kind in library.kinds:
        values = finished(library.kinds[kind], values, facts)
    someone = TemplateContact(_READER, "Claire Fontaine", 1)
    file = f"{kind}.{language}"
    for ending, source in (("html", template.html), ("txt", template.text)):
        text = render(source, values, contact=someone)
        (folder / f"{file}.{ending}").write_text(text, encoding="utf-8")
    subject = render(template.subject, values, contact=someone)
    return _ARTICLE.format(subject=escape(subject), kind=kind, language=language, file=file)


def sample_values(library: TemplateLibrary, kind: str, language: str) -> dict[str, Any]:
    """Believable values; for a kind of the operator's own the names of its variables."""
    if kind in SUBJECTS:
        return dict(sample_variables(kind, "fr" if language == "fr" else "en"))
    known = library.kinds.get(kind)
    return (
        {variable.name: _SAMPLE.get(variable.type, variable.name) for variable in known.variables}
        if known
        else {}
    )
