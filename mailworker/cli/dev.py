"""`mailworker dev`: the whole house on this machine, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

_HELP = """
Inbox   {servers.simulator_url}
Redis   {servers.redis_url}
Logs    {servers.folder}/logs

In another shell:
  export CRM_CONFIG={servers.config}
  mailworker send api_crmCommunicationEmailVerification you@example.com \\
    --var user_name=You --var verification_url=https://example.com/v/1
  mailworker messages list

Ctrl-C ends."""


def command(
    *,
    folder: Annotated[Path, typer.Option(help="Where everything is kept, over restarts too.")] = Path(
        "var/dev"
    ),
    port: Annotated[int, typer.Option(help="The inbox page's port; 0 takes a free one.")] = 8025,
) -> None:
    """Run Redis, a local Mailjet, all workers and beat. No mail leaves this machine."""
    from mailworker.cli.demo_run.output import say
    from mailworker.cli.interrupt import until_interrupted
    from mailworker.cli.local_stack import Servers

    with Servers(folder, simulator_port=port) as servers:
        say("starting workers")
        servers.crew()
        servers.beat()
        typer.echo(_HELP.format(servers=servers))
        until_interrupted(lambda: bool(servers.dead()))
        for child in servers.dead():
            say(f"{child.name} ended with {child.exit_code}. The end of {child.log}:\n{child.tail()}")
        say("stopping")
