"""The web application: its routes, and what every answer carries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.observability.metric_definitions import REFUSED_LOGINS
from mailworker.observability.redis_counters import count
from mailworker.queue.celery_queues import OCS
from mailworker.rules.sign_unsubscribe_link import PATH
from mailworker.web.basic_auth import BasicAuth
from mailworker.web.health_and_metrics import Health
from mailworker.web.login_throttle import LoginThrottle
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.operator_logins import OperatorLogins
from mailworker.web.operators_page.action_forms import PageActions
from mailworker.web.operators_page.mail_as_read import MailView
from mailworker.web.operators_page.pages import OperatorsPage
from mailworker.web.operators_page.upcoming import UpcomingPage
from mailworker.web.operators_page.webhook_log import WebhookLogPage
from mailworker.web.refused_posts import RefusedPosts
from mailworker.web.request_timeouts import BodyTimeout
from mailworker.web.security_headers import SafeHeaders
from mailworker.web.unsubscribe_page import UnsubscribePage
from mailworker.web.webhook import Webhook

#: The path to register at Mailjet.
WEBHOOK_PATH = "/mailjet/events"
#: The path that CGRateS's Actions post to.
OCS_PATH = "/ocs/cgrates"


def _pages(container: Container, operator: OperatorLogins, gathering: MetricsCollector) -> list[Route]:
    """What an operator sees and does."""
    pages = OperatorsPage(container, operator, gathering, utc_now)
    acts, mails = PageActions(container, pages, utc_now), MailView(container, pages)
    soon = UpcomingPage(container, pages, gathering, utc_now)
    events = WebhookLogPage(container, pages, gathering, utc_now)
    return [
        Route("/", pages.overview),
        Route("/search", pages.search, methods=["POST"]),
        Route("/messages", pages.messages),
        Route("/messages.csv", pages.download),
        Route("/messages/{id}", pages.message),
        Route("/messages/{id}/mail", mails.show),
        Route("/messages/{id}/files/{number:int}", mails.file),
        Route("/upcoming", soon.show),
        Route("/events", events.show),
        Route("/deliverability", pages.deliverability),
        Route("/suppressions", pages.suppressions),
        Route("/schedule", pages.schedule),
        Route("/actions", acts.overview),
        Route("/actions", acts.act, methods=["POST"]),
        Route("/actions/review", acts.review, methods=["POST"]),
        Route("/style.css", pages.style),
        Route(f"{PATH}style.css", pages.style),  # for customers a proxy passes this folder alone
    ]


def create_app(container: Container) -> Starlette:
    """The application for this installation. Nothing is opened before the first request needs it."""
    web = container.settings.web
    refused = RefusedPosts(lambda: container.ledger, utc_now)
    login = BasicAuth(web.webhook_user, web.webhook_password)
    webhook = Webhook(container.settings.worker.redis_url, login, refused=refused.count)
    ocs = Webhook(container.settings.worker.redis_url, BasicAuth(*web.ocs_login), OCS)
    operator = OperatorLogins(web)
    gathering = MetricsCollector(container, utc_now)
    health = Health(gathering, operator)
    leaving = UnsubscribePage(container, utc_now)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await webhook.close()
        await ocs.close()
        await refused.close()

    return Starlette(
        routes=[
            Route(WEBHOOK_PATH, webhook.post, methods=["POST"]),
            Route(OCS_PATH, ocs.post, methods=["POST"]),
            Route("/health", health.alive),
            Route("/ready", health.ready),
            Route("/metrics", health.metrics),
            *_pages(container, operator, gathering),
            Route(f"{PATH}{{token}}", leaving.show),
            Route(f"{PATH}{{token}}", leaving.post, methods=["POST"]),
        ],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(LoginThrottle, report=lambda wrong: count(container.redis, REFUSED_LOGINS, wrong)),
            Middleware(BodyTimeout),
        ],
        lifespan=lifespan,
    )
