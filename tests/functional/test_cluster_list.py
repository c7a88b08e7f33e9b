"""The day's list made in parts is the list made in one piece, to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_features.parts import Job
from hiu_features.publishing import WorkInterruptedError
from hiu_features.write import run
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Caseload, Histories, People, together
from hiu_risk.model import Bundle
from hiu_risk.model.horizons import HorizonFamily
from hiu_risk.store import Store
from hiu_risk.times import DAY
from hiu_serving.cautions import Caution
from hiu_serving.chances import chances_of
from hiu_serving.coverage import Floor
from hiu_serving.in_parts import InParts
from hiu_serving.score import make_worklist
from hiu_serving.scorer import Scorer
from hiu_serving.worklist import Before, Worklist
from tests.support.histories import random_histories, seconds
from tests.support.serving import make_bundle, reserving
from tests.support.stores import write_store

AS_OF = seconds("2023-07-01")
PER_PART = 700


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    histories = random_histories(seed=21, n_people=900, n_events=7_000)
    people = histories.people
    lately = np.arange(900) % 25 == 0
    registered = np.where(lately, AS_OF - 20 * DAY, people.registered_from)
    histories = replace(histories, people=replace(people, registered_from=registered))
    path = tmp_path_factory.mktemp("list") / "store"
    return Store.open(write_store(histories, path, row_group=1_000))


def both(
    store: Store, scorer: Scorer, scratch: Path, as_of: int = AS_OF, **how: Any
) -> tuple[Worklist, Worklist]:
    """The list in one piece, and in parts."""
    histories, how = store.histories(), {"capacity": 40, "store_hash": "s", **how}
    parts = InParts(store, as_of, scorer, scratch / ".scores", run, PER_PART)
    assert len(parts.job.parts) > 5
    return (
        make_worklist(histories, as_of, scorer, **how),
        make_worklist(parts.people(), as_of, scorer, everybody=parts, **how),
    )


def test_lists_are_equal_with_what_changed_and_who_is_not_scored(
    store: Store, tmp_path: Path
) -> None:
    scorer = Scorer.of(make_bundle())
    earlier, _ = both(store, scorer, tmp_path, AS_OF - 7 * DAY)
    ranks = {entry.person: entry.rank for entry in earlier.entries}
    doubted: list[list[int]] = []

    def doubts(people: list[int]) -> Mapping[int, Caution]:
        doubted.append(people)
        return {people[3]: Caution("identity_doubtful", "Identity not certain.")}

    before = Before(AS_OF - 7 * DAY, ranks, scorer.id)
    whole, made = both(store, scorer, tmp_path, before=before, doubts=doubts)
    assert asdict(made) == asdict(whole)
    assert list(made.exclusions) == list(whole.exclusions)
    assert doubted[0] == doubted[1]
    assert doubted[0] != sorted(doubted[0])  # the list's order is not the store's
    assert len(made.entries) == 40
    assert len({entry.change for entry in made.entries}) > 1
    assert len(made.abstained) > 3
    assert all(feed.newest_known_at for feed in made.freshness)
    assert list(tmp_path.iterdir()) == []  # nothing is left of the parts


@pytest.mark.parametrize("column", ["sex", "age_band", "site"])
def test_reserved_places_are_drawn_alike(store: Store, tmp_path: Path, column: str) -> None:
    scorer = Scorer.of(reserving(make_bundle(), column))
    whole, made = both(store, scorer, tmp_path)
    assert made == whole
    assert made.reserved is not None
    assert made.reserved.expected < made.reserved.expected_by_score


def test_everybody_or_nobody_listed_is_the_same_too(store: Store, tmp_path: Path) -> None:
    whole, made = both(store, Scorer.of(make_bundle()), tmp_path, capacity=1_000)
    assert made == whole
    assert len(made.entries) == made.n_scored > 100
    strict = Scorer.of(make_bundle(), floor=Floor(90))
    whole, made = both(store, strict, tmp_path, seconds("2022-03-01"))
    assert made == whole
    assert made.n_scored == 0
    assert {one.code for one in made.abstained} == {"feeds_too_short"}


def test_chances_at_other_horizons_are_those_of_one_piece(store: Store, tmp_path: Path) -> None:
    scorer = Scorer.of(make_bundle())
    later = scorer.bundle
    later = replace(later, manifest=replace(later.manifest, horizon_days=180))
    family = HorizonFamily(scorer.bundle, [later])
    parts = InParts(store, AS_OF, scorer, tmp_path / ".scores", run, PER_PART)
    made = make_worklist(
        parts.people(), AS_OF, scorer, capacity=20, store_hash="s", everybody=parts
    )
    listed = parts.histories_by_name([entry.person for entry in made.entries])
    assert listed.n_people == 20
    whole = chances_of(store.histories(), scorer, family, made)
    assert chances_of(listed, scorer, family, made) == whole


def test_histories_of_some_people_are_theirs_in_the_order_asked_for(
    store: Store, tmp_path: Path
) -> None:
    whole, scorer = store.histories(), Scorer.of(make_bundle())
    parts = InParts(store, AS_OF, scorer, tmp_path / ".scores", run, PER_PART)
    asked = np.random.default_rng(5).permutation(900)[:300]
    assert len(np.intersect1d(asked, whole.caseload.person)) > 5
    for people in (asked, np.arange(900), np.empty(0, np.int64)):
        same(parts.histories_of(people), whole.take(people))
    same(together([whole]), whole)


def same(one: Histories, other: Histories) -> None:
    for name in Histories.__dataclass_fields__:
        left, right = plain(getattr(one, name)), plain(getattr(other, name))
        assert left.keys() == right.keys()
        for column, values in left.items():
            np.testing.assert_array_equal(values, right[column])


def plain(field: Any) -> dict[str, Any]:
    """One field's columns; spells on a caseload in the order of people."""
    if isinstance(field, Caseload):
        order = np.lexsort((field.start, field.person))
        return {name: values[order] for name, values in vars(field).items()}
    return dict(vars(field)) if isinstance(field, People) else {"": field}


def spoilt(bundle: Bundle) -> Any:
    def do(job: Job, out: Path) -> Mapping[str, Any]:
        raise WorkInterruptedError("gone", where=bundle.id)

    return do


def test_a_list_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    scorer = Scorer.of(make_bundle())
    (tmp_path / "file").touch()
    for do, scratch, error, said in (
        (spoilt(scorer.bundle), tmp_path / ".scores", WorkInterruptedError, "gone"),
        (run, tmp_path / "file" / ".scores", UsageError, "can't write: Not a directory"),
    ):
        parts = InParts(store, AS_OF, scorer, scratch, do, PER_PART)
        with pytest.raises(error, match=said):
            make_worklist(
                parts.people(), AS_OF, scorer, capacity=20, store_hash="s", everybody=parts
            )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_store_replaced_meanwhile_is_not_mixed_with_the_old_one(
    store: Store, tmp_path: Path
) -> None:
    write_store(random_histories(n_people=50, n_events=300), tmp_path / "store")
    opened = Store.open(tmp_path / "store")
    old = replace(opened, manifest=opened.manifest.model_copy(update={"content_hash": "0"}))
    parts = InParts(old, AS_OF, Scorer.of(make_bundle()), tmp_path / ".scores", run)
    with pytest.raises(DataError, match="replaced while it was read"):
        parts.standing()
