"""The transformer keeps scikit-learn's conventions and gives the features of `build`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from hiu_features import build, default_catalogue
from hiu_features.frames import histories_from_frame
from hiu_features.transformer import HistoryFeatures
from hiu_risk.codes import SEX
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.times import FOREVER
from tests.support.histories import make_histories, random_histories, seconds
from tests.support.stores import write_store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "features-notebook.md"
NAMES = ["calls_7d", "calls_365d", "days_since_last_call", "age"]


@pytest.fixture(scope="module")
def histories() -> Histories:
    return random_histories(seed=6, n_people=2_500, n_events=9_000)


@pytest.fixture(scope="module")
def rows(histories: Histories) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = rng.integers(seconds("2022-06-01"), seconds("2024-01-01"), 5_000)
    return pd.DataFrame({
        "person": histories.people.id[rng.integers(0, histories.n_people, 5_000)],
        "as_of": pd.to_datetime(times, unit="s", utc=True),
    })  # fmt: skip


def test_each_row_is_that_person_at_that_moment_in_the_order_given(
    histories: Histories, rows: pd.DataFrame
) -> None:
    values = HistoryFeatures(histories).fit_transform(rows)
    assert values.shape == (5_000, len(default_catalogue()))
    place = {person: i for i, person in enumerate(histories.people.id.tolist())}
    for i in range(0, 5_000, 250):
        one = histories.take(np.array([place[rows.person[i]]]))
        as_of = np.array([int(rows.as_of[i].timestamp())])
        alone = build(one, as_of, rows=np.ones((1, 1), np.bool_))
        np.testing.assert_array_equal(alone.values[0], values[i])


def test_positions_and_seconds_are_rows_as_well(histories: Histories, rows: pd.DataFrame) -> None:
    transformer = HistoryFeatures(histories, catalogue=NAMES)
    place = {person: i for i, person in enumerate(histories.people.id.tolist())}
    array = np.stack(
        [
            rows.person.map(place).to_numpy(),
            [int(moment.timestamp()) for moment in rows.as_of],
        ],
        axis=1,
    )
    by_name = transformer.fit_transform(rows)
    np.testing.assert_array_equal(transformer.fit_transform(array), by_name)
    table = pa.table({"person": array[:, 0], "as_of": array[:, 1]})
    np.testing.assert_array_equal(transformer.fit_transform(table), by_name)


def test_set_output_names_the_columns(histories: Histories, rows: pd.DataFrame) -> None:
    transformer = HistoryFeatures(histories, catalogue=NAMES).set_output(transform="pandas")
    frame = transformer.fit_transform(rows)
    assert list(frame.columns) == NAMES == transformer.get_feature_names_out().tolist()
    assert frame.index.equals(rows.index)
    assert (frame.dtypes == np.float32).all()
    polars = pytest.importorskip("polars")
    out = transformer.set_output(transform="polars").fit_transform(rows)
    assert isinstance(out, polars.DataFrame)
    assert out.columns == NAMES


def test_clones_have_the_same_parameters_and_share_the_histories(histories: Histories) -> None:
    one = HistoryFeatures(histories, catalogue=NAMES)
    two = clone(one)
    assert two is not one
    assert two.get_params() == {"histories": histories, "catalogue": NAMES}
    assert two.histories is histories


def test_it_works_under_cross_validation_grouped_by_person(
    histories: Histories, rows: pd.DataFrame
) -> None:
    model = make_pipeline(
        HistoryFeatures(histories, catalogue=NAMES),
        DecisionTreeClassifier(max_depth=4, random_state=0),
    )
    later = HistoryFeatures(histories, catalogue=["calls_30d"]).fit_transform(
        rows.assign(as_of=rows.as_of + pd.Timedelta(days=30))
    )
    scores = cross_val_predict(
        model, rows, later[:, 0] > 0, groups=rows.person, cv=GroupKFold(3), method="predict_proba"
    )
    happened = later[:, 0] > 0
    assert roc_auc_score(happened, scores[:, 1]) > 0.6


def test_a_store_is_read_where_it_is_named(
    histories: Histories, rows: pd.DataFrame, tmp_path: Path
) -> None:
    path = write_store(histories, tmp_path / "store")
    here = HistoryFeatures(histories, catalogue=NAMES).fit_transform(rows)
    np.testing.assert_array_equal(
        HistoryFeatures(str(path), catalogue=NAMES).fit_transform(rows), here
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"person": "nobody"}, "not in the histories (X, row 0)"),
        ({"as_of": pd.Timestamp("2024-01-01")}, "not times with a zone (X, as_of)"),
        ({"as_of": pd.NaT}, "without a person or a moment"),
    ],
)
def test_rows_that_cannot_be_are_refused_without_naming_anybody(
    histories: Histories, rows: pd.DataFrame, change: Mapping[str, Any], said: str
) -> None:
    wrong = rows.head(3).assign(**change)
    if "as_of" in change and change["as_of"] is pd.NaT:
        wrong["as_of"] = rows["as_of"].head(3).where([True, False, True])
    with pytest.raises(DataError) as caught:
        HistoryFeatures(histories, catalogue=NAMES).fit(wrong)
    assert said in str(caught.value)
    assert "nobody" not in str(caught.value)


def test_rows_need_both_columns_and_a_transformer_needs_histories(
    histories: Histories, rows: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match="the column 'as_of' is missing"):
        HistoryFeatures(histories).fit(rows[["person"]])
    with pytest.raises(UsageError, match="no histories"):
        HistoryFeatures().fit(rows)
    with pytest.raises(UsageError, match="calls_7d"):
        HistoryFeatures(histories, catalogue=["call_7d"]).fit(rows)


# scikit-learn's own checks


class FromMatrix(HistoryFeatures):
    """Reads rows from the first columns of any matrix, so that random ones make sense."""

    def _rows(self, X: Any, histories: Histories, *, reset: bool) -> Any:  # noqa: N803
        array = validate_data(self, X, reset=reset, dtype=np.float64)
        person = np.floor(np.abs(array[:, 0] * 97)).astype(np.int64) % histories.n_people
        days = np.floor(np.abs(array[:, -1] * 31)).astype(np.int64) % 700
        return person, seconds("2022-01-15") + days * 86_400


def failures(estimator: HistoryFeatures) -> set[str]:
    with_results = check_estimator(estimator, on_fail=None, on_skip=None)
    return {result["check_name"] for result in with_results if result["status"] == "failed"}


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_pass_when_matrices_are_read_as_rows(histories: Histories) -> None:
    few = histories.take(np.arange(60))
    assert failures(FromMatrix(few, catalogue=NAMES)) == set()


@pytest.mark.filterwarnings("ignore")
def test_the_page_names_the_checks_that_random_matrices_fail(histories: Histories) -> None:
    few = histories.take(np.arange(60))
    listed = PAGE.read_text(encoding="utf-8").split("<!-- checks -->")[1]
    named = {word.strip("`,. ") for word in listed.split() if word.startswith("`check_")}
    assert failures(HistoryFeatures(few, catalogue=NAMES)) == named


def test_features_import_without_scikit_learn() -> None:
    code = (
        "import sys, hiu_features, hiu_features.frames, hiu_features.write, hiu_features.cluster;"
        "print([m for m in ('sklearn', 'pandas', 'pyspark', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Frames


def test_a_frame_of_events_gives_the_histories_it_tells() -> None:
    frame = pd.DataFrame({
        "person": ["b", "a", "b"],
        "source": ["call", "ae", "call"],
        "occurred_at": pd.to_datetime(
            ["2024-03-02T10:00Z", "2024-03-01T09:00Z", "2024-03-01T08:00Z"]
        ),
        "reason": ["falls", None, "pain"],
    })  # fmt: skip
    people = pd.DataFrame({
        "person": ["b", "a"], "sex": ["female", None],
        "born_at": pd.to_datetime(["1950-01-01T00:00Z", None]),
    })  # fmt: skip
    told = histories_from_frame(frame, people, zone="UTC")
    drawn = make_histories(
        [
            {"person": "b", "occurred": "2024-03-02T10:00", "reason": "falls"},
            {"person": "a", "occurred": "2024-03-01T09:00", "source": "ae"},
            {"person": "b", "occurred": "2024-03-01T08:00", "reason": "pain"},
        ],
        [{"id": "b", "sex": "female", "born": "1950-01-01"}, {"id": "a", "born": None}],
        feeds=(),
    )
    for name in ("offsets", "occurred_at", "source", "reason", "hour_of_week"):
        np.testing.assert_array_equal(getattr(told, name), getattr(drawn, name))
    assert told.people.id.tolist() == ["b", "a"]
    assert told.people.sex.tolist() == [SEX.code("female"), 0]
    assert told.people.born_at.tolist() == drawn.people.born_at.tolist()
    assert told.people.died_at.tolist() == [FOREVER, FOREVER]


def test_pandas_polars_and_arrow_tell_the_same() -> None:
    polars = pytest.importorskip("polars")
    table = pa.table({
        "person": ["x", "x"], "source": ["call", "call"], "occurred_at": [1_000_000, 2_000_000],
        "available_at": [1_000_600, None],
    })  # fmt: skip
    pandas = table.to_pandas(types_mapper=pd.ArrowDtype).set_index(pd.Index([7, 3]))
    frames = (table, pandas, polars.from_arrow(table))
    for frame in frames:
        histories = histories_from_frame(frame)
        assert histories.available_at.tolist() == [1_000_600, 2_000_000]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": ["call"]}, "unknown column 'sources'"),
        ({"source": ["cal"]}, "unknown source code"),
        ({"occurred_at": ["2024-01-01"]}, "not times with a zone"),
        ({"available_at": [5]}, "known before it occurred"),
    ],
)
def test_bad_frames_are_refused(change: Mapping[str, Any], said: str) -> None:
    columns: dict[str, Any] = {"person": ["p"], "source": ["call"], "occurred_at": [10]}
    with pytest.raises(DataError, match=said):
        histories_from_frame(pa.table(columns | dict(change)))


def test_frames_that_are_none_lack_a_column_or_repeat_a_person_are_refused() -> None:
    events = pa.table({"person": ["p"], "source": ["call"], "occurred_at": [10]})
    with pytest.raises(DataError, match="not a data frame"):
        histories_from_frame(7)
    with pytest.raises(DataError, match="'source' is missing"):
        histories_from_frame(events.drop_columns(["source"]))
    with pytest.raises(DataError, match="a person is there twice"):
        histories_from_frame(events, pa.table({"person": ["p", "p"]}))
