"""How fast invoices render: the same page by WeasyPrint with all its own caching, and by us, in turn.

Each round renders another invoice (other number, name and amounts), so that nothing is remembered that a real
day would not bring again. Times are CPU time of this process; machines differ, ratios hardly. The baseline has
its stylesheet parsed, its fonts loaded and its pictures kept, and libharfbuzz-subset; `--soak` is at the end.
"""

import gc
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from weasyprint import CSS, HTML
from weasyprint.text import ffi
from weasyprint.text.fonts import FontConfiguration

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.asset_files import FONTS, OURS
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.languages.locale_format import page_format
from mailworker.invoices.page.call_detail import height_rules, sheets_of
from mailworker.invoices.page.template_context import view_of
from mailworker.invoices.pictures import flat_logo
from mailworker.invoices.weasyprint import faster_layout
from tests.benchmarks.table import Cell, Table

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples" / "invoices"
SELLER = {
    "name": "Alizé Télécom",
    "address": "8 quai des Cordages",
    "postcode": "13002",
    "city": "Marseille",
    "vat_id": "FR40123456824",
    "siren": "123456824",
    "iban": "FR7630006000011234567890189",
    "bic": "AGRIFRPP",
    "logo": "logo.png",
}
ROWS = 500
Raw = dict[str, Any]


@dataclass(frozen=True)
class Contest:
    """One page, by two ways that draw the same."""

    name: str
    invoices: Callable[[int], Raw]
    plain: Callable[[Raw], bytes]
    ours: Callable[[Raw], bytes]


def draw_logo() -> Image.Image:
    """Shapes and shades on a transparent ground, as logos are."""
    logo = Image.new("RGBA", (600, 180))
    pen = ImageDraw.Draw(logo)
    for ring in range(4):
        box = (10 + ring * 20, 10 + ring * 20, 170 - ring * 20, 170 - ring * 20)
        pen.ellipse(box, (11, 79, 108, 60 + ring * 60))
    pen.text((200, 40), "Alizé", (11, 79, 108, 255), ImageFont.truetype(FONTS / "sans-bold.ttf", 90))
    return logo


class Plain:
    """WeasyPrint as it is, with everything cached that it can cache by itself."""

    def __init__(self, folder: Path, style: str) -> None:
        self.folder = folder
        self.base = folder.as_uri() + "/"
        self.fonts = FontConfiguration()
        self.style = CSS(string=style, font_config=self.fonts, base_url=self.base)
        self.images: dict[str, Any] = {}

    def draw(self, source: str, qr: bytes = b"") -> bytes:
        """The PDF of a page without its stylesheet."""
        (self.folder / "-qr-").write_bytes(qr)
        for key in [key for key in self.images if "-qr-" in str(key)]:
            del self.images[key]
        html = HTML(string=source, base_url=self.base)
        pdf: bytes = html.write_pdf(stylesheets=[self.style], font_config=self.fonts, cache=self.images)
        return pdf


class OurPage:
    """Our own template, drawn both ways."""

    def __init__(self, folder: Path) -> None:
        draw_logo().save(folder / "logo.png")
        (folder / "-logo-").write_bytes(flat_logo((folder / "logo.png").read_bytes(), "image/png")[0])
        for font in FONTS.glob("*.ttf"):
            shutil.copy(font, folder)
        self.settings = InvoiceSettings.model_validate({"assets": folder, "seller": SELLER})
        self.printer = InvoicePrinter(self.settings)
        self.baseline = Plain(folder, (OURS / "style.css").read_text("utf-8") + height_rules())

    def plain(self, raw: Raw) -> bytes:
        """The same page by WeasyPrint; call detail as text, which it lays out."""
        invoice, fmt = read_invoice(raw, self.settings), page_format("fr")
        sheets = list(sheets_of(invoice, fmt)) if invoice.usage else []
        ours = view_of(invoice, self.settings, fmt) | {"sheets": sheets, "stamped": False, "hidden_rows": 0}
        name = "detail.html" if sheets else "invoice.html"
        source = self.printer.templates.write(name, {**raw, "ours": ours})
        return self.baseline.draw(source, ours["code"].picture if ours["code"] else b"")

    def ours(self, raw: Raw) -> bytes:
        """From the JSON to the PDF, as shipped."""
        return self.printer.print(raw, language="fr").pdf

    def new(self, raw: Raw) -> bytes:
        """The same for a page whose shape did not come before, and is kept as a form."""
        forms = self.printer.engine.forms
        forms.forms.clear()
        forms.kept = 0
        return self.printer.print(raw, language="fr").pdf


