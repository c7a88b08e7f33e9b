"""What build refuses, and what its tables hold."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from hiu_features import Catalogue, Feature, Which, build, default_catalogue, warm_up
from hiu_features._kernel.calendar import date_numbers
from hiu_features._kernel.coverage import coverage
from hiu_features._kernel.rows import active, row_starts
from hiu_features._kernel.walk import fill
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import UNKNOWN_TIME
from hiu_risk.local_dates import date_numbers as by_the_calendar
from hiu_risk.times import DAY, LATEST, utc_offsets
from tests.support.histories import make_histories, random_histories, seconds

AS_OF = seconds("2024-03-01")


@pytest.fixture
def one():
    return make_histories([{"person": "a", "occurred": "2024-02-28", "reason": "falls"}])


@pytest.mark.parametrize(
    ("as_ofs", "message"),
    [
        ([], "rising order"),
        ([AS_OF, AS_OF], "rising order"),
        ([AS_OF, AS_OF - DAY], "rising order"),
        ([[AS_OF]], "rising order"),
        ([-1], "outside 1970 to 2100"),
        ([LATEST + 1], "outside 1970 to 2100"),
    ],
)
def test_index_dates_that_can_not_be(one, as_ofs, message):
    with pytest.raises(UsageError, match=message):
        build(one, as_ofs)


def test_rows_of_another_shape(one):
    for rows in (np.ones((2, 1), np.bool_), np.ones((1, 1), np.int64)):
        with pytest.raises(UsageError, match="rows must be a bool array"):
            build(one, [AS_OF], rows=rows)


def test_a_code_outside_its_vocabulary(one):
    with pytest.raises(DataError, match="not in its vocabulary"):
        build(replace(one, reason=np.array([200], np.uint8)), [AS_OF])


def test_codes_that_are_not_whole_numbers(one):
    with pytest.raises(DataError, match="whole numbers from 0 to 255"):
        build(replace(one, reason=np.array([np.nan])), [AS_OF])


def test_nobody_and_nothing():
    nobody = make_histories([], [])
    table = build(nobody, [AS_OF])
    assert table.values.shape == (0, len(default_catalogue()))
    assert table.to_arrow().num_rows == 0


def test_shapes_and_types(one):
    table = build(one, [AS_OF, AS_OF + DAY])
    assert (table.person.dtype, table.as_of.dtype) == (np.int32, np.int64)
    assert table.values.dtype == np.float32
    assert table.values.flags.c_contiguous
    assert len(table) == 2
    assert table.column("calls_7d").tolist() == [1, 1]
    assert table.row(1)["days_since_last_call"] == 3


def test_arrow_and_pandas_hold_the_same(one):
    table = build(one, [AS_OF])
    arrow, frame = table.to_arrow(), table.to_pandas()
    assert arrow.column_names == ["person", "as_of", *table.names]
    assert arrow.column("days_since_last_ae").null_count == 1
    assert arrow.column("as_of").to_pylist()[0].timestamp() == AS_OF
    assert frame.loc[0, "calls_28d"].tolist() == [1.0]
    assert frame["days_since_last_ae"].isna().all()


def test_polars_holds_the_same(one):
    polars = pytest.importorskip("polars")
    table = build(one, [AS_OF])
    frame = table.to_polars()
    assert isinstance(frame, polars.DataFrame)
    assert frame.equals(polars.from_arrow(table.to_arrow()))
    assert frame["calls_28d"].to_list() == [1.0]
    assert frame["days_since_last_ae"].null_count() == 1


def test_without_polars_it_says_so(one, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UsageError, match="polars is not installed"):
        build(one, [AS_OF]).to_polars()


def test_progress_adds_up_to_the_rows():
    histories = random_histories(2, n_people=100, n_events=800)
    seen = []
    table = build(histories, [seconds("2023-06-01")], progress=seen.append)
    assert sum(seen) == len(table)


def test_a_longer_lookback_of_another_feature_changes_nothing():
    histories = random_histories(5, n_people=80, n_events=900, start="2018-01-01")
    far = Feature(
        "calls_3000d", "count", {"which": Which(("call",)), "days": 3_000}, unit="incidents",
        sentence="{value:call}",
    )  # fmt: skip
    plain = build(histories, [seconds("2023-06-01")])
    more = build(histories, [seconds("2023-06-01")], default_catalogue().plus(far))
    assert plain.values.tobytes() == np.ascontiguousarray(more.values[:, :-1]).tobytes()
    assert (more.values[:, -1] >= more.column("calls_365d")).all()


def test_catalogues_of_one_primitive_each():
    histories = random_histories(6, n_people=50, n_events=500)
    whole = build(histories, [seconds("2023-06-01")])
    for feature in default_catalogue():
        alone = build(histories, [seconds("2023-06-01")], Catalogue((feature,)))
        assert alone.values[:, 0].tobytes() == whole.column(feature.name).tobytes(), feature.name


def test_one_compilation_serves_every_catalogue_and_every_kind_of_array(one):
    warm_up()
    frozen = {}
    for name in ("occurred_at", "source", "reason", "hour_of_week"):
        frozen[name] = getattr(one, name).copy()
        frozen[name].flags.writeable = False
    rows = np.ones((1, 2), np.bool_)[:, ::2]
    for histories in (one, replace(one, **frozen)):
        for catalogue in (default_catalogue(), default_catalogue().select(["age"])):
            build(histories, [AS_OF], catalogue)
            build(histories, np.array([AS_OF]), catalogue, rows=rows)
    assert [len(compiled.signatures) for compiled in (fill, active, row_starts, coverage)] == [
        1
    ] * 4


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Apia", "America/Sao_Paulo"])
def test_local_dates_are_those_of_the_calendar(zone):
    rng = np.random.default_rng(0)
    first, last = -120 * 366 * DAY, 130 * 366 * DAY
    moments = np.concatenate([rng.integers(first, last, 20_000), np.arange(first, last, DAY)])
    moments = np.append(moments, UNKNOWN_TIME)
    wanted = rng.random(len(moments)) < 0.9
    dates = date_numbers(moments, wanted, *utc_offsets(zone))
    known = wanted & (moments != UNKNOWN_TIME)
    assert (dates[~known] == 0).all()
    assert dates[known].tolist() == by_the_calendar(moments[known], zone).tolist()
