"""From ready rows to one call to Mailjet, and from its answer back to the rows."""

from mailworker.dispatch.concurrent_calls import Pipeline
from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.interfaces import DispatchDependencies, Dispatched, Post, PreSendQuestions, SentMail
from mailworker.dispatch.outgoing_mail import FileReader

__all__ = [
    "DispatchDependencies",
    "Dispatched",
    "Dispatcher",
    "FileReader",
    "Pipeline",
    "Post",
    "PreSendQuestions",
    "SentMail",
]
