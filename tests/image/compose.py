"""docker-compose.yml, run by podman out of a folder of its own."""

import json
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
PROJECT = COMPOSE["name"]
#: What docs/events.md, docs/monitoring.md, docs/crm.md and docs/reminders.md tell to add to crm_config.yaml.
DOCUMENTED = """
invoice:
  seller: {name: Opérateur SAS, address: [1 rue X], postcode: "75001", city: Paris, email: facture@operator.example}
web:
  webhook_user: mailjet
  webhook_password: ${WEBHOOK_PASSWORD}
  operator_user: ops
  operator_password: ${OPERATOR_PASSWORD}
crm:
  source: sql
  sql:
    url: ${CRM_DATABASE_URL}
    queries:
      invoices: |
        SELECT i.id AS invoice_id, i.customer_id, i.status, i.due_date, i.currency,
               i.total - i.paid AS owed, i.total, i.number, c.email, c.name AS customer_name, i.pay_url
        FROM invoice i JOIN customer c ON c.id = i.customer_id
reminders:
  enabled: true
  schedule: "0 6 * * *"
"""
CRM_TABLES = """
CREATE TABLE customer (id text PRIMARY KEY, name text, email text);
CREATE TABLE invoice (id text PRIMARY KEY, customer_id text, status text, due_date date, currency text,
                      total numeric, paid numeric, number text, pay_url text);
"""


def run(
    *command: str, timeout: float = 600, check: bool = True, text: bool = True, **more: Any
) -> subprocess.CompletedProcess[Any]:
    """A command's output, as text; what it says on standard error is shown where it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=text,
        timeout=timeout,
        check=False,
        env={**os.environ, **_ENGINE},
        **more,
    )
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command[:4])} ... ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done


#: runc and chroot work where a confined root may set no cgroup of its own.
_ENGINE = {"BUILDAH_ISOLATION": "chroot"}


def confine(folder: Path) -> None:
    """Tell podman the limits of this machine: a confined root may not raise them."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    conf = folder / "containers.conf"
    conf.write_text(
        f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=8192:8192"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
        encoding="utf-8",
    )
    _ENGINE["CONTAINERS_CONF"] = str(conf)


def build_image() -> None:
    """Stand-ins for the public images, then ours out of the Dockerfile, offline but for packages."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    base = re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)[1]
    redis, postgres = (COMPOSE["services"][name]["image"] for name in ("redis", "postgres"))
    bases = (f"docker.io/library/{base}", f"docker.io/{redis}", f"docker.io/library/{postgres}")
    run(str(ROOT / "tests/image/bases.sh"), *bases, timeout=1200)
    shared = [path for path in ("/etc/ssl/certs", "/etc/pip.conf", "/opt") if Path(path).exists()]
    mounts = [word for path in shared for word in ("-v", f"{path}:{path}:ro")]
    names = ["-t", "docker.io/library/mailworker:latest"]
    run(
        "buildah",
        "bud",
        "--layers",
        "--network",
        "host",
        "--pull-never",
        *mounts,
        *names,
        str(ROOT),
        timeout=1800,
    )


class Site:
    """A folder with docker-compose.yml, .env and crm_config.yaml, as an operator has it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.secrets = {
            name: secrets.token_hex(8)
            for name in re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
        }
        password = self.secrets["POSTGRES_PASSWORD"]
        self.secrets["CRM_DATABASE_URL"] = f"postgresql+psycopg://mailworker:{password}@postgres:5432/crm"
        self.secrets["FLOWER_BASIC_AUTH"] = f"ops:{secrets.token_hex(8)}"
        self.port = port
        for name in ("docker-compose.yml", "docker-compose.simulator.yml", "Dockerfile"):
            shutil.copy(ROOT / name, folder / name)
        shipped = (
            (ROOT / "crm_config.yaml").read_text("utf-8").replace("@yourcompany.com", "@operator.example")
        )
        (folder / "crm_config.yaml").write_text(shipped + DOCUMENTED, encoding="utf-8")
        lines = [f"{name}={value}" for name, value in (self.secrets | {"REDIS_PORT": str(port)}).items()]
        (folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def redis_url(self) -> str:
        """As OmniCRM on this host writes it."""
        return f"redis://:{self.secrets['REDIS_PASSWORD']}@127.0.0.1:{self.port}/0"

    def compose(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[Any]:
        """`docker compose`, with the local Mailjet."""
        files = ["--profile", "ops", "-f", "docker-compose.yml", "-f", "docker-compose.simulator.yml"]
        command = [sys.executable, "-m", "podman_compose", *files, *arguments]
        return run(*command, cwd=self.folder, **more)

    def podman(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[Any]:
        return run("podman", *arguments, **more)

    def container(self, service: str) -> str:
        return f"{PROJECT}_{service}_1"

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(self.podman("inspect", self.container(service)).stdout)
        return found

    def is_healthy(self, service: str) -> bool:
        """Whether its health check passes now; podman has no timer for it without systemd."""
        return self.podman("healthcheck", "run", self.container(service), check=False).returncode == 0

    def log(self, service: str) -> str:
        done = self.podman("logs", "--tail", "30", self.container(service), check=False)
        return done.stdout + done.stderr


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
