"""What `mailworker doctor` looks at."""
