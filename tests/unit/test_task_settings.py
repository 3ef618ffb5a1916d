"""What Celery is set to: each of these keeps mail from being lost, sent twice or held up when something dies."""

import pytest

from mailworker.tasks import callbacks, dispatch, emails, invoices, scans
from mailworker.tasks.app import app

SETTINGS = {
    # Only JSON goes in and out.
    "task_serializer": "json", "result_serializer": "json", "accept_content": ["json"],
    # A worker that dies gives its task back, and holds none but the one it works on.
    "task_acks_late": True, "task_reject_on_worker_lost": True, "worker_prefetch_multiplier": 1,
    "task_ignore_result": True, "result_expires": 3600,
    # Below the visibility timeout, and hard.
    "task_time_limit": 110, "task_soft_time_limit": None,
    "task_create_missing_queues": False, "worker_direct": True, "task_default_queue": "mail.normal",
    # Redis may be away for as long as it likes.
    "broker_connection_retry_on_startup": True, "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_send_task_events": True, "timezone": "UTC", "worker_hijack_root_logger": False,
    "beat_scheduler": "mailworker.tasks.bounded_beat:BoundedScheduler",
    "worker_consumer": "mailworker.tasks.unreadable_messages:CarefulConsumer",
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SETTINGS.items())
def test_a_setting(name, value):
    assert app.conf[name] == value


def test_how_the_broker_is_asked():
    expected = {
        "visibility_timeout": 120, "unacked_restore_interval": 5, "unacked_restore_throttle": 1,
        "socket_timeout": 10, "socket_connect_timeout": 5, "socket_keepalive": True, "health_check_interval": 10,
    }  # fmt: skip
    assert app.conf.broker_transport_options.items() >= expected.items()
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]
    waits = {"socket_timeout": 10, "socket_connect_timeout": 5}
    assert app.conf.result_backend_transport_options.items() >= waits.items()


def test_what_beat_starts_and_how_often():
    often = {
        entry["task"].removeprefix("mailworker."): entry["schedule"]
        for entry in app.conf.beat_schedule.values()
    }
    assert often == {
        "sweep": 5, "sync_sweep": 5, "tell_callbacks": 5, "campaign_step": 5, "match_events": 60, "scan_when_due": 60,
        "roll_up": 300, "forget": 3600,
    }  # fmt: skip
    assert all(entry["options"] == {"expires": 172_800} for entry in app.conf.beat_schedule.values())


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        *((f"mailworker.{one}", "scans") for one in (
            "sweep", "reconcile", "forget", "tell_callbacks", "roll_up", "match_events", "scan_invoices", "statistics",
        )),
        *((f"mailworker.{one}", "contacts") for one in (
            "sync_contacts", "sync_customer", "delete_contact", "campaign_send", "suppressions_add",
        )),
        ("mailworker.render", "render"),
    ],
)  # fmt: skip
def test_whose_queue_a_task_waits_in(task, queue):
    assert app.amqp.router.route({}, task)["queue"].name == queue


TASKS = {
    # Somebody waits for the answer; what cannot be taken now is tried again, or is not.
    "IntakeTask": "delete_contact record_events send_email send_emails send_invoice send_invoice_reminder sync_all_contacts "
    "sync_contact sync_customer",
    "CommandTask": "campaign_cancel campaign_create campaign_pause campaign_progress campaign_resume campaign_schedule "
    "campaign_send campaign_stats campaign_test scan_balances scan_overdue_invoices statistics statistics_by_campaign "
    "suppressions_add suppressions_lift suppressions_list suppressions_opt_in suppressions_show",
    "HealthTask": "health",
    # Nobody does; Flower shows some of them, and of some their results.
    "HousekeepingTask": "campaign_step forget match_events roll_up scan_when_due sweep sync_sweep tell_callbacks tell_status",
    "ShownTask": "dispatch drain render",
    "DiscreetTask": "drain_events drain_ocs reconcile sync_in_background sync_stream sync_tell",
}


def test_each_task_by_the_name_that_is_on_its_queue_and_how_it_behaves():
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if name.startswith("mailworker.")}
    expected = {f"mailworker.{name}": base for base, names in TASKS.items() for name in names.split()}
    assert {name: type(task).__base__.__name__ for name, task in ours.items()} == expected
    # A page of a full sync alone may take longer.
    limits = {name: task.time_limit for name, task in ours.items() if task.time_limit is not None}
    assert limits == {"mailworker.sync_in_background": 600}


def test_how_long_tasks_go_on_in_seconds_far_below_their_time_limit():
    found = (
        dispatch.SLICE_SECONDS,
        emails.CALL_SECONDS,
        scans.SLICE_SECONDS,
        invoices.RENDER_SECONDS,
        callbacks.RUN_SECONDS,
    )
    assert found == (5, 40, 40, 20, 20)
    assert 2 * max(found) < app.conf.task_time_limit
