"""The rendering process, once it works, can open no other file, call nobody and start nothing."""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.invoices.render_process import landlock

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="Linux's own means"),
]

#: Runs in a process of its own, for there is no way back. Prints what stands, and what each attempt met.
PROBE = """
import json, os, signal, socket, subprocess, sys
from pathlib import Path
from mailworker.invoices.render_process.confinement import confine

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
    (folder / "logo.txt").write_text("logo", encoding="utf-8")
    (outside / "secret").write_text("secret", encoding="utf-8")
    (outside / "crm_config.yaml").write_text("secret", encoding="utf-8")
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
        status = Path(f"/proc/{renderer._process.process.pid}/status").read_text(encoding="utf-8")
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status


#: Becomes nobody where it can read the folder; prints whether it did, who it is then, and what it may read.
NOBODY_PROBE = """
import json, os, sys
from pathlib import Path
from mailworker.invoices.render_process import unprivileged

unprivileged._of_python = lambda: []  # wherever this Python lies
folder, secret, scratch = map(Path, sys.argv[1:])
became = unprivileged.become_nobody([folder], scratch)

def met(attempt):
    try:
        attempt()
    except OSError as refused:
        return type(refused).__name__
    return "done"

print(json.dumps({
    "became": became,
    "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
    "secret": met(secret.read_text),
    "scratch": met(lambda: (scratch / "x").write_text("x")),
    "back": met(lambda: os.seteuid(0)),
}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_root_becomes_nobody_where_nobody_can_read_the_templates(mode):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        folder, scratch, secret = top / "templates", top / "scratch", top / "secret"
        folder.mkdir()
        scratch.mkdir(0o700)
        (folder / "invoice.html").write_text("x", encoding="utf-8")
        (folder / "invoice.html").chmod(mode)
        secret.write_text("x", encoding="utf-8")
        secret.chmod(0o600)
        command = [sys.executable, "-c", NOBODY_PROBE, str(folder), str(secret), str(scratch)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if mode == 0o644:
        assert found == {
            "became": True,
            "ids": [65534] * 6,
            "secret": "PermissionError",
            "scratch": "done",
            "back": "PermissionError",
        }
    else:
        assert (found["became"], found["ids"][:6], found["secret"]) == (False, [0] * 6, "done")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
def test_who_was_root_cannot_look_into_roots_home_and_is_confined_all_the_same(tmp_path):
    tmp_path.chmod(0o700)
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no_new_privs
            landlock.read_only([tmp_path / ".fonts", Path("/usr/lib"), Path("/etc/ld.so.cache")])
        except BaseException:  # noqa: BLE001 - nothing of pytest may go on in the child
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_render_without_end_ends_though_its_worker_died(tmp_path):
    (tmp_path / "invoice.html").write_text(
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", encoding="utf-8"
    )
    code = (
        "import sys, threading\n"
        "from mailworker.config.invoice import InvoiceSettings\n"
        "from mailworker.invoices import InvoiceRenderer\n"
        "from tests.unit.test_invoice_reading import MINIMAL\n"
        "chosen = {'template_dir': sys.argv[1], 'template_filename': 'invoice.html', 'limits': {'seconds': 1}}\n"
        "renderer = InvoiceRenderer(InvoiceSettings.model_validate(chosen))\n"
        "renderer._warm()\n"
        "print(renderer._process.process.pid, flush=True)\n"
        "renderer._process.ask = None\n"
        "import json\n"
        "renderer._process.conn.send_bytes(json.dumps({'invoice': MINIMAL, 'language': 'fr', 'small': False}, default=str).encode())\n"
        "import os\n"
        "os.kill(os.getpid(), 9)\n"
    )
    dying = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    pid = int(dying.stdout)
    assert wait_until(
        lambda: (
            not Path(f"/proc/{pid}").exists()
            or "State:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        ),
        seconds=60,
    )
