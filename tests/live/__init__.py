"""What the local Mailjet is believed to answer, asked of the real one by who has an account: `make test-live`."""
