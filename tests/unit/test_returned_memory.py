"""What a worker no longer needs is the system's again, also where small things stand between large ones."""

import subprocess
import sys

import pytest

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
        for _ in range(40):
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


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own switch")
def test_what_is_freed_goes_back():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "returned"], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 25
