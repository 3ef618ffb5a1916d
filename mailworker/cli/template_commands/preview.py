"""All templates with sample values, as pages to look at."""

from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from mailworker.config.catalogue import KINDS
from mailworker.core.clock import utc_now
from mailworker.templates.catalogue import LANGUAGES, SUBJECTS, MailTemplate, mail_template
from mailworker.templates.language import TemplateContact, render
from mailworker.templates.samples import sample_variables
from mailworker.wording import MailFacts, finished

_ZONE = ZoneInfo("Europe/Paris")
_ANSWERS = "facturation@horizon-telecom.example"

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>E-mail templates</title><style>
body{{font:15px/1.5 system-ui,sans-serif;margin:0;background:#eef1f5;color:#1c2733}}
main{{display:grid;grid-template-columns:repeat(auto-fill,minmax(420px,1fr));gap:24px;padding:24px}}
article{{background:#fff;border-radius:10px;overflow:hidden;box-shadow:0 1px 4px #0002}}
h2{{font-size:15px;margin:14px 16px 0}} p{{margin:2px 16px 12px;color:#5b6875;font-size:13px}}
iframe{{border:0;border-top:1px solid #e3e7ec;width:100%;height:620px}}
</style></head><body><main>
{articles}
</main></body></html>
"""
_ARTICLE = """<article><h2>{subject}</h2><p>{kind} · {language} · <a href="{file}.html">page</a> ·
<a href="{file}.txt">text</a></p><iframe src="{file}.html" loading="lazy" sandbox></iframe></article>"""


def write_previews(folder: Path) -> Path:
    """Write a page and a text for each template, and give the page that shows them all."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = [mail_template(kind, language) for kind in SUBJECTS for language in LANGUAGES]
    index = folder / "index.html"
    articles = "\n".join(_write(folder, template) for template in templates)
    index.write_text(_PAGE.format(articles=articles), encoding="utf-8")
    return index


def _write(folder: Path, template: MailTemplate) -> str:
    kind = KINDS[template.kind]
    facts = MailFacts(template.language, "claire.fontaine@example.com", utc_now(), _ZONE, reply_to=_ANSWERS)
    values = finished(kind, sample_variables(template.kind, template.language), facts)
    someone = TemplateContact("claire.fontaine@example.com", "Claire Fontaine", 1)
    file = f"{template.kind}.{template.language}"
    for ending, source in (("html", template.html), ("txt", template.text)):
        text = render(source, values, contact=someone)
        (folder / f"{file}.{ending}").write_text(text, encoding="utf-8")
    subject = render(template.subject, values, contact=someone)
    return _ARTICLE.format(subject=escape(subject), kind=template.kind, language=template.language, file=file)
