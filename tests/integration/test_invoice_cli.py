"""`mailworker invoice` as a person types it."""

import json
from pathlib import Path

import pypdf
import pytest
from typer.testing import CliRunner

from mailworker.cli.invoice import app
from tests.unit.test_invoice_reading import EXAMPLES, MINIMAL

pytestmark = pytest.mark.integration

CONFIG = """
mailjet: {api_key: k, api_secret: s}
invoice:
  seller: {name: Alizé, vat_id: FR40123456824, siren: "123456824", postcode: "13002", city: Marseille}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_CONFIG", raising=False)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_render_writes_the_pdf_under_its_own_name() -> None:
    code, given = run("render", str(EXAMPLES / "facture.json"))
    assert code == 0
    assert given.startswith("Facture-FA-2026-004217.pdf: ")
    assert Path("Facture-FA-2026-004217.pdf").read_bytes().startswith(b"%PDF-")


def test_render_as_a_factur_x_with_the_configured_seller() -> None:
    Path("crm_config.yaml").write_text(CONFIG, "utf-8")
    code, _ = run("render", str(EXAMPLES / "facture.json"), "-o", "out.pdf", "--facturx", "--language", "en")
    assert code == 0
    assert list(pypdf.PdfReader("out.pdf").attachments) == ["factur-x.xml"]


def test_check_says_all_that_is_wrong() -> None:
    Path("bad.json").write_text(
        json.dumps(MINIMAL | {"date": "tomorrow", "currency": "EURO"}), encoding="utf-8"
    )
    code, given = run("check", "bad.json")
    assert code == 1
    assert "date must be a date such as 2026-01-31." in given
    assert "currency is not a code of ISO 4217, such as EUR." in given


def test_check_of_a_right_one() -> None:
    assert run("check", str(EXAMPLES / "minimal.json"))[0] == 0


@pytest.mark.parametrize(
    ("content", "faults"),
    [(b"{", "is not JSON"), (b"\xff", "is not UTF-8 text"), (b"[]", "must be a JSON object")],
)
def test_a_file_that_is_no_invoice(content: bytes, faults: str) -> None:
    Path("bad.json").write_bytes(content)
    for command in ("check", "render"):
        code, given = run(command, "bad.json")
        assert (code, faults in given) == (1, True)


def test_factur_x_without_a_seller_says_what_is_missing() -> None:
    code, given = run("check", str(EXAMPLES / "facture.json"), "--facturx")
    assert code == 1
    assert "factur-x needs seller.vat_id, seller.city, seller.postcode" in given
