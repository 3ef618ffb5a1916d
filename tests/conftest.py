"""What all tests share."""

pytest_plugins = ["tests.integration.postgres", "tests.integration.mariadb"]
