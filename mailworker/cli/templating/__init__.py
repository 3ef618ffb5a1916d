"""What `mailworker templates` does."""
