"""What `mailworker campaign` does."""
