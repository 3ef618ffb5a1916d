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

from mailworker.templates.brand import Brand
from mailworker.templates.styles import FONT, STYLES

_FRAME: Final = Template(Path(__file__).with_name("frame.html").read_text(encoding="utf-8"))

_TAG = re.compile(r'<(h1|p|table|th|td)(?: class="(\w+)")?>')
_BUTTON = re.compile(r'<a class="button" href="((?:\{\{.*?\}\}|[^"])+)">(.*?)</a>', re.DOTALL)
_LINK = re.compile(r"<a href=")
_PREHEADER = re.compile(r"<!-- preheader: (.*?) -->\s*", re.DOTALL)

_BUTTON_HTML = Template(
    '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 28px;"><tr>'
    '<td bgcolor="$colour" style="border-radius:8px;background-color:$colour;">'
    '<a target="_blank" href="$href" style="display:inline-block;padding:15px 32px;'
    "${font}font-size:16px;line-height:20px;font-weight:600;color:#ffffff;text-decoration:none;border-radius:8px;"
    '">$label</a></td></tr></table>'
)


def compose_html(fragment: str, footer: str, brand: Brand, language: str) -> str:
    """The whole mail in Mailjet's template language, ready to be pushed."""
    preheader, body = _split_preheader(fragment)
    return _FRAME.substitute(
        language=language,
        preheader=preheader,
        header=_header(brand),
        body=_styled(body, brand),
        footer=_styled(footer.replace("<p>", '<p class="note">'), brand),
        brand=escape(brand.name),
        address=escape(brand.address),
        contact=escape(brand.support_email),
        colour=escape(brand.colour),
        font=FONT,
    )


def compose_text(fragment: str, footer: str, brand: Brand) -> str:
    """The text part with its footer."""
    lines = [footer.strip(), f"{brand.name} | {brand.support_email}", brand.address]
    return fragment.rstrip() + "\n\n-- \n" + "\n".join(lines) + "\n"


def _split_preheader(fragment: str) -> tuple[str, str]:
    found = _PREHEADER.match(fragment)
    return (found.group(1), fragment[found.end() :]) if found else ("", fragment)


def _styled(body: str, brand: Brand) -> str:
    def button(found: re.Match[str]) -> str:
        return _BUTTON_HTML.substitute(colour=brand.colour, href=found[1], label=found[2], font=FONT)

    styled = _TAG.sub(_with_style, body)
    linked = _BUTTON.sub(button, styled)
    return _LINK.sub(f'<a style="color:{brand.colour};word-break:break-word;" class="mw-link" href=', linked)


def _with_style(found: re.Match[str]) -> str:
    tag, variant = found.groups()
    css_class, style = STYLES[f"{tag}.{variant}" if variant else tag]
    table = {
        "table": ' cellpadding="0" cellspacing="0" border="0" width="100%"',
        "th": ' scope="row"',
    }.get(tag, "")
    return f'<{tag}{table} class="{css_class}" style="{style}">'


def _header(brand: Brand) -> str:
    if brand.logo_url:
        name, source = escape(brand.name, quote=True), escape(brand.logo_url, quote=True)
        return f'<img src="{source}" alt="{name}" height="36" style="display:block;border:0;height:36px;">'
    return (
        f'<span class="mw-brand" style="{FONT}font-size:20px;line-height:28px;font-weight:700;'
        f'color:{brand.colour};letter-spacing:-0.2px;">{escape(brand.name)}</span>'
    )
