"""What a worker no longer needs is the system's again, also where small things stand between large ones."""

import os
import platform
import subprocess
import sys

import pytest

from tests.doubles import CONFIG

#: Blocks of half a megabyte with small ones between them, freed but for the small ones: what stays, in MB.
PROBE = """
import sys
from pathlib import Path
from threading import Thread
from mailworker.tasks.returned_memory import return_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def work(kept):
    large = []
    for size in (5_000_000, 500_000):
        for _ in range(20):
            large.append(bytearray(size))
            kept.append(bytearray(2_000))
        large.clear()

if sys.argv[1] == "returned" and not return_freed_memory():
    raise SystemExit(3)
before, kept = resident(), []
threads = [Thread(target=work, args=(kept,)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own switch")
def test_what_is_freed_goes_back():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "returned"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 25


#: What a child makes its own of its parent's modules by collecting garbage, in MB: before, and once they are shared.
FORKED = """
import gc, os, sys
from pathlib import Path
import mailworker.tasks.app as tasks
from mailworker.tasks.returned_memory import share_what_is_loaded

def owned():
    ready, told = os.pipe()
    if os.fork() == 0:
        gc.collect()
        own = Path("/proc/self/smaps_rollup").read_text().split("Private_Dirty:")[1].split()[0]
        os.write(told, own.encode())
        os._exit(0)
    return int(os.read(ready, 100)) / 1000

tasks.app.loader.import_default_modules()
own = owned()
share_what_is_loaded()
print(own, owned())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_children_have_what_is_loaded_in_common():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    own, shared = map(float, done.stdout.split())
    assert shared < own / 2


#: What a container first imports in a child is that child's own, once in each.
TOUCHED = """
import sys
from functools import cached_property
import mailworker.tasks.app as tasks

tasks.app.loader.import_default_modules()
before = set(sys.modules)
from mailworker.container import Container
from mailworker.core.lane import Lane

container = Container.from_environment()
for owner in Container.__mro__:
    for name, value in vars(owner).items():
        if isinstance(value, cached_property | property) and name != "ocs_stream":
            getattr(container, name)
container.reminder_scan(), container.balance_scan(), container.balance_rehearsal()
container.stream(Lane.URGENT), container.kept(), container.ocs_stream
print(*(name for name in set(sys.modules) - before if name.startswith("mailworker")))
"""


def test_a_worker_loads_before_the_fork_what_its_container_needs(tmp_path):
    (tmp_path / "crm_config.yaml").write_text(
        CONFIG + "crm: {source: demo}\nbalances: {cgrates: {url: 'http://127.0.0.1:1/jsonrpc'}}\n",
        encoding="utf-8",
    )
    environ = os.environ | {"CRM_CONFIG": str(tmp_path / "crm_config.yaml"), "DATABASE_URL": "sqlite://"}
    done = subprocess.run(
        [sys.executable, "-c", TOUCHED], capture_output=True, text=True, check=True, env=environ, cwd=tmp_path
    )
    assert done.stdout.split() == []
