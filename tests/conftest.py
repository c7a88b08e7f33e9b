"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# Tests say what is true, never how fast: a busy machine must not fail one.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")
