"""How often the gates are wrong: ``python -m benchmarks.gates --draws 60 --json FILE``.

For models whose truth is known: how often the fairness gate and the stability gate stop one that
is no worse, and how often they stop one that was made worse. Minutes to half an hour.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.gates.simulated import Region
from benchmarks.gates.stability import LEVEL, Dates
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import GateEvidence, judge_gates

TRUTHS: dict[str, tuple[float, ...]] = {
    "a tenth better": (1.1,) * 5,
    "half as good at two dates of five": (1.1, 1.1, 1.1, 0.5, 0.5),
    "a quarter as good at one date": (1.1, 1.1, 1.1, 1.1, 0.25),
}


def fairness(draws: int, cases: int, alike: float, worse_by: float) -> dict[str, float]:
    """Share of each outcome, where the other model finds that much less of one group's cases."""
    found: Counter[str] = Counter()
    for seed in range(draws):
        champion, other = Region(cases, alike, seed).audits(worse_by)
        evidence = GateEvidence(audit=other, champion_audit=champion, champion="c" * 12)
        found[_outcome(evidence, "fairness")] += 1
    return {outcome: n / draws for outcome, n in found.items()}


def stability(draws: int, cases: int, alike: float, truth: str) -> dict[str, float]:
    """Share of each outcome."""
    found: Counter[str] = Counter()
    for ratios in Dates(cases, alike).draw(TRUTHS[truth], draws):
        origins = [
            {"positives": cases, "rankers": _rankers(LEVEL * ratio, LEVEL)} for ratio in ratios
        ]
        evaluation = {
            "population": {"positive_people": cases * len(origins)},
            "rankers": _rankers(LEVEL * 1.1, LEVEL), "per_origin": origins,
        }  # fmt: skip
        found[_outcome(GateEvidence(evaluation=evaluation), "stability")] += 1
    return {outcome: n / draws for outcome, n in found.items()}


def _rankers(model: float, baseline: float) -> dict[str, Any]:
    return {
        name: {"average_precision": {"value": value}}
        for name, value in (("model", model), ("decayed_count", baseline))
    }


def _outcome(evidence: GateEvidence, name: str) -> str:
    (gate,) = (g for g in judge_gates(evidence, GateSettings()) if g.name == name)
    return gate.outcome


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []

    def add(gate: str, truth: str, cases: int, alike: float, found: dict[str, float]) -> None:
        results.append({"gate": gate, "truth": truth, "cases": cases, "alike": alike, **found})
        shares = ", ".join(f"{name} {share:.2f}" for name, share in sorted(found.items()))
        print(f"{gate}, {cases} cases, alike {alike}, {truth}: {shares}", flush=True)

    for cases in (100, 300, 1_000):
        for alike in (0.8, 0.95):
            for worse_by in (0.0, 0.15):
                truth = f"{worse_by * 100:.0f} points worse for one group"
                found = fairness(options.draws, cases, alike, worse_by)
                add("fairness", truth, cases, alike, found)
    for cases in (10, 20, 50):
        for alike in (0.8, 0.95):
            for truth in TRUTHS:
                found = stability(options.draws * 3, cases, alike, truth)
                add("stability", truth, cases, alike, found)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
