"""A whole synthetic region: its files, its faults, its scale, and the truth beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from hiu_risk.cli.main import app
from hiu_risk.cli.train import read_true_risk
from hiu_risk.errors import UsageError
from hiu_risk.ingest.pseudonym import is_nhs_number
from hiu_risk.ingest.run import run_ingest
from hiu_risk.store import Store
from hiu_risk.synth import read_truth, region, truth_for_store, write_region
from hiu_risk.synth.extracts import LEFT
from tests.support.published import checked
from tests.support.synth_region import scale

KEY = b"a key for tests, long enough to be one"
PEOPLE, MONTHS, START = 12_000, 36, 18_993.0
FINAL_CALLS = """
    (select * from read_csv('{}/calls.csv', all_varchar = true) where call_id not like 'BAD%'
     qualify row_number() over (partition by call_id order by available_at desc) = 1)
"""
FINAL_AE = """
    (select * from read_csv('{}/ae.csv', all_varchar = true) where EC_Ident not like 'BAD%'
     qualify row_number() over (partition by EC_Ident order by Received_At desc) = 1)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "region"
    write_region(folder, people=PEOPLE, seed=1, months=MONTHS)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "small"
    write_region(folder, people=3_000, seed=7, months=12, workers=1)
    return folder


def query(sql: str, region_: Path) -> list[tuple[Any, ...]]:
    text = sql.replace("CALLS", FINAL_CALLS.format(region_)).replace("AE", FINAL_AE.format(region_))
    return duckdb.sql(text.replace("REGION", str(region_))).fetchall()


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(
    small: Path, tmp_path: Path
) -> None:
    write_region(tmp_path / "again", people=3_000, seed=7, months=12, workers=3)
    write_region(tmp_path / "other", people=3_000, seed=8, months=12)
    assert hashes(tmp_path / "again") == hashes(small)
    other = hashes(tmp_path / "other")
    same = [name for name, value in hashes(small).items() if other[name] == value]
    assert same == ["mapping.toml"]


def test_ingest_reads_it_and_rejects_and_merges_exactly_what_was_planted(
    small: Path, tmp_path: Path
) -> None:
    report = run_ingest(small / "mapping.toml", tmp_path / "store", key=KEY)
    planted = json.loads((small / "truth.json").read_text(encoding="utf-8"))["feeds"]
    for feed in report.manifest.feeds:
        expected = planted[feed.name]
        assert feed.read == expected["rows"]
        assert feed.rejects == expected["rejected"]
        assert feed.merged == expected["merged"]
        assert feed.accepted == feed.read - feed.rejected - feed.merged
    calls = next(feed for feed in report.manifest.feeds if feed.name == "calls")
    assert calls.corrected > 0.02 * calls.read
    assert 0.05 < calls.unlinked / calls.read < 0.25
    store = Store.open(tmp_path / "store")
    truth = truth_for_store(small, KEY)
    wanted = np.unique(truth.as_of)[5]
    here = truth.as_of == wanted
    found = truth.at(store.people_ids, np.full(len(store.people_ids), wanted))
    assert np.isfinite(found.probability).sum() == here.sum()
    assert found.probability[np.isfinite(found.probability)].sum() == pytest.approx(
        truth.probability[here].sum(), rel=1e-4
    )


def test_it_reaches_the_published_scale(made: Path) -> None:
    # Published: 205 of 83,994 people (0.24%) and 3.1% of incidents, over two months. Here some
    # hundred people are counted, each in one or two windows, so the share varies by about an
    # eighth and the incidents by a sixth of themselves: bands of two and a half errors.
    found = scale(made, START)
    assert found["frequent"] > 70
    assert 0.0024 * 0.7 < found["share_of_callers"] < 0.0024 * 1.3
    assert 0.031 * 0.6 < found["share_of_incidents"] < 0.031 * 1.4


@pytest.mark.slow
def test_a_larger_region_reaches_it_more_closely(tmp_path: Path) -> None:
    write_region(tmp_path / "region", people=150_000, seed=3)
    found = scale(tmp_path / "region", START)
    assert 0.0024 * 0.88 < found["share_of_callers"] < 0.0024 * 1.12
    assert 0.031 * 0.85 < found["share_of_incidents"] < 0.031 * 1.15
    assert found["frequent"] > 1_000


