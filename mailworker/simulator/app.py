"""The ASGI application: Mailjet's API, the control API and the inbox page, over one world."""

from starlette.applications import Starlette
from starlette.routing import Mount

from mailworker.simulator.control import control_routes
from mailworker.simulator.edge import ApiEdge
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.world import World, new_world


def create_app(settings: SimulatorSettings, world: World | None = None) -> Starlette:
    """The local Mailjet as an ASGI application; `world` lets the caller keep a hand on its state."""
    world = world or new_world(settings)
    edge = ApiEdge(world)
    api = [Mount(prefix, app=edge) for prefix in ("/v3.1", "/v3", "/v4")]
    return Starlette(routes=[*control_routes(world), *api])
