"""What all tests share."""

from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.integration.postgres",
    "tests.integration.mariadb",
    "mailworker.simulator.pytest_plugin",
]