class OperatorsPage:
    """A template as operators write them: flex, grid, borders of cells, stripes."""

    def __init__(self, folder: Path) -> None:
        source = (HERE / "naive_invoice.html").read_text("utf-8")
        head, _, rest = source.partition("<style>")
        style, _, tail = rest.partition("</style>")
        draw_logo().save(folder / "logo.png")
        (folder / "mine.html").write_text(source, "utf-8")
        (folder / "bare.html").write_text(head + tail, "utf-8")
        chosen = {"template_dir": folder, "template_filename": "mine.html", "seller": SELLER | {"logo": ""}}
        self.settings = InvoiceSettings.model_validate(chosen)
        self.printer = InvoicePrinter(self.settings)
        self.baseline = Plain(folder, style)

    def plain(self, raw: Raw) -> bytes:
        """The page by WeasyPrint."""
        ours = view_of(read_invoice(raw, self.settings), self.settings, page_format("fr"))
        return self.baseline.draw(self.printer.templates.write("bare.html", {**raw, "ours": ours}))

    def ours(self, raw: Raw) -> bytes:
        """The page by us."""
        return self.printer.print(raw, language="fr").pdf


def variant(base: Raw, number: int, lines: int = 0) -> Raw:
    """Another invoice of the same make: other names, numbers and amounts, and sums that add up."""
    wanted = lines or len(base["transactions"])
    chosen = (base["transactions"] * (wanted // len(base["transactions"]) + 1))[:wanted]
    changed = []
    for index, line in enumerate(chosen):
        price = str(Decimal(line["unit_price"]) + Decimal(number * 7 + index) / 100)
        changed.append({k: v for k, v in line.items() if k != "amount"} | {"unit_price": price})
    names = {
        "invoice_number": f"FA-2026-{number:06}",
        "transactions": changed,
        "client": base["client"] | {"name": f"Client {number} SARL", "customer_number": f"C-{number}"},
        "pay_url": f"https://portail.example/payer/{number}",
    }
    return {key: value for key, value in base.items() if not key.startswith("total_")} | names


def contests(folder: Path) -> Iterator[Contest]:
    """Every page that is measured."""
    base = json.loads((EXAMPLES / "facture.json").read_text("utf-8"))
    calls = json.loads((EXAMPLES / "facture-detail.json").read_text("utf-8"))
    rows = (calls["usage"] * (ROWS // len(calls["usage"]) + 1))[:ROWS]
    (folder / "theirs").mkdir()
    page, theirs = OurPage(folder), OperatorsPage(folder / "theirs")
    yield Contest("our page, 9 lines, 1 page", lambda n: variant(base, n), page.plain, page.ours)
    yield Contest("the same, laid out for the first time", lambda n: variant(base, n), page.plain, page.new)
    yield Contest("our page, 60 lines, 3 pages", lambda n: variant(base, n, 60), page.plain, page.ours)
    yield Contest(
        f"call detail, {ROWS} rows", lambda n: variant(calls, n) | {"usage": rows}, page.plain, page.ours
    )
    yield Contest(
        "an operator's template, 12 lines", lambda n: variant(base, n, 12), theirs.plain, theirs.ours
    )


def took(draw: Callable[[Raw], bytes], raw: Raw) -> float:
    """CPU milliseconds of one render."""
    gc.collect()
    start = time.process_time()
    draw(raw)
    return (time.process_time() - start) * 1000


def plainly(draw: Callable[[Raw], bytes], raw: Raw) -> float:
    """The same without our functions in WeasyPrint's places."""
    faster_layout.uninstall()
    try:
        return took(draw, raw)
    finally:
        faster_layout.install()


def measured(contest: Contest, rounds: int) -> list[Cell]:
    """A row of the table: medians of both ways, in turn, and their ratio."""
    plain, ours = [], []
    for number in (900_000, *range(rounds)):
        raw = contest.invoices(number)
        plain.append(plainly(contest.plain, raw))
        ours.append(took(contest.ours, raw))
        if number == 900_000:  # the first warms up; then, as in the rendering process, it stays
            plain.clear()
            ours.clear()
            gc.freeze()
    theirs, mine = statistics.median(plain), statistics.median(ours)
    return [contest.name, theirs, mine, theirs / mine]


def run(*, quick: bool) -> list[Table]:
    """Four pages, each by WeasyPrint with all its own caching and by us."""
    with tempfile.TemporaryDirectory() as name:
        rows = [measured(contest, 5 if quick else 15) for contest in contests(Path(name))]
    gc.unfreeze()
    subset = "is" if getattr(ffi, "harfbuzz_subset", None) is not None else "is NOT"
    return [
        Table(
            "Rendering: the same page, plain WeasyPrint with all its own caching against ours, CPU ms",
            ["page", "WeasyPrint", "ours", "ratio"],
            rows,
            [
                "The baseline's stylesheet is parsed, its fonts are loaded and its pictures kept before it starts.",
                "Both ways take turns in one process, each round with another invoice; medians.",
                f"libharfbuzz-subset0 {subset} present.",
            ],
        )
    ]
