"""A program that has only Celery, of the version of its environment: calls every task of the contract by name.

usage: python caller.py REDIS_URL CALLS; CALLS is JSON: [[task, queue, kwargs], ...]. Prints one JSON list: what
each `.get()` answered, or the error's name and text.
"""

import json
import sys

from celery import Celery, __version__

url, calls = sys.argv[1], json.loads(sys.argv[2])
app = Celery("caller", broker=url, backend=url)
app.conf.broker_transport_options = {"socket_timeout": 10}


def outcome(result):
    try:
        return {"answer": result.get(timeout=30)}
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        return {"error": type(error).__name__, "says": str(error)}


pending = [app.send_task(name, kwargs=kwargs, queue=queue) for name, queue, kwargs in calls]
json.dump({"version": __version__, "answers": [outcome(one) for one in pending]}, sys.stdout)
