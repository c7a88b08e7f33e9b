"""Reserved places: drawn as the audit prices them, ties counted, the decision read."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiu_risk.errors import DataError
from hiu_risk.histories import Histories
from hiu_risk.reserve import reserved
from hiu_serving.reserving import Reserved, draw, groups_by
from hiu_serving.score import ranking
from tests.support.region import random_region
from tests.support.serving import AS_OF, make_bundle, reserving

PEOPLE = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.4, 0.8]), st.integers(0, 2)), max_size=25)


@given(PEOPLE, st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_list_is_drawn_by_score_within_groups_and_by_pseudonym_within_scores(
    people: list[tuple[float, int]], capacity: int, shuffle: Random
) -> None:
    ids = np.array([f"p{i:02}" for i in range(len(people))])
    shuffle.shuffle(people)
    scores = np.array([score for score, _ in people])
    group = np.array([g for _, g in people], np.int64)
    order = ranking(scores, ids)
    rows, tied = draw(scores, group, order, capacity)
    assert len(rows) == min(capacity, len(people))
    assert rows.tolist() == [row for row in order.tolist() if row in set(rows.tolist())]
    # the audit's own function chooses as many of each group
    priced = reserved(scores, group, capacity)
    assert sorted(group[rows].tolist()) == sorted(group[priced].tolist())
    lucky = 0
    for g in set(group.tolist()):
        mine = [row for row in order.tolist() if group[row] == g]
        listed = [row for row in rows.tolist() if group[row] == g]
        assert listed == mine[: len(listed)]
        lucky += sum(
            bool(listed) and scores[row] == scores[listed[-1]] for row in mine[len(listed) :]
        )
    assert tied == lucky


def test_who_decided_is_read_from_the_model_and_other_choices_are_not_taken_for_it() -> None:
    bundle = make_bundle()
    found = Reserved.of(reserving(bundle, "imd_quintile"))
    assert found == Reserved("imd_quintile", "A. Reader", AS_OF - 30 * 86_400, bundle.version)
    assert found is not None
    assert "reserved by deprivation, so that" in found.text
    assert Reserved.of(bundle) is None
    for name in ("none", "drop:protected"):
        assert Reserved.of(reserving(bundle, "sex", name=name)) is None


def _without(histories: Histories, **columns: np.ndarray) -> Histories:
    return replace(histories, people=replace(histories.people, **columns))


def test_groups_that_nobody_knows_reserve_nothing_in_silence() -> None:
    _, histories = random_region(seed=3, n_people=50, n_events=200, until=AS_OF)
    decided = Reserved("sex", "A. Reader", 0, "b" * 12)
    assert len(np.unique(groups_by(decided, histories, AS_OF, None, "v"))) >= 2
    unknown = np.zeros_like(histories.people.sex)
    one = np.where(np.arange(50) < 25, 0, 1).astype(histories.people.sex.dtype)
    for sexes in (unknown, one):
        with pytest.raises(DataError, match="the store doesn't tell people apart by it"):
            groups_by(decided, _without(histories, sex=sexes), AS_OF, None, "v")
    further = Reserved("language", "A. Reader", 0, "b" * 12)
    with pytest.raises(DataError, match=r"column language of the store's people.*bbbbbbbbbbbb"):
        groups_by(further, histories, AS_OF, None, "v")
    labels = np.array(["a", "b"] * 25)
    assert groups_by(further, histories, AS_OF, lambda _: labels, "v").tolist() == [0, 1] * 25
