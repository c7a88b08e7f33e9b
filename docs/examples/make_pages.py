"""Repeat an example and write its numbers: ``python docs/examples/make_pages.py NAME --data DIR``.

Runs ingest, train, score, explain and audit on the public data, then writes what they say between
the markers of the example's README. No number of a page is typed by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import tables  # noqa: E402  (beside this script)
from found import found  # noqa: E402
from growth import Region, growth, growth_chart  # noqa: E402

from hiu_training.report import charts  # noqa: E402
from hiu_training.report.known import middle_capacity  # noqa: E402

Blocks = dict[str, str]
LISTED = 75
REGIONS = (36_000, 120_000, 400_000)
"""People of the synthetic regions; the page's own tables are those of the middle one."""

SEED = 2026


@dataclass(frozen=True)
class Run:
    """One example's working folder and how to run commands in it."""

    folder: Path
    key: str

    def command(self, name: str, *options: str) -> dict[str, Any]:
        """Run ``hiu-risk NAME`` and give what it wrote with ``--json``."""
        answer = self.folder / f"{name}.json"
        subprocess.run(
            [sys.executable, "-m", "hiu_risk.cli.main", name, *options, "--json", str(answer)],
            cwd=self.folder,
            env={**os.environ, "HIU_RISK_PSEUDONYM_KEY": self.key},
            check=True,
        )
        return json.loads(answer.read_text(encoding="utf-8"))

    def train(self, overlap: str = "straddle", *options: str) -> dict[str, Any]:
        """Train by the example's protocol, in a model home of this overlap's own."""
        text = (self.folder / "protocol.toml").read_text(encoding="utf-8")
        line = 'overlap = "straddle"'
        if line not in text:
            sys.exit(f"the protocol has no line {line}")
        protocol = self.folder / f"{overlap}.toml"
        protocol.write_text(text.replace(line, f'overlap = "{overlap}"'), encoding="utf-8")
        return self.command("train", "--protocol", protocol.name, "--home", overlap, *options)


def draw(trained: dict[str, Any], target: Path) -> None:
    """Draw the pictures of a page."""
    k = middle_capacity(trained)
    drawn = {
        "precision-recall": charts.precision_recall(trained),
        "recall-by-capacity": charts.by_capacity(trained, "recall"),
        "lead-time": charts.lead_time(trained, k),
        "calibration": charts.calibration(trained),
        "net-benefit": charts.net_benefit(trained),
        "stability": charts.stability(trained),
    }
    for name, svg in drawn.items():
        (target / f"{name}.svg").write_bytes(svg.encode("utf-8"))


def judged(trained: dict[str, Any]) -> Blocks:
    """Make the blocks that both examples have: the full table of the evaluation."""
    return {
        "made": tables.made(trained),
        "dates": tables.dates(trained),
        "rankers": tables.rankers(trained),
        "verdict": tables.verdict(trained),
        "capacity": tables.capacity(trained),
        "lead": tables.lead(trained),
        "calibration": tables.calibration(trained),
        "benefit": tables.net_benefit(trained),
        "origins": tables.origins(trained),
        "groups": tables.groups(trained),
    }


def prepare(example: str, data: Path, folder: Path) -> Run:
    """Put the mapping, the protocol and the data into a working folder."""
    for path in sorted((HERE / example).glob("*.toml")):
        shutil.copy(path, folder)
    digest = hashlib.sha256()
    for name in EXAMPLES[example].files:
        places = [place for place in (data / name, data / example / name) if place.is_file()]
        if not places:
            sys.exit(f"no {name} in {data}: see {example}/README.md for where it comes from")
        shutil.copy(places[0], folder)
        digest.update(places[0].read_bytes())
    # Made from the public file itself, so that a page repeats to the digit. It keeps nothing
    # secret: never do so with the data of people.
    return Run(folder, digest.hexdigest())


def montgomery(run: Run) -> Blocks:
    """Make the blocks of montgomery-911."""
    ingested = run.command("ingest", "--mapping", "mapping.toml")
    trained = run.train()
    disjoint = run.train("disjoint")
    as_of = ["--as-of", "2016-08-24", "--home", "straddle"]
    listed = run.command("score", *as_of, "--capacity", str(LISTED), "--out", "worklist")
    first = listed["entries"][0]["person"]
    explained = run.command("explain", *as_of, "--person", first)
    draw(trained, HERE / "montgomery-911")
    before = tables.met_before(run.folder / "store", run.folder / "protocol.toml", 180)
    return {
        **judged(trained),
        "ingest": tables.ingest(ingested),
        "shape": tables.montgomery_shape(run.folder / "montgomery-911.zip", run.folder / "store"),
        "disjoint": tables.disjoint(disjoint),
        "before": before,
        "found": found(trained, disjoint, entities="addresses", extra=(before,)),
        "worklist": tables.worklist(listed),
        "explained": tables.explained(explained),
    }


