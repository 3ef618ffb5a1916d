"""docs/wheel.md: whoever has only the wheel has all that the documentation names."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).parents[2]
#: The places in the repository only, as the page says.
_OF_THE_REPOSITORY = ("docker", "Dockerfile", "Makefile")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT]
    subprocess.run(pip, check=True, timeout=110)
    (made,) = folder.glob("omnicrm_mailworker-*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment with the wheel; its other packages are those of the tests, found after its own."""
    folder = tmp_path_factory.mktemp("house") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin/python",
    ]  # putting pip there takes longer than all
    subprocess.run([*pip, "install", "--quiet", "--no-deps", wheel], check=True, timeout=60)
    (packages,) = folder.glob("lib/python*/site-packages")
    others = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "others.pth").write_text(others, "utf-8")
    return folder


def run(environment, folder, *words):
    command = [environment / "bin" / words[0], *words[1:]]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_every_file_that_a_page_names_comes_with_it(wheel):
    shipped = {
        name.partition(".data/data/share/mailworker/")[2]
        for name in ZipFile(wheel).namelist()
        if ".data/data/" in name
    }
    pages = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    named = set(re.findall(r"\b(?:deploy|examples)/[\w./@-]*\w", pages)) | {"crm_config.yaml"}
    assert len(named) > 10
    assert {name for name in named if not any(f"{one}/".startswith(f"{name}/") for one in shipped)} == set()
    assert not any(name.startswith(_OF_THE_REPOSITORY) for name in shipped)


def test_it_renders_and_answers_far_from_any_checkout(environment, tmp_path):
    share = environment / "share/mailworker"
    (tmp_path / "crm_config.yaml").write_bytes((share / "crm_config.yaml").read_bytes())
    where = run(environment, tmp_path, "python", "-c", "import mailworker; print(mailworker.__file__)")
    assert where.stdout.startswith(str(environment))
    invoice = share / "examples/invoices/facture.json"
    made = run(environment, tmp_path, "mailworker", "invoice", "render", invoice, "-o", "facture.pdf")
    assert (made.returncode, (tmp_path / "facture.pdf").read_bytes()[:5]) == (0, b"%PDF-"), made.stderr
    kinds = run(environment, tmp_path, "mailworker", "templates", "preview", "--folder", "pages")
    assert (kinds.returncode, len(list((tmp_path / "pages").glob("*.html"))) >= 20) == (0, True), kinds.stderr
    tasks = run(environment, tmp_path, "python", "-m", "celery", "-A", "mailworker.tasks", "report")
    assert (tasks.returncode, "celery:" in tasks.stdout) == (0, True), tasks.stderr
