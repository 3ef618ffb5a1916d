"""How fast invoices render, as ratios against plain WeasyPrint, all steps in turn within one run.

    python -m tests.benchmarks.bench_invoices [--rounds 15] [--rows 500] [--soak 0]

Every round renders another invoice (other number, name and amounts), so that nothing is remembered that a real
day would not bring again. Times are CPU time of this process; machines differ, ratios hardly.
"""

# ruff: noqa: T201 - it prints what it measured

import argparse
import gc
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import weasyprint.pdf.fonts
from jinja2 import Environment, FileSystemLoader
from PIL import Image, ImageChops, ImageDraw, ImageFont
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices import weasyprint_layout
from mailworker.invoices.assets import FONTS, OURS, flat_logo
from mailworker.invoices.call_detail import height_rules
from mailworker.invoices.invoice_json import read_invoice
from mailworker.invoices.locale_format import speech
from mailworker.invoices.printer import InvoicePrinter
from mailworker.invoices.template_context import PAGES, view_of
from mailworker.invoices.weasyprint_engine import PagePart

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


@dataclass(frozen=True)
class Job:
    """One invoice, and the two pages made of it."""

    raw: dict[str, Any]
    naive: str
    page: PagePart


Step = Callable[[Job], bytes]


def draw_logo() -> Image.Image:
    """Shapes and shades on a transparent ground, as logos are."""
    logo = Image.new("RGBA", (600, 180))
    pen = ImageDraw.Draw(logo)
    for ring in range(4):
        pen.ellipse(
            (10 + ring * 20, 10 + ring * 20, 170 - ring * 20, 170 - ring * 20), (11, 79, 108, 60 + ring * 60)
        )
    pen.text((200, 40), "Alizé", (11, 79, 108, 255), ImageFont.truetype(FONTS / "sans-bold.ttf", 90))
    return logo


class Bench:
    """The ways to render one invoice, from plain to ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        draw_logo().save(folder / "logo.png")
        (folder / "-logo-").write_bytes(flat_logo((folder / "logo.png").read_bytes(), "image/png")[0])
        for font in FONTS.glob("*.ttf"):
            shutil.copy(font, folder)
        settings = {"assets": folder, "seller": SELLER}
        self.settings = InvoiceSettings.model_validate(settings)
        self.press = InvoicePrinter(self.settings)
        self.fresh = InvoicePrinter(self.settings)  # has not seen the invoice when its turn comes
        self.facturx = InvoicePrinter(InvoiceSettings.model_validate(settings | {"e_invoice": "factur-x"}))
        self.tagged = InvoicePrinter(
            InvoiceSettings.model_validate(settings | {"e_invoice": "factur-x", "accessible": True})
        )
        env = Environment(loader=FileSystemLoader(HERE), autoescape=True)
        self.naive_template = env.get_template("naive_invoice.html")
        self.css = (OURS / "style.css").read_text("utf-8") + height_rules()
        self.base = folder.as_uri() + "/"
        self.fonts = FontConfiguration()
        self.parsed = CSS(string=self.css, font_config=self.fonts, base_url=self.base)
        self.images: dict[str, Any] = {}

    def prepare(self, raw: dict[str, Any]) -> Job:
        """All that is not WeasyPrint's work: reading the JSON, filling the templates."""
        invoice = read_invoice(raw, self.settings)
        ours = view_of(invoice, self.settings, speech("fr")) | {"sheets": [], "hidden_rows": 0}
        qr = ours["code"].picture
        (self.folder / "-qr-").write_bytes(qr)
        page = self.press.templates.write("invoice.html", {**raw, "ours": ours})
        naive = self.naive_template.render({**raw, "ours": ours})
        return Job(
            raw, naive, PagePart(page, ours=True, title="", language="fr", issued=invoice.issued, qr=qr)
        )

    def naive(self, job: Job) -> bytes:
        pdf: bytes = HTML(string=job.naive, base_url=self.base).write_pdf()
        return pdf

    def naive_without_subset(self, job: Job) -> bytes:
        fonts = weasyprint.pdf.fonts
        kept, fonts.harfbuzz_subset = fonts.harfbuzz_subset, None
        try:
            return self.naive(job)
        finally:
            fonts.harfbuzz_subset = kept

    def our_page_plain(self, job: Job) -> bytes:
        source = job.page.source.replace(PAGES, "1").replace("<head>", f"<head><style>{self.css}</style>")
        pdf: bytes = HTML(string=source, base_url=self.base).write_pdf()
        return pdf

    def our_page_prepared(self, job: Job) -> bytes:
        self.images.pop(self.base + "-qr-", None)
        html = HTML(string=job.page.source.replace(PAGES, "1"), base_url=self.base)
        pdf: bytes = html.write_pdf(stylesheets=[self.parsed], font_config=self.fonts, cache=self.images)
        return pdf

    def our_engine_without_memory(self, job: Job) -> bytes:
        weasyprint_layout.uninstall()
        try:
            return self.press.engine.draw(job.page)
        finally:
            weasyprint_layout.install()

    def our_engine(self, job: Job) -> bytes:
        return self.press.engine.draw(job.page)

    def factur_x(self, job: Job) -> bytes:
        return self.facturx.print(job.raw, language="fr").pdf

    def factur_x_tagged(self, job: Job) -> bytes:
        return self.tagged.print(job.raw, language="fr").pdf

    def whole(self, job: Job) -> bytes:
        return self.fresh.print(job.raw, language="fr").pdf