def synpuf(run: Run) -> Blocks:
    """Make the blocks of cms-synpuf."""
    ingested = run.command("ingest", "--mapping", "mapping.toml")
    trained = run.train()
    disjoint = run.train("disjoint")
    groups = [part for by in ("sex", "age_band", "ethnic_group") for part in ("--by", by)]
    audited = run.command(
        "audit", "--protocol", "straddle.toml", "--home", "straddle", "--out", "audit",
        "--mitigation", *groups,
    )  # fmt: skip
    shutil.copy(run.folder / "audit" / "audit.html", HERE / "cms-synpuf" / "fairness.html")
    draw(trained, HERE / "cms-synpuf")
    return {
        **judged(trained),
        "ingest": tables.ingest(ingested),
        "shape": tables.admissions_by_quarter(run.folder / "store"),
        "disjoint": tables.disjoint(disjoint),
        "audit": tables.audit(audited),
        "found": found(trained, disjoint, entities="people"),
    }


def synthetic(run: Run) -> Blocks:
    """Make the blocks of synthetic-region: the same question to regions of several sizes."""
    made: dict[int, tuple[Run, dict[str, Any]]] = {}
    for people in REGIONS:
        here = Run(run.folder / str(people), run.key)
        here.folder.mkdir()
        shutil.copy(run.folder / "protocol.toml", here.folder)
        size = ("--people", str(people), "--seed", str(SEED))
        here.command("synth", "--out", "extracts", *size)
        here.command("ingest", "--mapping", "extracts/mapping.toml")
        made[people] = here, here.train("straddle", "--truth", "extracts")
    middle, trained = made[REGIONS[len(REGIONS) // 2]]
    disjoint = middle.train("disjoint", "--truth", "extracts")
    regions = [Region(people, said) for people, (_, said) in made.items()]
    draw(trained, HERE / "synthetic-region")
    (HERE / "synthetic-region" / "growth.svg").write_bytes(growth_chart(regions))
    return {
        **judged(trained),
        "growth": growth(regions),
        "disjoint": tables.disjoint(disjoint),
        "found": found(trained, disjoint, entities="people"),
    }


@dataclass(frozen=True)
class Example:
    """The files that an example reads, and what makes its blocks."""

    files: tuple[str, ...]
    make: Callable[[Run], Blocks]


EXAMPLES: Mapping[str, Example] = {
    "montgomery-911": Example(("montgomery-911.zip",), montgomery),
    "cms-synpuf": Example(("inpatient.csv.gz", "beneficiaries.csv.gz"), synpuf),
    "synthetic-region": Example((), synthetic),
}


def put(page: str, blocks: Blocks) -> str:
    """Put each block between its markers; a marker without a block, or the reverse, ends it."""
    wanted = re.findall(r"<!-- made: (\w+) -->", page)
    if sorted(wanted) != sorted(blocks):
        sys.exit(f"markers and blocks differ: {sorted(set(wanted) ^ set(blocks))}")
    for name, text in blocks.items():
        start, end = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
        before, _, rest = page.partition(start)
        _, found, after = rest.partition(end)
        if not found:
            sys.exit(f"no {end} after {start}")
        page = f"{before}{start}\n{text.strip()}\n{end}{after}"
    return page


def main() -> None:
    """Run one example and write its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("example", choices=sorted(EXAMPLES))
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the public files")
    parser.add_argument("--work", type=Path, help="keep the working folder here")
    asked = parser.parse_args()
    data = asked.data.parent if asked.data.is_file() else asked.data
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.work or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        run = prepare(asked.example, data.resolve(), folder.resolve())
        blocks = EXAMPLES[asked.example].make(run)
    page = HERE / asked.example / "README.md"
    page.write_bytes(put(page.read_text(encoding="utf-8"), blocks).encode("utf-8"))
    print(f"Written: {page}")


if __name__ == "__main__":
    main()
