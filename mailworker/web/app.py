"""The web application: its routes, and what every answer carries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from mailworker.clock import utc_now
from mailworker.house import House
from mailworker.web.access import Login
from mailworker.web.figures import Gathering
from mailworker.web.headers import SafeHeaders
from mailworker.web.health import Health
from mailworker.web.operators import Operators
from mailworker.web.webhook import Webhook

#: The path to register at Mailjet.
WEBHOOK_PATH = "/mailjet/events"


def create_app(home: House) -> Starlette:
    """The application for this house. Nothing is opened before the first request needs it."""
    web = home.settings.web
    webhook = Webhook(home.settings.worker.redis_url, Login(web.webhook_user, web.webhook_password))
    operator = Login(web.operator_user, web.operator_password)
    gathering = Gathering(home, utc_now)
    health, pages = Health(gathering, operator), Operators(home, operator, gathering, utc_now)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await webhook.close()

    return Starlette(
        routes=[
            Route(WEBHOOK_PATH, webhook.post, methods=["POST"]),
            Route("/health", health.alive),
            Route("/ready", health.ready),
            Route("/metrics", health.metrics),
            Route("/", pages.overview),
            Route("/search", pages.search, methods=["POST"]),
            Route("/messages/{id}", pages.message),
            Route("/style.css", pages.style),
        ],
        middleware=[Middleware(SafeHeaders)],
        lifespan=lifespan,
    )
