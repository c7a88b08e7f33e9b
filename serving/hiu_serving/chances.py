"""Chances of the listed people at several horizons, in order."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np

from hiu_risk.histories import Histories
from hiu_risk.model.horizons import HorizonFamily
from hiu_serving.scorer import Scorer
from hiu_serving.worklist import Worklist
from hiu_serving.worklist_page import inert


@dataclass(frozen=True)
class Chances:
    """The chance of each listed person within each horizon.

    Parameters
    ----------
    horizons : tuple of int
        Days, rising.
    models : tuple of str
        Version of the model of each.
    people : tuple of str
        Pseudonyms, in the order of the list.
    values : tuple of tuple of float
        For each person the chance within each horizon, never lower at a longer one. At the
        list's own horizon it is the list's score.
    """

    horizons: tuple[int, ...]
    models: tuple[str, ...]
    people: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


def chances_of(
    histories: Histories, scorer: Scorer, family: HorizonFamily, worklist: Worklist
) -> Chances:
    """Score the listed people at every horizon of the family."""
    people = tuple(entry.person for entry in worklist.entries)
    listed = np.isin(histories.people.id, people)
    scored = scorer.score(histories, worklist.as_of, listed)
    found = family.chances(scored.values)
    of = dict(zip(histories.people.id[scored.person].tolist(), found.tolist(), strict=True))
    return Chances(
        family.horizons,
        tuple(bundle.version for bundle in family.bundles),
        people,
        tuple(tuple(of[person]) for person in people),
    )


def chances_csv(chances: Chances) -> str:
    """Give the chances as CSV, one row a person."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["person", *(f"within_{days}_days" for days in chances.horizons)])
    for person, values in zip(chances.people, chances.values, strict=True):
        writer.writerow([inert(person), *map(repr, values)])
    return out.getvalue()
