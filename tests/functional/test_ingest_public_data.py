"""Ingest on real and published data, where it lies beside the project."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from hiu_risk.codes import REASON, SEX
from hiu_risk.store import Store
from tests.support.extracts import PUBLIC_DATA, ROOT, ingest, write
from tests.support.histories import seconds

MONTGOMERY = PUBLIC_DATA / "montgomery-911.zip"
SYNPUF = PUBLIC_DATA / "cms-synpuf"
HES = PUBLIC_DATA / "nhs-artificial-hes"


def needs(path):
    return pytest.mark.skipif(not path.exists(), reason=f"the public data {path.name} is not here")


@pytest.fixture(scope="module")
def montgomery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("montgomery")
    shutil.copy(ROOT / "docs/examples/montgomery-911/mapping.toml", folder)
    shutil.copy(MONTGOMERY, folder)
    report = ingest(folder / "mapping.toml", folder / "store")
    return report, Store.open(folder / "store")


@needs(MONTGOMERY)
def test_montgomery_has_the_published_counts(montgomery):
    report, store = montgomery
    (feed,) = report.manifest.feeds
    assert (feed.read, feed.filtered, feed.rejected) == (48_877, 99_492 - 48_877, 0)
    assert feed.accepted + feed.merged == feed.read
    assert feed.starts_at == seconds("2015-12-10T22:40:00")  # 17:40 Eastern standard time
    assert feed.complete_until == seconds("2016-08-24T15:17:01") + 1  # 11:17:01 summer time
    assert store.manifest.entity == "address"


@needs(MONTGOMERY)
def test_montgomery_reasons_are_read_from_the_titles(montgomery):
    _, store = montgomery
    events = pq.read_table(store.file("events"), columns=["reason"]).to_pydict()["reason"]
    unlinked = pq.read_table(store.file("unlinked"), columns=["reason"]).to_pydict()["reason"]
    counts = {name: (events + unlinked).count(name) for name in REASON.names}
    assert counts["falls"] >= 4_863 - 5  # EMS: FALL VICTIM; repeated rows merge
    assert counts["unknown"] == 0
    assert counts["other"] < 1_000


@needs(MONTGOMERY)
def test_montgomery_rows_of_one_second_at_one_address_are_one_incident(montgomery):
    histories = montgomery[1].histories()
    key = histories.event_person.astype(np.int64) * 2**32 + histories.occurred_at
    leading = histories.leads_until > histories.available_at
    assert leading.sum() == len(np.unique(key))
    assert len(np.unique(key[leading])) == leading.sum()


@needs(SYNPUF)
def test_synpuf_keeps_people_without_any_admission(tmp_path):
    shutil.copy(ROOT / "docs/examples/cms-synpuf/mapping.toml", tmp_path)
    for file in SYNPUF.iterdir():
        shutil.copy(file, tmp_path)
    report = ingest(tmp_path / "mapping.toml", tmp_path / "store")
    admissions, people = report.manifest.feeds
    assert (admissions.read + admissions.filtered, admissions.filtered) == (102_933, 92)
    assert (people.read, people.accepted) == (180_000, 180_000)
    histories = Store.open(tmp_path / "store").histories()
    assert (np.diff(histories.offsets) == 0).sum() == 121_540
    assert set(np.unique(histories.people.sex)) == {SEX.code("female"), SEX.code("male")}
    assert (histories.leads_until == histories.superseded_at).all()


HES_MAPPING = """\
[[feed]]
table = "ae"
path = "ae.csv"
delay_hours = 24
[feed.columns]
event_id = "AEKEY"
person_id = "PSEUDO_HESID"
occurred_at = ["ARRIVALDATE", "ARRIVALTIME"]
kind = "AEATTENDCAT"
arrival = "AEARRIVALMODE"
outcome = "AEATTENDDISP"
reason = "AEPATGROUP"
site = "PROCODE3"
[feed.dates]
occurred_at = ["%Y-%m-%d %H%M", "%Y-%m-%d"]
[feed.values.kind]
exact = { "1" = "first", "2" = "follow_up", "3" = "follow_up", "9" = "unknown" }
[feed.values.arrival]
exact = { "1" = "ambulance", "2" = "other", "9" = "unknown" }
[feed.values.outcome]
exact = { "01" = "admitted", "10" = "died", "12" = "left_unseen", "13" = "left_unseen" }
default = "treated"
[feed.values.reason]
exact = { "30" = "self_harm" }
default = "other"
[[feed]]
table = "admissions"
path = "apc.csv"
delay_hours = 24
[feed.filter]
column = "EPIORDER"
equals = ["1"]
[feed.columns]
event_id = "EPIKEY"
person_id = "PSEUDO_HESID"
occurred_at = "ADMIDATE"
ended_at = "DISDATE"
kind = "ADMIMETH"
[feed.values.kind]
exact = { "28" = "emergency_legacy", "81" = "transfer", "99" = "unknown" }
regex = { "^2[1-4]$" = "emergency", "^1" = "elective", "^3" = "elective", "^8[23]$" = "birth" }
"""


@needs(HES)
def test_artificial_hes_is_read_with_its_true_column_names(tmp_path):
    mapping = write(tmp_path, {"mapping.toml": HES_MAPPING})
    shutil.copy(HES / "artificial_hes_ae_0708_truncated.csv", tmp_path / "ae.csv")
    shutil.copy(HES / "artificial_hes_apc_0102.csv", tmp_path / "apc.csv")
    ae, admissions = ingest(mapping, tmp_path / "store").manifest.feeds
    assert (ae.read, admissions.read + admissions.filtered) == (1_000, 2_075)
    assert admissions.read == 1_875
    for feed in (ae, admissions):
        assert feed.accepted + feed.rejected + feed.merged == feed.read
        assert set(feed.rejects) <= {"outside_time_range", "conflicting_duplicate", "missing"}
        assert feed.rejected < 100
