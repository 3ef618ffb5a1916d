"""The ASGI application: Mailjet's API, the control API and the inbox page, over one world."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from mailworker.simulator.control_api import control_routes
from mailworker.simulator.control_api_contacts import contact_routes
from mailworker.simulator.cross_site_guard import ThisMachineOnly
from mailworker.simulator.handle_api_call import ApiEdge
from mailworker.simulator.inbox import inbox_routes
from mailworker.simulator.post_events import EventPoster
from mailworker.simulator.state import SimulatorState


def create_app(world: SimulatorState) -> Starlette:
    """The local Mailjet as an ASGI application over this state."""
    edge = ApiEdge(world)
    api = [Mount(prefix, app=edge) for prefix in ("/v3.1", "/v3", "/v4", "/v1")]

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        posting = asyncio.create_task(EventPoster(world).work())
        yield
        posting.cancel()

    own = [*inbox_routes(world), *control_routes(world), *contact_routes(world)]
    guard = [Middleware(ThisMachineOnly)]
    return Starlette(lifespan=life, routes=[*own, *api], middleware=guard)
