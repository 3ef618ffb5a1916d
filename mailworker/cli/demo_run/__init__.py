"""What `mailworker demo` does."""
