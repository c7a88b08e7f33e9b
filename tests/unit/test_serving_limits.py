"""The rate limit lets a burst through, then a steady rate, key by key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hiu_serving.api.limits import RateLimit


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_then_a_wait() -> None:
    clock = Clock()
    limit = RateLimit(per_minute=30, burst=3, clock=clock)
    assert [limit.seconds_to_wait("a") for _ in range(4)] == [0, 0, 0, 2]
    clock.seconds += 2
    assert [limit.seconds_to_wait("a") for _ in range(2)] == [0, 2]


def test_keys_do_not_use_up_each_others_share() -> None:
    limit = RateLimit(per_minute=1, burst=1, clock=Clock())
    assert limit.seconds_to_wait("a") == 0
    assert limit.seconds_to_wait("b") == 0
    assert limit.seconds_to_wait("a") == 60


def test_zero_means_no_limit() -> None:
    limit = RateLimit(per_minute=0, burst=1, clock=Clock())
    assert {limit.seconds_to_wait("a") for _ in range(100)} == {0}


@given(st.integers(1, 600), st.integers(1, 20), st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_allow(
    per_minute: int, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    limit = RateLimit(per_minute, burst, clock)
    granted = 0
    for pause in pauses:
        clock.seconds += pause
        granted += limit.seconds_to_wait("a") == 0
    assert granted <= burst + sum(pauses) * per_minute / 60 + 1e-6


@given(st.integers(1, 600), st.integers(1, 5))
def test_waiting_as_told_is_enough(per_minute: int, burst: int) -> None:
    clock = Clock()
    limit = RateLimit(per_minute, burst, clock)
    while (wait := limit.seconds_to_wait("a")) == 0:
        pass
    clock.seconds += wait
    assert limit.seconds_to_wait("a") == 0
