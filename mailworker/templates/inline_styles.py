"""How the parts of a mail look, as inline styles, since many mail clients know no others."""

from collections.abc import Mapping

FONT = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
_FIXED = "font-family:Consolas,Menlo,'Courier New',monospace;"
_INK = "color:#10233a;"
_BODY = "color:#33465c;"
_QUIET = "color:#5b6f86;"
_PANEL = "background-color:#f2f6fa;border-radius:8px;"
_WRAP = "word-break:break-word;overflow-wrap:anywhere;"
_SMALL = "font-weight:400;font-size:14px;line-height:20px;"
_LABEL = f"{_WRAP}width:32%;padding:11px 8px 11px 20px;text-align:left;{FONT}{_SMALL}{_QUIET}"
_VALUE = f"{_WRAP}padding:11px 20px 11px 8px;text-align:right;{FONT}{_INK}"
_EYEBROW = "font-size:12px;line-height:18px;font-weight:600;letter-spacing:1.4px;text-transform:uppercase;"
_TYPED = "font-size:20px;line-height:30px;font-weight:700;"
_CODE = "font-size:28px;line-height:36px;font-weight:700;letter-spacing:4px;"

_TABLE = "width:100%;table-layout:fixed;margin:8px 0 24px;border-collapse:separate;"

#: Tag or `tag.class` of a fragment -> the class (for dark mode) and the inline style that it gets.
STYLES: Mapping[str, tuple[str, str]] = {
    "h1": (
        "mw-strong",
        f"margin:0 0 20px;{_WRAP}{FONT}font-size:26px;line-height:34px;font-weight:700;{_INK}",
    ),
    "p": ("mw-text", f"margin:0 0 16px;{_WRAP}{FONT}font-size:16px;line-height:26px;{_BODY}"),
    "p.eyebrow": ("mw-quiet", f"margin:0 0 8px;{FONT}{_EYEBROW}{_QUIET}"),
    "p.note": ("mw-quiet", f"margin:0 0 12px;{FONT}font-size:14px;line-height:22px;{_QUIET}"),
    "p.code": (
        "mw-strong mw-panel",
        f"padding:18px 12px;{_PANEL}text-align:center;{_FIXED}{_CODE}{_INK}",
    ),
    # Printed as it is typed: no spacing that looks like blanks, and no break where there is room.
    "p.secret": (
        "mw-strong mw-panel",
        f"padding:18px 12px;{_PANEL}{_WRAP}text-align:center;{_FIXED}{_TYPED}{_INK}",
    ),
    "table.facts": (
        "mw-panel",
        f"{_TABLE}{_PANEL}",
    ),
    "th": ("mw-quiet", _LABEL),
    "td": ("mw-strong", f"{_VALUE}font-weight:600;font-size:15px;line-height:20px;"),
    "td.total": ("mw-strong", f"{_VALUE}font-weight:700;font-size:22px;line-height:28px;"),
}
