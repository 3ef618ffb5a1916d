"""Is this a job we can do? The same check at the client and again at the worker."""