def test_people_mostly_call_once_or_twice_a_year(made: Path) -> None:
    rows = query(
        """select n, count(*) from (select nhs_number, count(distinct incident_id) as n from CALLS
           where nhs_number is not null and call_connected_at like '2023%' group by 1)
           group by 1 order by 1""",
        made,
    )
    counts = dict(rows)
    total = sum(counts.values())
    assert counts[1] + counts[2] > 0.6 * total
    assert counts[1] > counts[2] > counts[3]
    # Heavy tail: far more people with ten than a Poisson count of that mean would give.
    assert sum(n for k, n in counts.items() if k >= 10) > 20


def test_warning_signs_come_before_the_counts_rise(made: Path) -> None:
    episodes = """(select nhs_number, warning_from, crisis_from from 'REGION/truth-episodes.parquet'
        where crisis_from is not null and warning_from > timestamptz '2022-07-01'
        qualify row_number() over (partition by nhs_number order by warning_from) = 1)"""
    when = "(call_connected_at::timestamp at time zone 'Europe/London')"
    night = "hour(call_connected_at::timestamp) in (22, 23, 0, 1, 2, 3, 4, 5)"
    reason = "complaint_group in ('MENTAL HEALTH', 'FALLS', 'SELF HARM', 'ADDICTION', 'LONELINESS')"
    signs = {}
    spans = {
        "before": ("warning_from - interval 300 day", "warning_from"),
        "warning": ("warning_from", "crisis_from"),
        "crisis": ("crisis_from", "crisis_from + interval 20 day"),
    }
    for name, (start, end) in spans.items():
        signs[name] = query(
            f"""select count(*), avg(({night})::int), avg(({reason})::int),
                (select sum(epoch({end}) - epoch({start})) / 86400 from {episodes})
                from CALLS join {episodes} using (nhs_number)
                where {when} >= {start} and {when} < {end}""",  # noqa: S608
            made,
        )[0]
    calls, nights, reasons, _ = zip(*(signs[k] for k in spans), strict=True)
    per_day = [row[0] / row[3] for row in signs.values()]
    for shares, margin in ((nights, 0.2), (reasons, 0.3)):
        error = np.sqrt(0.25 / calls[0] + 0.25 / calls[1])
        assert shares[1] - shares[0] > margin > 3 * error
    # The counts only rise afterwards: a crisis is several times as busy as the warning.
    assert per_day[2] > 5 * per_day[1]


def test_people_leave_unseen_before_a_crisis(made: Path) -> None:
    unseen = f"EC_Discharge_Status_SNOMED_CT in {LEFT}"
    when = """((Arrival_Date || ' ' || Arrival_Time)::timestamp at time zone 'Europe/London')"""
    (before, during), = query(
        f"""select avg(({unseen})::int) filter ({when} < warning_from),
            avg(({unseen})::int) filter ({when} >= warning_from and {when} < crisis_from)
            from AE join 'REGION/truth-episodes.parquet' e
            on Der_Pseudo_NHS_Number = e.nhs_number where crisis_from is not null""",  # noqa: S608
        made,
    )  # fmt: skip
    assert during > before + 0.2


def test_known_group_differences_are_in_the_data(made: Path) -> None:
    rows = query(
        """select Ethnic_Category in ('M', 'N', 'P') as black,
             EC_Ident is not null and Index_Of_Multiple_Deprivation_Decile::int <= 2 as deprived,
             avg((Der_Pseudo_NHS_Number is null)::int), count(*) from AE
           where Ethnic_Category <> '99' group by 1, 2""",
        made,
    )
    missing = {(black, deprived): (share, n) for black, deprived, share, n in rows}
    others, black = missing[False, False], missing[True, False]
    error = np.sqrt(1 / (others[0] * others[1]) + 1 / (black[0] * black[1]))
    assert abs(np.log(black[0] / others[0]) - np.log(2.5)) < 3 * error
    deprived = missing[False, True]
    error = np.sqrt(1 / (others[0] * others[1]) + 1 / (deprived[0] * deprived[1]))
    assert abs(np.log(deprived[0] / others[0]) - np.log(1.5)) < 3 * error
    rates = query(
        """select imd_decile::int, avg(ln(calls_a_day)), count(*) from
           read_csv('REGION/people.csv', all_varchar = true)
           join 'REGION/truth-people.parquet' using (nhs_number)
           where date_of_birth between '1949' and '2003' group by 1 order by 1""",
        made,
    )
    decile, level, _ = np.array(rates, dtype=float).T
    slope = np.polyfit(decile, level, 1)[0]
    assert slope == pytest.approx(-0.06, abs=0.012)


