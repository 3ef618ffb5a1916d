"""Other ways to send through Mailjet with Celery, written as their own documentation suggests."""
