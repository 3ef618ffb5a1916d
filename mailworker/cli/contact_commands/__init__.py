"""What `mailworker contacts` does."""
