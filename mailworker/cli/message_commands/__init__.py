"""What `mailworker messages` does."""
