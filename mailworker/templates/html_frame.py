"""Makes one self-contained HTML mail of a plain fragment.

A fragment is simple HTML without styles: `h1`, `p`, `a.button`, `table.facts`, and the paragraph classes of
STYLES. Mail clients want tables and inline styles, so these are put in here, once for all templates. The
style sheet in the head only adds dark mode and small screens; a client that drops it still shows a good mail.
"""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from mailworker.core.language_tag import base_language
from mailworker.templates.header_and_footer import Brand, html_header, html_identity, text_identity
from mailworker.templates.inline_styles import FONT, STYLES

_FRAME: Final = Template(Path(__file__).with_name("frame.html").read_text(encoding="utf-8"))

_TAG = re.compile(r'<(h1|p|table|th|td)(?: class="(\w+)")?>')
_BUTTON = re.compile(r'<a class="button" href="((?:\{\{.*?\}\}|[^"])+)">(.*?)</a>', re.DOTALL)
_HEADING = re.compile(r"<h1>.*?</h1>", re.DOTALL)
_ANY_TAG = re.compile(r"</?[a-z][^>]*>")
_LINK = re.compile(r"<a href=")
_PANEL = re.compile(r'<p class="(code|secret)">(.*?)</p>', re.DOTALL)
#: Languages that are written from right to left.
_FROM_THE_RIGHT = frozenset({"ar", "fa", "he", "ur"})
_PREHEADER = re.compile(r"<!-- preheader: (.*?) -->\s*", re.DOTALL)

#: A date, an amount, a quantity or a number of a document, with the mark that ends its clause.
_MEASURE = re.compile(
    r"\{\{Escape\((?:var:|\w+\.)\w*(?:date|amount|balance|threshold|number)(?::\"[^\"]*\")?\)\}\}[.,;]?"
)
#: Words that a line may not break at their hyphen; found outside of tags and template code only.
_HYPHENATED = re.compile(
    r"<[^>]*>|\{\{.*?\}\}|\{%.*?%\}|\b((?:e-mail|ci-dess(?:ous|us)|ci-joint)\w*[.,;]?)", re.IGNORECASE
)
#: It goes to the next line as one where it does not fit; longer than a whole line, it breaks all the same.
#: A line may break before what follows it, so that a mark has to stand inside.
_TOGETHER = r'<span style="display:inline-block;">\g<0></span>'

_BUTTON_HTML = Template(
    '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 28px;"><tr>'
    # Outlook's Word engine knows padding of cells only, not of links.
    '<td bgcolor="$colour" style="border-radius:8px;background-color:$colour;mso-padding-alt:15px 32px;">'
    '<a class="mw-button" href="$href" style="display:inline-block;padding:15px 32px;mso-padding-alt:0;'
    "${font}font-size:16px;line-height:20px;font-weight:600;color:#ffffff;text-align:center;text-decoration:none;border-radius:8px;"
    '">$label</a></td></tr></table>'
)


# Outlook's Word engine gives a paragraph no padding, so what is typed stands in a cell.
_PANEL_HTML = (
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
    ' style="margin:0 0 24px;"><tr><td class="{}" style="{}">{}</td></tr></table>'
)


def compose_html(fragment: str, footer: str, brand: Brand, language: str) -> str:
    """The whole mail in Mailjet's template language, ready to be pushed."""
    preheader, body = _split_preheader(fragment)
    return _FRAME.substitute(
        language=language,
        direction="rtl" if base_language(language) in _FROM_THE_RIGHT else "ltr",
        preheader=preheader,
        header=html_header(brand),
        body=_styled(body, brand),
        footer=_styled(footer.replace("<p>", '<p class="note">'), brand),
        title=_title(body, brand),
        identity=html_identity(brand),
        colour=escape(brand.colour),
        font=FONT,
    )


def compose_text(fragment: str, footer: str, brand: Brand, language: str) -> str:
    """The text part with its footer."""
    lines = [footer.strip(), *text_identity(brand, language)]
    # No `-- `: clients fold or grey what stands below it, and the legal identity must be read.
    return fragment.rstrip() + "\n\n____________\n" + "\n".join(line for line in lines if line) + "\n"


def _title(body: str, brand: Brand) -> str:
    """What a screen reader reads first: the heading, true of the state, and whose mail it is."""
    found = _HEADING.search(body)
    heading = _ANY_TAG.sub("", found[0]).strip() if found else ""
    return f"{heading} - {escape(brand.name)}" if heading else escape(brand.name)


def _split_preheader(fragment: str) -> tuple[str, str]:
    found = _PREHEADER.match(fragment)
    return (found.group(1), fragment[found.end() :]) if found else ("", fragment)


def _styled(body: str, brand: Brand) -> str:
    def button(found: re.Match[str]) -> str:
        return _BUTTON_HTML.substitute(colour=brand.colour, href=found[1], label=found[2], font=FONT)

    def panel(found: re.Match[str]) -> str:
        return _PANEL_HTML.format(*STYLES[f"p.{found[1]}"], found[2])

    def unbroken(found: re.Match[str]) -> str:
        return f'<span style="white-space:nowrap;">{found[0]}</span>' if found[1] else found[0]

    together = _HYPHENATED.sub(unbroken, _MEASURE.sub(_TOGETHER, body))
    styled = _TAG.sub(_with_style, _PANEL.sub(panel, together))
    linked = _BUTTON.sub(button, styled)
    return _LINK.sub(f'<a style="color:{brand.colour};word-break:break-word;" class="mw-link" href=', linked)


def _with_style(found: re.Match[str]) -> str:
    """The tag with its style; of a class that is none of ours, as without it, and else as it is written."""
    tag, variant = found.groups()
    known = STYLES.get(f"{tag}.{variant}") or STYLES.get(tag)
    if known is None:
        return found[0]
    css_class, style = known
    table = {
        "table": ' cellpadding="0" cellspacing="0" border="0" width="100%"',
        "th": ' scope="row"',
    }.get(tag, "")
    return f'<{tag}{table} class="{css_class}" style="{style}">'
