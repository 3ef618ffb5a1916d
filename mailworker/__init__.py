"""The asynchronous mail room of OmniCRM."""