def variant(base: dict[str, Any], number: int) -> dict[str, Any]:
    """Another invoice of the same make: other names, numbers and amounts, and sums that add up."""
    lines = []
    for index, line in enumerate(base["transactions"]):
        price = Decimal(line["unit_price"]) + Decimal(number * 7 + index) / 100
        lines.append(
            {key: value for key, value in line.items() if key != "amount"} | {"unit_price": str(price)}
        )
    changed = {
        "invoice_number": f"FA-2026-{number:06}",
        "transactions": lines,
        "client": base["client"] | {"name": f"Client {number} SARL", "customer_number": f"C-{number}"},
        "pay_url": f"https://portail.example/payer/{number}",
    }
    return {key: value for key, value in base.items() if not key.startswith("total_")} | changed


def measure(bench: Bench, steps: dict[str, Step], invoices: list[dict[str, Any]]) -> dict[str, list[float]]:
    """CPU milliseconds of every step for every invoice, the steps in turn."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for raw in invoices:
        job = bench.prepare(raw)
        for name, step in steps.items():
            gc.collect()
            start = time.process_time()
            step(job)
            times[name].append((time.process_time() - start) * 1000)
    return times


def show(title: str, times: dict[str, list[float]]) -> None:
    """The table: median and least, and how many times faster than the first step by the median."""
    first = statistics.median(next(iter(times.values())))
    print(f"\n{title}\n{'step':58}{'ms':>8}{'min':>8}{'ratio':>8}")
    for name, took in times.items():
        median = statistics.median(took)
        print(f"{name:58}{median:8.1f}{min(took):8.1f}{first / median:8.2f}")


def pixels(pdf: bytes, folder: Path) -> list[Image.Image]:
    """The pages as pictures, by Poppler."""
    (folder / "page.pdf").write_bytes(pdf)
    for old in folder.glob("page-*.png"):
        old.unlink()
    command = ["pdftoppm", "-r", "100", "-png", str(folder / "page.pdf"), str(folder / "page")]
    subprocess.run(command, check=True)
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("page-*.png"))]


def compare(bench: Bench, job: Job) -> None:
    """Whether the like-for-like steps draw the same page, pixel for pixel."""
    if not shutil.which("pdftoppm"):
        print("\npdftoppm is not installed: the pages were not compared.")
        return
    shipped = bench.our_engine(job)
    print("\nthe page of 'ours, as shipped' against the same page by")
    print(
        f"  ours, nothing remembered: {'same bytes' if bench.our_engine_without_memory(job) == shipped else 'DIFFERENT BYTES'}"
    )
    wanted = pixels(shipped, bench.folder)
    for name, step in (
        ("plain WeasyPrint", bench.our_page_plain),
        ("prepared WeasyPrint", bench.our_page_prepared),
    ):
        pairs = list(zip(wanted, pixels(step(job), bench.folder), strict=True))
        worst = max(max(high for _, high in ImageChops.difference(*pair).getextrema()) for pair in pairs)
        print(f"  {name}: {'same pixels' if worst == 0 else f'DIFFERENT, by up to {worst} of 255'}")


def soak(bench: Bench, base: dict[str, Any], renders: int) -> None:
    """Resident memory over many different invoices in one process."""
    for number in range(renders + 1):
        bench.fresh.print(variant(base, number), language="fr")
        if number % max(1, renders // 10) == 0:
            status = Path("/proc/self/status").read_text("utf-8")
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            print(f"  after {number:5} renders: {int(resident.split()[1]) // 1024} MiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--soak", type=int, default=0)
    asked = parser.parse_args()
    base = json.loads((EXAMPLES / "facture.json").read_text("utf-8"))
    calls = json.loads((EXAMPLES / "facture-detail.json").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        steps: dict[str, Step] = {
            "plain template, plain WeasyPrint, no libharfbuzz-subset0": bench.naive_without_subset,
            "plain template, plain WeasyPrint": bench.naive,
            "our page, plain HTML(string=...).write_pdf()": bench.our_page_plain,
            "our page, fonts, stylesheet and pictures prepared": bench.our_page_prepared,
            "our engine, nothing remembered (expat, short stylesheet)": bench.our_engine_without_memory,
            "our engine, as shipped": bench.our_engine,
            "ours, JSON to PDF": bench.whole,
            "ours, JSON to Factur-X PDF/A-3b": bench.factur_x,
            "ours, JSON to Factur-X PDF/A-3a, tagged": bench.factur_x_tagged,
        }
        measure(bench, steps, [variant(base, 900_000)])  # warm-up
        gc.collect()
        gc.freeze()  # as the rendering process does after its start
        show("one page", measure(bench, steps, [variant(base, number) for number in range(asked.rounds)]))
        compare(bench, bench.prepare(variant(base, 1)))
        rows = (calls["usage"] * (asked.rows // len(calls["usage"]) + 1))[: asked.rows]
        detail: dict[str, Step] = {
            "plain template, plain WeasyPrint": bench.naive,
            "ours, JSON to PDF": bench.whole,
        }
        many = [variant(calls, number) | {"usage": rows} for number in range(max(1, asked.rounds // 5))]
        show(f"call detail, {asked.rows} rows", measure(bench, detail, many))
        if asked.soak:
            print("\nmemory")
            soak(bench, base, asked.soak)


if __name__ == "__main__":
    main()
