"""The one sentence a board reads first must follow from the intervals."""

from __future__ import annotations

import pytest

from hiu_training.judging.verdict import verdict


def found(**rankers: tuple[float, float | None, float | None]):
    """Rankers as value of their average precision, and interval of model minus ranker."""
    return {
        "rankers": {
            "model": {"average_precision": {"value": 0.3}},
            **{name: {"average_precision": {"value": v}} for name, (v, _, _) in rankers.items()},
        },
        "differences": {
            name: {"average_precision": {"low": low, "high": high}}
            for name, (_, low, high) in rankers.items()
        },
    }


@pytest.mark.parametrize(
    ("rankers", "said"),
    [
        ({"anchor": (0.2, 0.01, 0.2), "count_30d": (0.1, 0.1, 0.3)}, "beats the best baseline"),
        ({"anchor": (0.2, -0.01, 0.2), "count_30d": (0.1, 0.1, 0.3)}, "does not clearly beat"),
        ({"anchor": (0.4, -0.2, -0.01), "count_30d": (0.1, 0.1, 0.3)}, "is worse than the anchor"),
        # worse than one that is not the best in points
        ({"anchor": (0.4, -0.3, 0.1), "count_30d": (0.39, -0.2, -0.01)}, "than the 30-day count"),
        ({"anchor": (0.3, 0.0, 0.0), "count_30d": (0.1, 0.1, 0.3)}, "ranks as the anchor does"),
        ({"anchor": (0.3, 0.0, 0.0), "count_30d": (0.1, 0.1, 0.3)}, "the best baseline, the 30"),
        ({"anchor": (0.2, None, None)}, "Too few people"),
        # plain about counting, whether or not a count is the best baseline
        ({"anchor": (0.2, 0.01, 0.2), "count_30d": (0.1, -0.1, 0.3)}, "Nor is it shown to beat the "
         "30-day count: ranking by that would be simpler."),
        ({"anchor": (0.1, 0.1, 0.2), "count_30d": (0.2, -0.1, 0.3)}, "Ranking by that count would "
         "be simpler."),
        ({"anchor": (0.2, 0.1, 0.3), "true_intensity": (0.9, -0.7, -0.5)}, "beats the best"),
    ],
)  # fmt: skip
def test_the_verdict_follows_from_the_intervals(rankers, said):
    assert said in verdict(found(**rankers))


@pytest.mark.parametrize("resamples", [0, 1])
def test_without_intervals_there_is_no_verdict_and_the_reason_is_the_right_one(resamples):
    said = verdict(found(anchor=(0.2, None, None)) | {"resamples": resamples})
    assert said.startswith(f"No intervals were asked for (resamples = {resamples})")
    assert "no verdict can be given" in said
    assert "Too few people" in verdict(found(anchor=(0.2, None, None)) | {"resamples": 2})


@pytest.mark.parametrize(
    ("people", "inside", "outside"),
    [
        (1, "Only 1 person became cases at these dates: no verdict can be given.", "Fewer than 20"),
        (7, "Only 7 people became cases at these dates: no verdict can be given.", "Fewer than 20"),
        (19, "Only 19 people became cases", "Fewer than 20 people became cases at these dates: no"),
        (20, "The model beats the best baseline", "The model beats the best baseline"),
    ],
)
def test_few_cases_give_no_verdict_and_their_number_stays_in_the_team(people, inside, outside):
    told = found(anchor=(0.2, 0.01, 0.2)) | {"population": {"positive_people": people}}
    assert verdict(told, counted=True).startswith(inside)
    assert verdict(told).startswith(outside)
    if people < 20:
        assert "beats" not in verdict(told)
        assert not any(word == str(people) for word in verdict(told).split())
