"""The parts of the synthetic region: identifiers, clocks, the process and its truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import DataError, UsageError
from hiu_risk.ingest.pseudonym import is_nhs_number
from hiu_risk.synth.dynamics import HORIZON_DAYS, Traits
from hiu_risk.synth.faults import FAULTS
from hiu_risk.synth.identity import nhs_numbers, nhs_numbers_available
from hiu_risk.synth.parameters import Identity, Rates, RegionParameters
from hiu_risk.synth.process import Contacts, Spans, Truth, run
from hiu_risk.synth.region import BLOCK, Plan, write_region
from hiu_risk.synth.truth import TruthRows, read_truth
from hiu_risk.synth.uktime import to_utc, to_wall
from hiu_risk.times import DAY

LONDON = ZoneInfo("Europe/London")


def traits(n: int, **values: float) -> Traits:
    """So many people alike."""
    default = {
        "enter": -1e6, "leave": 1e6, "adult_from": -1e6, "calls": 0.01, "attendances": 0.002,
        "escalation": 1e-9, "illness": 1e-9, "crisis_calls": 0.5, "linked": 1.0, "counted": 1.0,
    }  # fmt: skip
    return Traits(**{k: np.full(n, v) for k, v in {**default, **values}.items()})


def simulated(
    people: Traits, rates: Rates, days: int = 720, seed: int = 1
) -> tuple[Contacts, Truth, Spans, Spans]:
    streams = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    index_days = np.arange(60.0, days, 120.0)
    return run(*streams, rates, people, index_days, float(days), 15.0)


def test_synthetic_nhs_numbers_are_valid_distinct_and_in_the_unused_range() -> None:
    numbers = nhs_numbers(np.arange(nhs_numbers_available()))
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() >= 9_990_000_000
    assert numbers.max() <= 9_999_999_999
    assert all(is_nhs_number(str(number)) for number in numbers[:: len(numbers) // 5_000].tolist())


@settings(deadline=None)  # the first call loads the zones
@given(st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001
def test_local_clock_readings_become_the_utc_that_zoneinfo_gives(naive: datetime) -> None:
    wall = int((naive.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
    aware = naive.replace(microsecond=0, tzinfo=LONDON)
    expected = aware.astimezone(UTC)
    if expected.astimezone(LONDON).replace(tzinfo=None) != naive.replace(microsecond=0):
        # A reading that never occurs becomes the moment the clocks go forward.
        expected = expected.replace(minute=0, second=0)
    utc = to_utc(np.array([wall]))
    assert int(utc[0]) == int(expected.timestamp())


def test_utc_becomes_the_local_clock_that_zoneinfo_shows() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    utc = [start + timedelta(hours=13 * k) for k in range(700)]
    wall = to_wall(np.array([int(moment.timestamp()) for moment in utc]))
    expected = [moment.astimezone(LONDON).replace(tzinfo=UTC).timestamp() for moment in utc]
    np.testing.assert_array_equal(wall, expected)


def test_settled_people_call_at_the_stationary_rate_of_a_self_exciting_process() -> None:
    rates = Rates(excitation_mean=0.3, season_swing=0.0, enrolment_probability=0.0)
    happened, *_ = simulated(traits(2_000, calls=0.02), rates)
    expected = 2_000 * 720 * 0.02 / (1 - 0.3)
    # A self-exciting count varies 1 / (1 - mean)^2 times as much as a Poisson count.
    spread = np.sqrt(expected) / (1 - 0.3)
    assert abs(happened.is_call.sum() - expected) < 4 * spread


def test_a_call_raises_the_rate_for_days() -> None:
    rates = Rates(excitation_mean=0.3, season_swing=0.0, enrolment_probability=0.0)
    happened, *_ = simulated(traits(3_000, calls=0.01), rates)
    calls = happened.is_call
    gaps = np.diff(happened.day[calls])[np.diff(happened.person[calls]) == 0]
    soon = np.mean(gaps < rates.excitation_days)
    without = 1 - np.exp(-rates.excitation_days * 0.01)
    assert soon > 3 * without


def test_the_expected_number_of_incidents_is_what_happens_on_average() -> None:
    rates = Rates(enrolment_probability=0.0)
    people = traits(4_000, escalation=0.004, illness=0.004, calls=0.01)
    happened, truth, *_ = simulated(people, rates, days=720)
    for column, day in enumerate(np.arange(60.0, 620.0, 120.0)):
        inside = happened.is_call & (happened.day >= day) & (happened.day < day + HORIZON_DAYS)
        counts = np.bincount(happened.person[inside], minlength=4_000)
        difference = counts - truth.expected[:, column]
        error = difference.std() / np.sqrt(len(difference))
        assert abs(difference.mean()) < 4 * error
        # The truth knows who: where a crisis is under way, far more is expected, and comes.
        crisis = truth.phase[:, column] == 3
        assert counts[crisis].mean() == pytest.approx(
            truth.expected[crisis, column].mean(), rel=0.2
        )


def test_the_probability_is_calibrated_phase_by_phase() -> None:
    rates = Rates(enrolment_probability=0.0)
    people = traits(4_000, escalation=0.001, illness=0.002, calls=0.008)
    happened, truth, *_ = simulated(people, rates)
    days, person = happened.day[happened.is_call], happened.person[happened.is_call]
    met = np.zeros(len(days), np.bool_)
    met[4:] |= (person[4:] == person[:-4]) & (days[4:] - days[:-4] < 30)
    met[11:] |= (person[11:] == person[:-11]) & (days[11:] - days[:-11] < 90)
    for phase in (0, 1, 2, 3, 5):
        said, came, people_in = 0.0, 0.0, 0
        for column, day in enumerate(np.arange(60.0, 620.0, 120.0)):
            here = truth.phase[:, column] == phase
            inside = met & (days >= day) & (days < day + HORIZON_DAYS)
            label = np.bincount(person[inside], minlength=4_000) > 0
            said += truth.probability[here, column].sum()
            came += label[here].sum()
            people_in += here.sum()
        assert people_in > 50
        share = came / people_in
        assert abs(came - said) < 4 * np.sqrt(people_in * share * (1 - share)) + 0.03 * came


def test_the_caseload_lowers_calls_by_its_true_effect() -> None:
    shared = {"excitation_mean": 0.1, "season_swing": 0.0, "enrolment_probability": 1.0}
    people = traits(1_500, calls=0.3, enter=0.0)
    in_spell = {}
    for effect in (0.0, -0.2):
        rates = Rates(**shared, caseload_effect=effect, enrolment_wait_days=8.0)
        happened, _, _, spells = simulated(people, rates, days=400)
        first = np.searchsorted(spells.person, np.arange(1_500))
        start, end = spells.start[first], np.minimum(spells.end[first], 400.0)
        inside = happened.is_call & (happened.day >= start[happened.person])
        inside &= happened.day < end[happened.person]
        in_spell[effect] = inside.sum() / (end - start).sum()
    # Given the history the intensity is 0.8 times; each averted call averts what it would excite.
    expected = 0.8 * (1 - 0.1) / (1 - 0.8 * 0.1)
    assert in_spell[-0.2] / in_spell[0.0] == pytest.approx(expected, abs=0.015)


def test_truth_is_found_by_person_and_day() -> None:
    value = np.array([0.1, 0.2, 0.3], np.float32)
    rows = TruthRows(
        np.array(["b", "a", "a"]), np.array([100, 100, 131]) * DAY, value, value, value
    )
    found = rows.at(np.array(["a", "b", "c", "a"]), np.array([131, 100, 100, 99]) * DAY - 3_600)
    np.testing.assert_allclose(found.probability, [0.3, 0.1, np.nan, np.nan], rtol=1e-6)


def test_a_missing_truth_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no truth file .*hiu-risk synth"):
        read_truth(tmp_path)


@pytest.mark.parametrize(
    ("people", "seed", "months", "said"),
    [
        (0, 1, 36, "a region needs people (--people)"),
        (10, -1, 36, "a seed is a whole number from 0 (--seed)"),
        (10, 1, 2, "a region spans 3 to 120 months (--months)"),
        (10, 1, 121, "a region spans 3 to 120 months (--months)"),
    ],
)
def test_an_impossible_region_is_refused(people: int, seed: int, months: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Plan(people, seed, months)
    assert str(caught.value).startswith(said)
    assert caught.value.exit_code == 2


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(UsageError, match="excitation_mean must be"):
        RegionParameters(rates=Rates(excitation_mean=1.0))
    with pytest.raises(UsageError, match="caseload_effect must be"):
        RegionParameters(rates=Rates(caseload_effect=0.1))
    with pytest.raises(UsageError, match="no ethnic group 'blue'"):
        RegionParameters(identity=Identity(missing_by_ethnic_group={"blue": 2.0}))


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    full = tmp_path / "region"
    full.mkdir()
    (full / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(UsageError, match="the output folder holds something already"):
        write_region(full, people=10, seed=1, months=3)
    assert [file.name for file in full.iterdir()] == ["mine.txt"]


def test_every_fault_breaks_one_rule() -> None:
    for kinds in FAULTS.values():
        rules = [rule for rule, _ in kinds]
        assert len(set(rules)) == len(rules)
    assert BLOCK == 2_000  # part of the format: see its docstring
