"""The queues, each named once. Every one of them must have a worker."""

from kombu import Exchange, Queue

from mailworker.queue.channels import BULK, CONTACT_JOBS, NORMAL, RENDERING, SCANS, URGENT

#: Where `send_task` puts a job when its caller names no queue: Celery's own default. The worker of
#: `mail.normal` serves it too, so that such a job does not wait where nobody looks.
CELERYS_DEFAULT = "celery"

ALL = (URGENT, NORMAL, BULK, RENDERING, CONTACT_JOBS, SCANS, CELERYS_DEFAULT)

# Each with an exchange of its own: without one, all would be bound to the default queue's key, and a message
# published to that exchange would land in every queue.
DECLARED = tuple(Queue(name, Exchange(name), routing_key=name) for name in ALL)
