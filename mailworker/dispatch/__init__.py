"""From ready rows to one call to Mailjet, and from its answer back to the rows."""

from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.outgoing import Files
from mailworker.dispatch.parts import AskAgain, Dispatched, Hands, Post
from mailworker.dispatch.pipeline import Pipeline

__all__ = ["AskAgain", "Dispatched", "Dispatcher", "Files", "Hands", "Pipeline", "Post"]
