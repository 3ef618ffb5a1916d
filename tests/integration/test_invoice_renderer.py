"""The rendering process: what it costs one invoice never costs the next."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from pypdf import PdfReader

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput, Misconfigured, RenderFailed
from mailworker.invoices import InvoiceRenderer, renderer_health
from mailworker.invoices.asset_files import FONTS
from mailworker.invoices.weasyprint import faster_layout
from tests.unit.test_invoice_reading import EXAMPLES, MINIMAL

pytestmark = pytest.mark.integration

ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
HUGE = "<p>{{ ('x' * 700000000)[:9] }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("templates")
    (tmp_path / "good.html").write_text("<p>{{ invoice_number }}", encoding="utf-8")
    (tmp_path / "endless.html").write_text(ENDLESS, encoding="utf-8")
    (tmp_path / "huge.html").write_text(HUGE, encoding="utf-8")
    # The template is chosen by the invoice, so that one renderer meets the good and the bad.
    (tmp_path / "any.html").write_text("{% include which ~ '.html' %}", encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def renderer(folder: Path) -> Iterator[InvoiceRenderer]:
    limits = {"seconds": 8, "memory_bytes": 512 * 1024 * 1024}
    settings = {"template_dir": folder, "template_filename": "any.html", "limits": limits}
    with InvoiceRenderer(InvoiceSettings.model_validate(settings)) as made:
        yield made


def good(renderer: InvoiceRenderer) -> str:
    return renderer.render(MINIMAL | {"which": "good"}, language="fr").sha256


def process_of(renderer: InvoiceRenderer) -> int:
    assert renderer._process
    return renderer._process.process.pid


def test_a_render_keeps_its_process_for_the_next(renderer: InvoiceRenderer) -> None:
    first = good(renderer)
    process = process_of(renderer)
    assert (good(renderer), process_of(renderer)) == (first, process)
    assert process != os.getpid()


def test_a_render_that_takes_too_long_fails_alone(folder: Path) -> None:
    limits = {"seconds": 1}
    settings = {"template_dir": folder, "template_filename": "any.html", "limits": limits}
    with InvoiceRenderer(InvoiceSettings.model_validate(settings)) as renderer:
        before = good(renderer)
        process = process_of(renderer)
        with pytest.raises(RenderFailed, match=r"took longer than 1 s to render \(invoice.limits.seconds\)"):
            renderer.render(MINIMAL | {"which": "endless"}, language="fr")
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        assert good(renderer) == before


def test_a_render_that_takes_too_much_memory_fails_alone(renderer: InvoiceRenderer) -> None:
    before = good(renderer)
    with pytest.raises(RenderFailed, match=r"invoice\.limits\.memory_bytes"):
        renderer.render(MINIMAL | {"which": "huge"}, language="fr")
    assert good(renderer) == before


def test_a_killed_process_is_replaced(renderer: InvoiceRenderer) -> None:
    before = good(renderer)
    killed = process_of(renderer)
    os.kill(killed, signal.SIGKILL)
    assert renderer._process
    renderer._process.process.wait()
    assert good(renderer) == before
    assert process_of(renderer) != killed


def test_faults_come_back_as_they_were_raised(renderer: InvoiceRenderer) -> None:
    with pytest.raises(BadInput) as caught:
        renderer.render(MINIMAL | {"date": None, "client": {}}, language="fr")
    assert caught.value.faults == ("date is missing.", "client.name is missing.")
    with pytest.raises(Misconfigured, match=r"any\.html, line 1: none\.html is not in invoice\.template_dir"):
        renderer.render(MINIMAL | {"which": "none"}, language="fr")
    with pytest.raises(BadInput, match="must be a JSON object"):
        renderer.render([], language="fr")


def test_a_worn_process_is_replaced(folder: Path) -> None:
    settings = InvoiceSettings.model_validate({"limits": {"renders": 2}})
    with InvoiceRenderer(settings) as renderer:
        processes = []
        for _ in range(4):
            renderer.render(MINIMAL, language="fr")
            processes.append(process_of(renderer))
    assert len(set(processes)) == 2


def test_a_missing_logo_is_the_operators_to_mend(tmp_path: Path) -> None:
    settings = InvoiceSettings.model_validate({"assets": tmp_path, "seller": {"logo": "logo.png"}})
    with InvoiceRenderer(settings) as renderer, pytest.raises(Misconfigured, match=r"asks for logo\.png"):
        renderer.render(MINIMAL, language="fr")


def test_fifty_thousand_usage_rows() -> None:
    rows = [
        {"date": "2026-01-05T10:00:00", "service": "SMS", "destination": "+33 6", "amount": "0.01"}
    ] * 50_000
    with InvoiceRenderer(InvoiceSettings()) as ours:
        made = ours.render(MINIMAL | {"usage": rows}, language="fr")
    assert len(made.pdf) < 100_000


def test_forked_children_each_get_a_process_of_their_own() -> None:
    """As a prefork pool does it: made before the fork, used after it, in several children at once."""
    script = textwrap.dedent("""
        import json, os, sys
        from mailworker.config.invoice import InvoiceSettings
        from mailworker.invoices import InvoiceRenderer
        invoice = json.loads(sys.argv[1])
        renderer = InvoiceRenderer(InvoiceSettings())
        first = renderer.render(invoice, language="fr")
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                made = [renderer.render(invoice, language="fr") for _ in range(2)]
                renderer.close()
                os._exit(0 if all(one == first for one in made) else 1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert renderer.render(invoice, language="fr") == first
        assert "weasyprint" not in sys.modules
        renderer.close()
        print(codes)
    """)
    command = [sys.executable, "-c", script, json.dumps(MINIMAL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[0, 0]", "")


def test_the_process_ends_with_its_worker() -> None:
    script = textwrap.dedent("""
        import json, os, signal, sys
        from mailworker.config.invoice import InvoiceSettings
        from mailworker.invoices import InvoiceRenderer
        renderer = InvoiceRenderer(InvoiceSettings())
        renderer.render(json.loads(sys.argv[1]), language="fr")
        print(renderer._process.process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    command = [sys.executable, "-c", script, json.dumps(MINIMAL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    process = int(done.stdout)
    assert _ends(process)


def _ends(process: int) -> bool:
    """Whether the process ends by itself, watched by its own handle."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    import select  # noqa: PLC0415

    try:
        return bool(select.select([handle], [], [], 30)[0])
    finally:
        os.close(handle)


def test_memory_stays_bounded_over_many_renders() -> None:
    """Different invoices, one after the other: the process must not grow with each."""
    raw: dict[str, Any] = json.loads((EXAMPLES / "facture.json").read_text("utf-8"))
    with InvoiceRenderer(InvoiceSettings()) as renderer:

        def resident(upto: int) -> int:
            for i in range(upto):
                changed = {
                    "invoice_number": f"FA-{upto}-{i}",
                    "client": raw["client"] | {"name": f"Client {upto} {i}"},
                }
                renderer.render(raw | changed, language="fr")
            status = Path(f"/proc/{process_of(renderer)}/status").read_text("utf-8")
            return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

        warm = resident(30)
        assert resident(60) - warm < 4_000  # KiB; a document that is kept takes 400 of them


def test_this_host_can_render() -> None:
    assert renderer_health() == []


def test_the_rendering_process_knows_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:CANARY@db/x")
    monkeypatch.setenv("MAILJET_API_SECRET", "CANARY")
    chosen = {"template_dir": folder, "template_filename": "any.html", "store": "s3://u:CANARY@bucket"}
    with InvoiceRenderer(InvoiceSettings.model_validate(chosen)) as renderer:
        good(renderer)
        environment = Path(f"/proc/{process_of(renderer)}/environ").read_text(encoding="utf-8")
        command = Path(f"/proc/{process_of(renderer)}/cmdline").read_text(encoding="utf-8")
    assert "CANARY" not in environment + command


def test_a_template_brings_its_own_fonts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    copy(FONTS / "sans-bold.ttf", tmp_path / "mine.ttf")
    style = "<style>@font-face { font-family: mine; src: url(mine.ttf) } p { font-family: mine }</style>"
    (tmp_path / "mine.html").write_text(f"{style}<p>{{{{ invoice_number }}}}", encoding="utf-8")
    settings = {"template_dir": tmp_path, "template_filename": "mine.html"}
    with InvoiceRenderer(InvoiceSettings.model_validate(settings)) as renderer:
        pdf = renderer.render(MINIMAL, language="fr").pdf
        assert renderer._process
        scratch = Path(renderer._process.scratch)
        assert list(scratch.iterdir())
    fonts = PdfReader(BytesIO(pdf)).pages[0]["/Resources"]["/Font"].values()
    assert ["mine" in str(font["/BaseFont"]) for font in fonts] == [True]
    assert not scratch.exists()


def test_doctor_is_told_of_libraries_that_the_shortcuts_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_layout, "WRITTEN_FOR", "69.0")
    assert any("WeasyPrint is 70" in sentence for sentence in renderer_health())
    assert faster_layout.install() is False
    monkeypatch.undo()
    assert not any("slower than they could" in sentence for sentence in renderer_health())
