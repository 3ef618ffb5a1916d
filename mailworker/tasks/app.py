"""The Celery app, with the reason for every setting."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, worker_init
from kombu import Exchange, Queue

from mailworker.config.settings import config_path, load_settings
from mailworker.core.process_lock import LARGE_CALLS, LARGE_READS
from mailworker.core.redis_url import parse_redis_url
from mailworker.observability.logs import configure_logs
from mailworker.queue import celery_queues
from mailworker.tasks.beat_schedule import SCHEDULE
from mailworker.tasks.flower_actions import leave_to_view
from mailworker.tasks.returned_memory import return_freed_memory, share_what_is_loaded
from mailworker.tasks.unreadable_messages import without_message_bodies

MODULES = (
    "mailworker.tasks.emails",
    "mailworker.tasks.dispatch",
    "mailworker.tasks.invoices",
    "mailworker.tasks.events",
    "mailworker.tasks.scans",
    "mailworker.tasks.contacts",
    "mailworker.tasks.campaigns",
    "mailworker.tasks.statistics",
    "mailworker.tasks.suppressions",
    "mailworker.tasks.cgrates_posts",
    "mailworker.tasks.callbacks",
    "mailworker.tasks.maintenance",
    "mailworker.tasks.health",
    "mailworker.tasks.worker_info",
)
#: What a container imports when it first needs it; a worker's children have it in common only if it is there
#: before the fork.
PARTS = (
    "mailworker.balances.ask_crm_before_alert",
    "mailworker.balances.cgrates_container",
    "mailworker.balances.scan",
    "mailworker.campaigns.lifecycle",
    "mailworker.crm.demo",
    "mailworker.crm.http_auth",
    "mailworker.crm.http_rows",
    "mailworker.crm.omnicrm",
    "mailworker.crm.sql_rows",
    "mailworker.dispatch.ask_crm_about_used_link",
    "mailworker.limits.breaker_state",
    "mailworker.limits.call_journal",
    "mailworker.limits.redis_clock",
    "mailworker.mailjet.account_checks",
    "mailworker.mailjet.retry_unconnected",
    "mailworker.mailjet.session",
    "mailworker.observability.tracing",
    "mailworker.prepare",
    "mailworker.export_and_erasure",
    "mailworker.queue.redis_connection",
    "mailworker.reconcile.unknown_messages",
    "mailworker.reminders.ask_crm_before_reminder",
    "mailworker.reminders.scan",
    "mailworker.statistics_report",
    "mailworker.suppressions_by_hand",
)


def _redis_url() -> str:
    """The configuration's Redis; without a configuration file (a client, a test) the environment's."""
    if config_path().exists():
        return load_settings().worker.redis_url
    return os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"


_redis = parse_redis_url(_redis_url())

app = Celery("mailworker", broker=_redis.broker, backend=_redis.broker, include=(*MODULES, *PARTS))

app.conf.update(
    # JSON only: a pickle from the network is a program from the network.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    # A worker that dies gives its task back. Tasks may run twice: the ledger's guards make that harmless.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One task at a time for each slot: a task that waits in a busy worker's memory helps nobody.
    worker_prefetch_multiplier=1,
    # Nobody reads the results of wake-ups; the tasks that answer their caller set it themselves.
    task_ignore_result=True,
    result_expires=3600,
    # No task outlives the visibility timeout, or Redis would hand it out a second time while it still runs.
    # Hard, not soft: a soft limit's exception in the middle of a call would make its outcome unknown.
    task_time_limit=110,
    # A typing error in a queue's name must fail at once, not make a queue that no worker listens to.
    task_create_missing_queues=False,
    # Each with an exchange of its own: without one, all would be bound to the default queue's key, and a
    # message published to that exchange would land in every queue.
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in celery_queues.QUEUES],
    # Each worker listens to a queue of its own, too, where its health check comes by.
    worker_direct=True,
    task_default_queue=celery_queues.NORMAL,
    task_routes={
        "mailworker.render": {"queue": celery_queues.RENDERING},
        "mailworker.sweep": {"queue": celery_queues.SCANS},
        "mailworker.reconcile": {"queue": celery_queues.SCANS},
        "mailworker.forget": {"queue": celery_queues.SCANS},
        "mailworker.tell_callbacks": {"queue": celery_queues.SCANS},
        "mailworker.roll_up": {"queue": celery_queues.SCANS},
        "mailworker.match_events": {"queue": celery_queues.SCANS},
        "mailworker.scan_*": {"queue": celery_queues.SCANS},
        "mailworker.statistics*": {"queue": celery_queues.SCANS},
        "mailworker.sync_*": {"queue": celery_queues.CONTACT_JOBS},
        "mailworker.delete_contact": {"queue": celery_queues.CONTACT_JOBS},
        "mailworker.campaign_*": {"queue": celery_queues.CONTACT_JOBS},
        "mailworker.suppressions_*": {"queue": celery_queues.CONTACT_JOBS},
    },
    broker_transport_options={
        "visibility_timeout": 120,
        # Look for tasks of dead workers every 5 s; the defaults amount to 100 s.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # Without these a half-open connection blocks a worker for ever.
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # Behind sentinels: which service, and how to ask them.
        **_redis.broker_options,
    },
    result_backend_transport_options={
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        **_redis.broker_options,
    },
    broker_connection_retry_on_startup=True,
    # Redis may be away for an hour: keep trying, the supervisor has better things to do.
    broker_connection_max_retries=None,
    # When Redis goes away, let running calls finish: killed in the middle their outcome would be unknown.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Flower shows tasks only where workers send events.
    worker_send_task_events=True,
    timezone="UTC",
    beat_schedule=SCHEDULE,
    # Celery's own would fill Redis where a queue has no worker: 30 MB a day, until Redis takes no jobs.
    beat_scheduler="mailworker.tasks.bounded_beat:BoundedScheduler",
    # A beat that has lost its file fires at once; every task it starts may run twice.
    beat_schedule_filename=os.environ.get("BEAT_SCHEDULE", "var/celerybeat-schedule"),
    worker_consumer="mailworker.tasks.unreadable_messages:CarefulConsumer",
    worker_hijack_root_logger=False,
)


leave_to_view()


@celeryd_init.connect
@beat_init.connect
def _files_for_us_alone(**_: object) -> None:
    os.umask(0o077)


@celeryd_init.connect
def _bounded_memory(**_: object) -> None:
    return_freed_memory()
    for lock in (LARGE_READS, LARGE_CALLS):
        lock.share()


@worker_init.connect
def _share_with_children(**_: object) -> None:
    share_what_is_loaded()


@setup_logging.connect
def _our_logs(**_: object) -> None:
    configure_logs(change=without_message_bodies)
