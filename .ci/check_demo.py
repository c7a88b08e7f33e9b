"""Compare what the demo left with what the README promises it leaves."""

import csv
import json
import re
import sys
from pathlib import Path


def main(readme: Path, folder: Path) -> None:
    promised = re.findall(
        r"^\| `hiu-risk-demo/([^`]+)` \|", readme.read_text("utf-8"), re.MULTILINE
    )
    missing = [name for name in promised if not (folder / name).is_file()]
    if missing or not promised:
        sys.exit(f"The README promises files that the demo did not leave: {missing}")
    with (folder / "worklist/worklist.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    people = re.search(r"the list to ring: (\d+) people", readme.read_text("utf-8"))
    if not people or len(rows) != int(people.group(1)):
        sys.exit(f"The README promises another number of people than {len(rows)}")
    nameless = [row["rank"] for row in rows if not row["reason_1"]]
    if nameless:
        sys.exit(f"Listed without a reason: ranks {nameless}")
    if not json.loads((folder / "demo.json").read_text("utf-8"))["api_score_equals_batch"]:
        sys.exit("The API gave another score than the worklist")
    rankers = json.loads((folder / "evaluation.json").read_text("utf-8"))["rankers"]
    for name in (
        "model",
        "anchor",
        "plain_lightgbm",
        "count_30d",
        "count_90d",
        "count_365d",
        "decayed_count",
    ):
        print(f"{name:15s} average precision {rankers[name]['average_precision']['value']:.3f}")
    print(f"The demo left all {len(promised)} files the README promises.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
