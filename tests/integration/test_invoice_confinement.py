"""The rendering process, once it works, can open no other file, call nobody and start nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="Linux's own means"),
]

#: Runs in a process of its own, for there is no way back. Prints what stands, and what each attempt met.
PROBE = """
import json, os, signal, socket, subprocess, sys
from pathlib import Path
from mailworker.invoices.confinement import confine

folder, secret = Path(sys.argv[1]), Path(sys.argv[2])
barriers = confine([folder])

def met(attempt):
    try:
        attempt()
    except BaseException as refused:
        return type(refused).__name__
    return "done"

print(json.dumps({
    "barriers": barriers,
    "own file": met((folder / "logo.txt").read_text),
    "own folder": met(lambda: list(folder.iterdir())),
    "library": met(lambda: __import__("wave")),
    "secret": met(secret.read_text),
    "parent": met(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    "here": met(lambda: list(Path.cwd().iterdir())),
    "write": met(lambda: (folder / "new").write_text("x")),
    "append": met(lambda: (folder / "logo.txt").open("a")),
    "remove": met((folder / "logo.txt").unlink),
    "temporary": met(lambda: Path("/tmp/mailworker-probe").write_text("x")),
    "socket": met(lambda: socket.socket(socket.AF_INET)),
    "unix": met(lambda: socket.socket(socket.AF_UNIX)),
    "program": met(lambda: os.execv("/bin/true", ["true"])),
    "child": met(lambda: subprocess.run(["/bin/true"], check=True)),
    "signal": met(lambda: os.kill(os.getppid(), 0)),
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder, outside = tmp_path_factory.mktemp("templates"), tmp_path_factory.mktemp("outside")
    (folder / "logo.txt").write_text("logo")
    (outside / "secret").write_text("secret")
    (outside / "crm_config.yaml").write_text("secret")
    command = [sys.executable, "-c", PROBE, str(folder), str(outside / "secret")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=outside)
    return json.loads(done.stdout)


def test_its_own_folder_and_pythons_stay_open(found):
    assert (found["own file"], found["own folder"], found["library"]) == ("done", "done", "done")


@pytest.mark.parametrize("attempt", ["secret", "parent", "here", "write", "append", "remove", "temporary"])
def test_no_other_file(found, attempt):
    if "files" not in found["barriers"]:
        pytest.skip("this kernel has no Landlock")
    assert found[attempt] == "PermissionError"


@pytest.mark.parametrize("attempt", ["socket", "unix", "program", "child", "signal"])
def test_nobody_to_call_and_nothing_to_start(found, attempt):
    if "network" not in found["barriers"]:
        pytest.skip("this machine's system calls are not listed")
    assert found[attempt] == "PermissionError"


def test_root_has_no_powers_left(found):
    assert "capabilities" in found["barriers"]


def test_the_process_that_renders_is_confined():
    from mailworker.config.invoice import InvoiceSettings  # noqa: PLC0415
    from mailworker.invoices import InvoiceRenderer  # noqa: PLC0415
    from tests.unit.test_invoice_reading import MINIMAL  # noqa: PLC0415

    with InvoiceRenderer(InvoiceSettings()) as renderer:
        renderer.render(MINIMAL, language="fr")
        status = Path(f"/proc/{renderer._cell.process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
