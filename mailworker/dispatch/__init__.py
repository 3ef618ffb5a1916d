"""From ready rows to one call to Mailjet, and from its answer back to the rows."""

from mailworker.dispatch.dispatcher import AskAgain, Dispatched, Dispatcher, Hands, Post
from mailworker.dispatch.outgoing import Files

__all__ = ["AskAgain", "Dispatched", "Dispatcher", "Files", "Hands", "Post"]
