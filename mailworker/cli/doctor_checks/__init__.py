"""What `mailworker doctor` looks at: one file a subject, each fault a sentence with its cure."""
