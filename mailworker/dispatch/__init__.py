"""From ready rows to one call to Mailjet, and from its answer back to the rows."""

from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.outgoing import Files
from mailworker.dispatch.parts import AskAgain, Dispatched, Hands, Post

__all__ = ["AskAgain", "Dispatched", "Dispatcher", "Files", "Hands", "Post"]