def test_every_number_is_synthetic_and_every_time_was_on_a_uk_clock(made: Path) -> None:
    numbers = query(
        "select nhs_number from read_csv('REGION/people.csv', all_varchar = true)", made
    )
    good = [number for (number,) in numbers if number is not None]
    assert len(set(good)) == PEOPLE
    assert all(is_nhs_number(number) and number.startswith("999") for number in good)
    zone, never = ZoneInfo("Europe/London"), 0
    times = query("select distinct call_connected_at::timestamp from CALLS", made)
    changing = [t for (t,) in times if t.month in (3, 10) and t.day > 24 and t.hour < 3]
    for naive in changing:
        aware = naive.replace(tzinfo=zone)
        there_and_back = aware.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None)
        never += there_and_back != naive
    assert len(changing) > 20
    assert never == 0


def test_seasons_and_hours_are_in_the_data(made: Path) -> None:
    (winter, summer), = query(
        """select count(*) filter (substr(call_connected_at, 6, 2) in ('12', '01', '02')),
                  count(*) filter (substr(call_connected_at, 6, 2) in ('06', '07', '08'))
           from CALLS""",
        made,
    )  # fmt: skip
    assert 1.05 < winter / summer < 1.3
    (day, night), = query(
        """select count(*) filter (hour(call_connected_at::timestamp) between 10 and 17),
                  count(*) filter (hour(call_connected_at::timestamp) < 6) from CALLS""",
        made,
    )  # fmt: skip
    assert day > 2 * night


def test_the_truth_names_the_people_of_the_region(made: Path) -> None:
    truth = read_truth(made)
    days = len(np.unique(truth.as_of))
    assert days == MONTHS
    assert 0.85 * PEOPLE * days < len(truth.person_id) <= PEOPLE * days
    assert truth.probability.min() >= 0
    assert truth.probability.max() <= 1
    stated = json.loads((made / "truth.json").read_text(encoding="utf-8"))
    assert stated["caseload_effect"]["on_intensity"] == -0.2
    assert stated["caseload_effect"]["on_incidents"] == pytest.approx(
        0.8 * 0.95 / 0.96 - 1, abs=1e-6
    )


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(region, "_summary", fail)
    with pytest.raises(KeyboardInterrupt):
        write_region(tmp_path / "region", people=50, seed=1, months=3)
    assert list(tmp_path.iterdir()) == []


def test_more_people_than_synthetic_numbers_get_local_identifiers() -> None:
    made = region.make_block(region.Plan(1_000_000, 1, 3), 499)
    ids = made.tables["people"]["nhs_number"].to_pylist()
    assert ids[0] == "LOCAL00998000"
    assert len(set(ids)) == 2_000


def test_the_truth_of_another_region_or_key_is_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ingest(small / "mapping.toml", tmp_path / "store", key=KEY)
    monkeypatch.setenv("HIU_RISK_PSEUDONYM_KEY", "another key " * 4)
    with pytest.raises(UsageError, match=r"nobody of this region.*same pseudonym key") as caught:
        read_true_risk(small, tmp_path / "store")
    assert caught.value.exit_code == 2
    monkeypatch.setenv("HIU_RISK_PSEUDONYM_KEY", KEY.decode())
    truth = read_true_risk(small, tmp_path / "store")
    assert truth is not None
    assert not set(truth.person_id).isdisjoint(Store.open(tmp_path / "store").people_ids)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    out, file = tmp_path / "region", tmp_path / "made.json"
    arguments = ["synth", "--people", "40", "--seed", "3", "--months", "4", "--out", str(out)]
    run = CliRunner().invoke(app, [*arguments, "--json", str(file)])
    assert run.exit_code == 0, run.output
    assert "Nobody in it is real" in run.output
    result = checked("synth", file)
    lines = (out / "calls.csv").read_text(encoding="utf-8").count("\n") - 1
    assert result["rows"]["calls"] == lines
    assert {path.name for path in out.iterdir()} == {
        "calls.csv", "ae.csv", "admissions.csv", "people.csv", "caseload.csv", "mapping.toml",
        "truth.json", "truth.parquet", "truth-people.parquet", "truth-episodes.parquet",
    }  # fmt: skip
