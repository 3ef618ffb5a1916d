"""From ready rows to one call to Mailjet, and from its answer back to the rows."""

from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.interfaces import DispatchDependencies, Dispatched, Post, Recheck, SentMail
from mailworker.dispatch.outgoing_mail import FileReader
from mailworker.dispatch.pipeline import Pipeline

__all__ = [
    "DispatchDependencies",
    "Dispatched",
    "Dispatcher",
    "FileReader",
    "Pipeline",
    "Post",
    "Recheck",
    "SentMail",
]
