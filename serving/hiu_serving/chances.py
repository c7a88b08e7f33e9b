"""Chances of the listed people at several horizons, in order."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np

from hiu_risk.histories import Histories
from hiu_risk.model.horizons import HorizonFamily
from hiu_serving.learned import require_feeds
from hiu_serving.scorer import Scorer, intervals_of
from hiu_serving.worklist import Interval, Worklist
from hiu_serving.worklist_page import inert, limits_in_csv


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
    intervals : tuple of tuple of (tuple of float, or None)
        The limits of each chance, by the model of its horizon; None where it doesn't know.
    """

    horizons: tuple[int, ...]
    models: tuple[str, ...]
    people: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    intervals: tuple[tuple[Interval | None, ...], ...]


def chances_of(
    histories: Histories, scorer: Scorer, family: HorizonFamily, worklist: Worklist
) -> Chances:
    """Score the listed people at every horizon of the family.

    Raises
    ------
    DataError
        The data lack a feed that one of the models learned from.
    """
    for bundle in family.bundles:
        require_feeds(bundle, scorer.catalogue, histories.feeds, worklist.as_of, histories.zone)
    people = tuple(entry.person for entry in worklist.entries)
    listed = np.isin(histories.people.id, people)
    scored = scorer.score(histories, worklist.as_of, listed)
    found = family.chances(scored.values)
    limits = [intervals_of(bundle, found[:, i]) for i, bundle in enumerate(family.bundles)]
    row = {person: i for i, person in enumerate(histories.people.id[scored.person].tolist())}
    order = [row[person] for person in people]
    return Chances(
        family.horizons,
        tuple(bundle.version for bundle in family.bundles),
        people,
        tuple(tuple(found[i].tolist()) for i in order),
        tuple(tuple(one[i] for one in limits) for i in order),
    )


def chances_csv(chances: Chances) -> str:
    """Give the chances as CSV, one row a person."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"within_{days}_days" for days in chances.horizons]
    columns = [f"{name}{part}" for name in names for part in ("", "_low", "_high")]
    writer.writerow(["person", *columns])
    for person, values, limits in zip(
        chances.people, chances.values, chances.intervals, strict=True
    ):
        numbers = zip(values, limits, strict=True)
        said = [text for value, one in numbers for text in (repr(value), *limits_in_csv(one))]
        writer.writerow([inert(person), *said])
    return out.getvalue()
