"""`mailworker dev`: everything that production runs, on this machine, until Ctrl-C."""

import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailworker.core.clock import utc_now
from mailworker.errors import BadInput

if TYPE_CHECKING:
    from mailworker.config.settings import Settings

_HELP = """
Inbox             {servers.simulator_url}
Operators' page   http://127.0.0.1:{web_port}   (user operator, password operator)
Redis             {servers.redis_url}
Logs              {servers.folder}/logs
Configuration     {what}

In another shell:
  export CRM_CONFIG={servers.config}{path}
  mailworker templates test {kind} --to you@example.com
  mailworker messages list

Ctrl-C ends."""


def command(
    *,
    config: Annotated[
        Path | None,
        typer.Option(help="Your own crm_config.yaml: kinds, templates, CRM. Its Mailjet keys are not used."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="With an invented CRM, whose reminders and alerts fill the inbox.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where everything is kept, over restarts too.")] = Path(
        "var/dev"
    ),
    port: Annotated[
        int, typer.Option(help="The inbox page's port; 0 takes a free one.", min=0, max=65535)
    ] = 8025,
    web_port: Annotated[int, typer.Option(help="The operators' page's port.", min=1, max=65535)] = 8070,
    redis_port: Annotated[
        int, typer.Option(help="Redis's port, for OmniCRM's MailClient.", min=0, max=65535)
    ] = 6399,
) -> None:
    """Run Redis, a local Mailjet, all workers, beat and the operators' page. No mail leaves this machine.

    Example: mailworker dev --config crm_config.yaml
    """
    from mailworker.cli.demo_run.output import progress
    from mailworker.cli.interrupt import until_interrupted
    from mailworker.cli.local_stack import Servers
    from mailworker.cli.local_stack.servers import demand_free
    from mailworker.cli.local_stack.trial_config import is_written_by_a_trial, web_for_trial

    if config is not None and not config.is_file():
        raise BadInput(f"--config: {config} is not there.")
    if (there := folder / "crm_config.yaml").exists() and not is_written_by_a_trial(there):
        raise BadInput(f"--folder: {there} is no trial's, and would be written over; name another folder.")
    demand_free(port, "The inbox page", "--port")
    demand_free(web_port, "The operators' page", "--web-port")
    # The invented CRM's mails come at once, whatever the hour.
    at_once = {"reminders": {"quiet_hours": None}, "balances": {"quiet_hours": None}}
    without_own = at_once if demo else {"crm": {"source": "none"}}
    changes: dict[str, dict[str, Any]] = {"web": web_for_trial(web_port), **({} if config else without_own)}
    with Servers(
        folder, changes=changes, config=config, simulator_port=port, redis_port=redis_port
    ) as servers:
        _prepare(servers.settings)
        progress("starting workers")
        servers.production_workers()
        servers.beat()
        servers.start_web()
        servers.register_webhook()
        what = f"{config}, with this machine's addresses" if config else "an example"
        kind = next(iter(servers.settings.mailjet.blocks), "KIND")
        typer.echo(
            _HELP.format(servers=servers, web_port=web_port, what=what, path=_path_to_type(), kind=kind)
        )
        until_interrupted(lambda: bool(servers.dead()))
        for child in servers.dead():
            progress(f"{child.name} ended with {child.exit_code}. The end of {child.log}:\n{child.tail()}")
        progress("stopping")


def _path_to_type() -> str:
    """What another shell needs so that `mailworker` is this program; nothing where it is anyhow."""
    program = Path(sys.argv[0]).absolute()
    found = shutil.which(program.name)
    if program.name != "mailworker" or (found and Path(found).samefile(program)):
        return ""
    return f' PATH="{program.parent}:$PATH"'


def _prepare(settings: "Settings") -> None:
    """Push all contacts again, for the ledger was kept and the local Mailjet begins empty; start both scans.

    They start with all that is due: nobody outside this machine is written to.
    """
    from mailworker.container import Container
    from mailworker.ledger.contact_push_queue import push_all_again
    from mailworker.scan_registry import scans_of, start_scan

    with closing(Container(settings)) as container:
        with container.ledger.write() as connection:
            push_all_again(connection, now=utc_now())
        for scan in scans_of(container):
            start_scan(container, scan, start_from=None, now=utc_now())
