"""Second outcome, reserved places, drivers, proxies, dates and trend, where the truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_features import build, default_catalogue
from hiu_risk.errors import DataError, ModelError, UsageError
from hiu_risk.histories import Feed
from hiu_risk.reserve import reserved
from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import DAY, FOREVER
from hiu_training.audit.dates import audit_dates, quarter_of
from hiu_training.audit.drivers import drivers_of, proxies_of
from hiu_training.audit.kept import trend_of
from hiu_training.audit.last_date import LastDate
from hiu_training.audit.mitigation import calibration_error
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.protocol import parse_protocol
from hiu_training.rows.second_outcome import second_outcome
from tests.support.audit import World
from tests.support.histories import make_histories, random_histories, seconds
from tests.support.serving import make_bundle

RULE = SmallNumbers()


# Second outcome


def admitted(person, occurred, kind="emergency"):
    return {"person": person, "occurred": occurred, "source": "admission", "kind": kind}


def feed(source, until):
    return Feed(source, seconds("2023-01-01"), seconds(until))


def test_the_second_outcome_is_an_emergency_admission_or_death_in_the_horizon():
    as_of = seconds("2024-06-01")
    events = [
        admitted("inside", "2024-06-20"), admitted("before", "2024-05-20"),
        admitted("after", "2024-09-20"), admitted("elective", "2024-06-20", "elective"),
        admitted("gone", "2024-08-01"),
    ]  # fmt: skip
    people = [
        {"id": name} for name in ("inside", "before", "after", "elective")
    ] + [
        {"id": "gone", "registered_to": "2024-07-01"}, {"id": "dead", "died": "2024-07-01"},
    ]  # fmt: skip
    feeds = tuple(feed(source, "2025-01-01") for source in ("call", "admission"))
    histories = make_histories(events, people, feeds=feeds)
    found = second_outcome(histories, parse_protocol(""))
    assert found is not None
    assert found.title == "an emergency admission or death within 90 days"
    ids = histories.people.id.tolist()
    labels = found.labels(np.arange(len(ids), dtype=np.int32), as_of)
    assert dict(zip(ids, labels.tolist(), strict=True)) == {
        "inside": 1, "before": 0, "after": 0, "elective": 0, "gone": -1, "dead": 1,
    }  # fmt: skip


def test_a_horizon_beyond_the_admissions_is_not_known():
    feeds = (feed("call", "2025-01-01"), feed("admission", "2024-07-01"))
    histories = make_histories(
        [admitted("a", "2024-06-20"), admitted("b", "2024-01-01")], None, feeds=feeds
    )
    found = second_outcome(histories, parse_protocol(""))
    labels = found.labels(np.array([0, 1], np.int32), seconds("2024-06-01"))
    assert labels.tolist() == [1, -1]


def test_admissions_are_no_second_outcome_of_a_rule_that_counts_them():
    protocol = parse_protocol(
        '[definition]\nid = "x"\ntitle = "x"\nmin_age = 0\n'
        'clauses = [{ source = "admission", operator = ">=", count = 2, days = 90 }]\n'
    )
    feeds = (feed("admission", "2025-01-01"),)
    histories = make_histories([admitted("a", "2024-06-20")], None, feeds=feeds)
    assert second_outcome(histories, protocol) is None


def test_admissions_agree_with_plain_loops():
    histories = random_histories(3, 300, 3_000, "2023-01-01", "2024-06-01")
    found = second_outcome(histories, parse_protocol(""))
    if found is None or found.admissions is None:
        pytest.fail("the random region has no admissions")
    as_of = seconds("2023-10-01")
    who, when = found.admissions
    labels = found.labels(np.arange(histories.n_people, dtype=np.int32), as_of)
    for person in range(histories.n_people):
        end = as_of + 90 * DAY
        last = min(end, int(found.died_at[person]), int(found.gone_at[person]))
        mine = when[who == person]
        happened = bool(((mine >= as_of) & (mine < last)).any())
        happened |= as_of <= found.died_at[person] < end
        assert (labels[person] == 1) == happened


# Reserved places


@settings(deadline=None)
@given(st.integers(0, 1_000), st.integers(1, 4), st.integers(1, 60))
def test_a_reserved_list_is_as_long_as_asked_and_holds_the_highest_of_each_group(
    seed, groups, capacity
):
    rng = np.random.default_rng(seed)
    score, group = rng.uniform(1e-4, 0.5, 60), rng.integers(0, groups, 60)
    listed = reserved(score, group, capacity)
    assert listed.sum() == min(capacity, 60)
    for g in range(groups):
        mine = group == g
        if listed[mine].any() and not listed[mine].all():
            assert score[mine & listed].min() >= score[mine & ~listed].max()


def test_reserved_places_even_out_the_expected_share_found():
    rng = np.random.default_rng(1)
    group = (rng.random(20_000) < 0.3).astype(np.int64)
    score = 1 / (1 + np.exp(-(rng.normal(-5, 1, 20_000) - 0.8 * group)))
    listed = reserved(score, group, 500)
    shares = [score[(group == g) & listed].sum() / score[group == g].sum() for g in (0, 1)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    plain = score >= np.sort(score)[-500]
    apart = [score[(group == g) & plain].sum() / score[group == g].sum() for g in (0, 1)]
    assert abs(apart[0] - apart[1]) > 0.05


def test_scores_that_are_right_are_in_their_place_and_shifted_ones_are_not():
    rng = np.random.default_rng(2)
    score = 1 / (1 + np.exp(-rng.normal(-3, 1, 100_000)))
    label = (rng.random(100_000) < score).astype(np.int8)
    assert calibration_error(score, label) < 0.03
    assert calibration_error(score * 0.5, label) == pytest.approx(0.25, abs=0.02)


# Drivers and proxies


@pytest.fixture(scope="module")
def last_date():
    histories = random_histories(5, 2_500, 12_000, "2022-01-01", "2023-06-01")
    as_of = np.array([seconds("2023-05-01")])
    catalogue = default_catalogue()
    table = build(histories, as_of, catalogue, rows=np.ones((histories.n_people, 1), np.bool_))
    rng = np.random.default_rng(1)
    calls = table.values[:, catalogue.index("calls_365d")]
    groups = {
        "told": np.where(np.nan_to_num(calls) + rng.normal(0, 0.5, len(calls)) > 2, "many", "few"),
        "random": rng.choice(np.array(["x", "y"]), len(calls)),
        "sex": rng.choice(np.array(["female", "male"]), len(calls)),
    }
    return LastDate(int(as_of[0]), table.values, catalogue, groups, sampled=False)


def test_drivers_add_up_to_the_difference_of_whole_scores(last_date):
    bundle = make_bundle()
    log_odds = bundle.log_odds(last_date.values)
    [told] = drivers_of(last_date, bundle, ["told"], RULE)
    for group in told.groups:
        inside = last_date.groups["told"] == group.label.lower()
        gap = float(log_odds[inside].mean() - log_odds[~inside].mean())
        assert group.score.value == pytest.approx(gap, abs=0.006)
        total = sum(driver.difference.value for driver in group.drivers)
        assert total == pytest.approx(gap, abs=0.06)
        sizes = [abs(driver.difference.value) for driver in group.drivers]
        assert sizes == sorted(sizes, reverse=True)


def test_drivers_of_few_people_are_hidden(last_date):
    column = np.where(np.arange(len(last_date.values)) < 5, "few", "rest")
    date = dataclasses.replace(last_date, groups={"column": column})
    [grouping] = drivers_of(date, make_bundle(), ["column"], RULE)
    assert all(group.drivers == () and group.score == "*" for group in grouping.groups)


def test_a_proxy_is_found_and_chance_is_not(last_date):
    found = {p.label: p for p in proxies_of(last_date, ["told", "random"], RULE, seed=1)}
    assert found["Many"].without_itself.low > 0.85
    assert found["Many"].strongest_concept == "How often calls come"
    assert found["X"].without_itself.low < 0.55


def test_the_characteristic_itself_is_left_out_of_its_proxies(last_date):
    female = last_date.catalogue.index("sex_female")
    values = last_date.values.copy()
    values[:, female] = last_date.groups["sex"] == "female"
    date = dataclasses.replace(last_date, values=values)
    told = {p.label: p for p in proxies_of(date, ["sex"], RULE, seed=1)}["Female"]
    assert told.direct_inputs == ("sex_female",)
    assert told.without_itself.high < 0.6


# Dates


def test_quarters():
    assert [str(day) for day in quarter_of("2026q4")] == ["2026-10-01", "2027-01-01"]
    with pytest.raises(UsageError, match="write it as 2026Q3"):
        quarter_of("2026-3")


def dates(every="protocol", quarter="", trained="2023-06-01"):
    histories = random_histories(1, 50, 400, "2021-01-01", "2024-01-01")
    protocol = parse_protocol("")
    protocol = dataclasses.replace(protocol, audit=dataclasses.replace(protocol.audit, every=every))
    bundle = make_bundle(trained_through=seconds(trained))
    return audit_dates(histories, bundle, protocol, quarter)


def test_finer_dates_start_where_the_model_stopped_learning():
    found, _ = dates(every=7)
    assert found[0] == seconds("2023-06-01T23:00")  # the next midnight, in summer time
    assert set(np.diff(found).tolist()) <= {7 * DAY - 3600, 7 * DAY, 7 * DAY + 3600}
    assert found[-1] + 90 * DAY <= seconds("2024-01-01")


def test_a_quarter_gives_its_months_and_names_those_not_yet_known():
    found, unobserved = dates(quarter="2023Q3")
    assert len(found) == 3
    assert not unobserved
    found, unobserved = dates(quarter="2023Q4")
    assert len(found) == 1
    assert len(unobserved) == 2


def test_a_quarter_not_yet_observed_says_from_when_it_is_known():
    with pytest.raises(DataError, match=r"outcomes of 2024Q1 are not yet observed: .* 2024-03-31"):
        dates(quarter="2024Q1")


def test_dates_that_the_model_learned_from_are_refused():
    with pytest.raises(ModelError, match="learned from all of these dates"):
        dates(quarter="2022Q1")


# Trend


def test_the_trend_repeats_what_was_published_and_ends_with_now():
    world = World((0.42, 0.58), (0.4, 1.6), people=1_500, dates=2)
    plan = Plan(capacities=(60,), primary=60, resamples=100)
    old, new = (
        publish(audit(world.draw(seed), plan), Context(f"champion {name}", "rule"))
        for seed, name in ((1, "aaaaaaaaaaaa"), (2, "bbbbbbbbbbbb"))
    )
    points = trend_of(new, [old])
    assert [p.model for p in points if p.label == "Everybody"] == ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]
    told = {(p.model, p.label): p.group_missed for p in points}
    for document in (old, new):
        for group in document.groupings[0].groups:
            at = group.at[0]
            assert told[document.model.split()[1], group.label] == at.false_negative_rate
    assert trend_of(new, []) == ()
    other = old.model_copy(update={"definition": "another rule"})
    assert trend_of(new, [other]) == ()


def test_forever_is_not_a_death():
    histories = random_histories(1, 20, 100, "2022-01-01", "2023-01-01")
    people = dataclasses.replace(histories.people, died_at=np.full(histories.n_people, FOREVER))
    found = second_outcome(dataclasses.replace(histories, people=people), parse_protocol(""))
    assert found is None or "death" not in found.title
