"""The example on a real 911 log: the whole chain, held to a plain recount of the log.

The log is not part of the project. It is looked for in the folder that HIU_RISK_SHARED_DATA names,
or in ../shared/data beside the checkout.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hiu_training.protocol import load_protocol
from tests.support.extracts import PUBLIC_DATA, ROOT, run_command

LOG = PUBLIC_DATA / "montgomery-911.zip"
EXAMPLES = ROOT / "docs" / "examples"
MONTGOMERY = EXAMPLES / "montgomery-911"
needs_log = pytest.mark.skipif(
    not LOG.is_file(),
    reason=f"no {LOG.name}: put it into ../shared/data or name its folder in HIU_RISK_SHARED_DATA",
)
DAY = 86_400
ZONE = ZoneInfo("America/New_York")
AS_OF = datetime(2016, 8, 24, tzinfo=ZONE)
RULE = ((5, 30 * DAY), (12, 90 * DAY))
HORIZON, WASHOUT, ACTIVE = 45 * DAY, 60 * DAY, 365 * DAY

Histories = dict[tuple[str, str], list[int]]


# A second, plain reading of the log and of the rule.


def rows_of(log: Path) -> Iterator[list[str]]:
    with zipfile.ZipFile(log) as archive, archive.open("911.csv") as file:
        yield from csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))


def incidents(log: Path) -> Histories:
    """The distinct seconds of medical calls at each address, in order."""
    found: dict[tuple[str, str], set[int]] = {}
    rows = rows_of(log)
    head = next(rows)
    title, at, twp, addr = (head.index(n) for n in ("title", "timeStamp", "twp", "addr"))
    for row in rows:
        if row[title].startswith("EMS:") and row[addr] and row[twp]:
            moment = datetime.fromisoformat(row[at]).replace(tzinfo=ZONE)
            found.setdefault((row[addr], row[twp]), set()).add(int(moment.timestamp()))
    return {key: sorted(seconds) for key, seconds in found.items()}


def moments_met(times: list[int]) -> list[int]:
    """The incidents that complete a count of the rule."""
    return [
        t
        for i, t in enumerate(times)
        if any(i + 1 >= n and t - times[i - n + 1] < window for n, window in RULE)
    ]


def at_risk(times: list[int], as_of: int) -> bool:
    before = [t for t in times if t < as_of]
    active = any(t >= as_of - ACTIVE for t in before)
    meets = any(sum(t >= as_of - window for t in before) >= n for n, window in RULE)
    met = any(t >= as_of - WASHOUT for t in moments_met(before))
    return active and not meets and not met


def recount(histories: Histories, as_of: int) -> tuple[int, int]:
    """How many addresses are at risk, and how many of them meet the rule in the horizon."""
    risky = [times for times in histories.values() if at_risk(times, as_of)]
    onset = [
        times for times in risky if any(as_of <= t < as_of + HORIZON for t in moments_met(times))
    ]
    return len(risky), len(onset)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


# The chain, by the commands that the page shows.


def run_chain(folder: Path, log: Path, *, small: bool = False) -> dict[str, Any]:
    shutil.copy(MONTGOMERY / "mapping.toml", folder)
    text = (MONTGOMERY / "protocol.toml").read_text(encoding="utf-8")
    if small:
        text = f"resamples = 20\n{text}"
    (folder / "protocol.toml").write_text(text, encoding="utf-8")
    if log.parent != folder:
        shutil.copy(log, folder)
    said: dict[str, Any] = {}

    def command(name: str, *options: str) -> None:
        answer = folder / f"{name}.json"
        assert run_command(patch, name, *options, "--json", str(answer)) == 0
        said[name] = json.loads(answer.read_text(encoding="utf-8"))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command("ingest", "--mapping", "mapping.toml")
        command("train", "--protocol", "protocol.toml")
        day = ("--as-of", AS_OF.date().isoformat())
        command("score", *day, "--capacity", "75", "--out", "worklist")
        command("explain", *day, "--person", said["score"]["entries"][0]["person"])
    return said


def check_chain(said: dict[str, Any], histories: Histories, folder: Path) -> None:
    (feed,) = said["ingest"]["feeds"]
    assert feed["accepted"] + feed["rejected"] + feed["merged"] == feed["read"]
    assert said["ingest"]["rows"]["people"] == len(histories)

    trained = said["train"]
    dates = trained["per_origin"]
    assert [(o["rows"], o["positives"]) for o in dates] == [
        recount(histories, seconds(o["as_of"])) for o in dates
    ]
    assert set(trained["rankers"]) == {
        "model", "anchor", "plain_lightgbm",
        "count_30d", "count_90d", "count_365d", "decayed_count",
    }  # fmt: skip
    last_learned = seconds(trained["training_dates"][-1])
    assert last_learned + HORIZON <= seconds(trained["test_dates"][0])

    listed, as_of = said["score"], int(AS_OF.timestamp())
    assert listed["n_scored"] == recount(histories, as_of)[0]
    scores = [entry["score"] for entry in listed["entries"]]
    assert len(scores) == 75
    assert scores == sorted(scores, reverse=True)
    assert all(entry["reasons"] for entry in listed["entries"])
    assert said["explain"]["adds_up"]
    assert said["explain"]["score"] == scores[0]
    written = "".join(p.read_text(encoding="utf-8") for p in (folder / "worklist").iterdir())
    assert not [addr for addr, _ in histories if len(addr) > 8 and addr in written]


@needs_log
def test_the_chain_runs_on_one_address_in_five(tmp_path):
    sample = tmp_path / LOG.name
    rows = rows_of(LOG)
    text = io.StringIO()
    writer = csv.writer(text)
    head = next(rows)
    writer.writerow(head)
    addr, twp = head.index("addr"), head.index("twp")
    writer.writerows(r for r in rows if zlib.crc32(f"{r[addr]}|{r[twp]}".encode()) % 5 == 0)
    with zipfile.ZipFile(sample, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("911.csv", text.getvalue())
    said = run_chain(tmp_path, sample, small=True)
    check_chain(said, incidents(sample), tmp_path)


@needs_log
@pytest.mark.slow
def test_the_chain_on_the_whole_log_gives_what_the_page_says(tmp_path):
    said = run_chain(tmp_path, LOG)
    check_chain(said, incidents(LOG), tmp_path)
    trained = said["train"]
    better = trained["differences"]["count_30d"]["average_precision"]
    assert better["low"] > 0
    slope = trained["rankers"]["model"]["calibration_slope"]
    assert 0.5 < slope["low"] < slope["high"] < 2

    page = (MONTGOMERY / "README.md").read_text(encoding="utf-8")
    (feed,) = said["ingest"]["feeds"]
    for number in (
        feed["read"], feed["filtered"], feed["accepted"], trained["rows"], trained["positives"],
        trained["population"]["rows"], trained["population"]["positives"],
        trained["population"]["positive_people"],
    ):  # fmt: skip
        assert f" {number:,} " in page
    # The last digits may differ between machines and keys, the story may not.
    for name, label in {
        "model": "model",
        "anchor": "anchor alone",
        "count_365d": "count, 365 days",
    }.items():
        told = re.search(rf"^\| {label} \| (0\.\d+) ", page, flags=re.MULTILINE)
        assert told is not None
        value = trained["rankers"][name]["average_precision"]["value"]
        assert float(told[1]) == pytest.approx(value, abs=0.02)


@pytest.mark.parametrize("example", ["montgomery-911", "cms-synpuf"])
def test_a_page_was_made_by_the_protocol_beside_it(example):
    page = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    protocol = load_protocol(EXAMPLES / example / "protocol.toml")
    assert f"protocol `{protocol.hash[:12]}`" in page, "run docs/examples/make_pages.py"
    empty = re.findall(r"<!-- made: (\w+) -->\s*<!-- end", page)
    assert not empty
