"""What both scans share: the runner with its lease and pages, drafts of messages, questions to the CRM."""
