"""The truth beside the data: what only the maker of a synthetic region can know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.errors import DataError
from hiu_risk.synth.dynamics import ABSENT
from hiu_risk.synth.parameters import PHASES, RegionParameters
from hiu_risk.synth.people import Residents, identifiers
from hiu_risk.synth.process import Spans, Truth
from hiu_risk.synth.uktime import day_number, to_utc
from hiu_risk.times import DAY

TRUTH_FILE = "truth.parquet"
PEOPLE_FILE = "truth-people.parquet"
EPISODES_FILE = "truth-episodes.parquet"
_TIME = pa.timestamp("s", "UTC")


class TruthRows(NamedTuple):
    """The truth as arrays, one element a person and index date.

    Parameters
    ----------
    person_id : array of str
        Identifiers, pseudonymised if a function for that was given.
    as_of : int64 array
        Index dates in UTC seconds: local midnights of the first of each month.
    probability : float32 array
        Chance that a counted call incident in the 90 days from ``as_of`` completes the rule
        ``frecann_adult``, given the person's hidden state: the best possible ranking.
    expected_incidents : float32 array
        Mean number of call incidents in those 90 days.
    intensity : float32 array
        Call incidents a day at ``as_of``.
    """

    person_id: NDArray[Any]
    as_of: NDArray[np.int64]
    probability: NDArray[np.float32]
    expected_incidents: NDArray[np.float32]
    intensity: NDArray[np.float32]

    def at(self, person_ids: NDArray[Any], as_of: NDArray[np.int64]) -> TruthRows:
        """Give the truth of these persons at these index dates; NaN where there is none.

        Index dates match by day, so that a midnight in UTC finds the local one.
        """
        encoded = pa.array(self.person_id, pa.string()).dictionary_encode()
        names, places = np.unique(encoded.dictionary.to_pylist(), return_inverse=True)
        codes = places[encoded.indices.to_numpy()]
        days = (self.as_of + DAY // 2) // DAY
        wanted = (as_of + DAY // 2) // DAY
        span = int(max(days.max(initial=0), wanted.max(initial=0))) + 1
        keys = codes.astype(np.int64) * span + days
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(names, person_ids), max(len(names) - 1, 0))
        key = place.astype(np.int64) * span + wanted
        found = np.minimum(np.searchsorted(keys[order], key), max(len(keys) - 1, 0))
        rows = order[found]
        here = (keys[rows] == key) & (names[place] == person_ids)

        def values(name: str) -> NDArray[np.float32]:
            return np.where(here, getattr(self, name)[rows], np.float32(np.nan))

        return TruthRows(
            person_ids, as_of, values("probability"), values("expected_incidents"),
            values("intensity"),
        )  # fmt: skip


def read_truth(path: Path, pseudonym: Callable[[str], str] | None = None) -> TruthRows:
    """Read ``truth.parquet``.

    Parameters
    ----------
    path : Path
        The file, or the region's folder.
    pseudonym : callable, optional
        Turns a raw identifier into what the store calls that person.

    Raises
    ------
    DataError
        There is no such file.
    """
    file = path / TRUTH_FILE if path.is_dir() else path
    if not file.is_file():
        raise DataError("no truth file", where=str(file), fix="make it with hiu-risk synth")
    columns = ["nhs_number", "as_of", "probability_90d", "expected_incidents_90d", "intensity"]
    table = pq.read_table(file, columns=columns)
    raw = table["nhs_number"].combine_chunks().dictionary_encode()
    names = raw.dictionary.to_pylist()
    # objects: a row then costs a pointer, not a copy of its person's pseudonym
    ids = np.array([pseudonym(name) if pseudonym else name for name in names], dtype=object)
    arrays = [table[name].combine_chunks().to_numpy() for name in columns[2:]]
    as_of = table["as_of"].combine_chunks().cast(_TIME).cast(pa.int64()).to_numpy()
    return TruthRows(ids[raw.indices.to_numpy()], as_of, *arrays)


def truth_for_store(path: Path, key: bytes) -> TruthRows:
    """Read the truth under the pseudonyms that ingest made with this key.

    Examples
    --------
    Rows of the training matrix take their truth by person and index date::

        truth = truth_for_store(region, key).at(store.people_ids[person], as_of)
        ceiling = average_precision_score(label, truth.probability)
    """
    return read_truth(path, lambda raw: _pseudonym(key, raw))


def _pseudonym(key: bytes, identifier: str) -> str:
    from hiu_risk.ingest.pseudonym import pseudonym

    return pseudonym(key, identifier)


def truth_table(
    who: Residents,
    people: int,
    truth: Truth,
    index_days: NDArray[np.float64],
    parameters: RegionParameters,
) -> pa.Table:
    """Rows of ``truth.parquet``: who is alive and here, at each index date."""
    here, at = np.nonzero(truth.phase != ABSENT)
    as_of = _utc(index_days, parameters)
    return pa.table(
        {
            "nhs_number": identifiers(who.index, people).take(pa.array(here)),
            "as_of": pa.array(as_of[at], _TIME),
            "intensity": truth.intensity[here, at],
            "expected_incidents_90d": truth.expected[here, at],
            "probability_90d": truth.probability[here, at],
            "phase": pa.DictionaryArray.from_arrays(
                pa.array(truth.phase[here, at]), pa.array(PHASES)
            ),
            "on_caseload": truth.on_caseload[here, at],
        }
    )


def truth_people_table(who: Residents, people: int) -> pa.Table:
    """Rows of ``truth-people.parquet``: what each person brought to the process."""
    traits = who.traits
    return pa.table(
        {
            "nhs_number": identifiers(who.index, people),
            "calls_a_day": traits.calls,
            "attendances_a_day": traits.attendances,
            "warnings_a_day": traits.escalation,
            "illnesses_a_day": traits.illness,
            "crisis_calls_a_day": traits.crisis_calls,
            "linked_share": traits.linked,
            "counted_share": traits.counted,
            "distressed": who.distressed,
        }
    )


def episodes_table(
    who: Residents, people: int, warnings: Spans, parameters: RegionParameters
) -> pa.Table:
    """Rows of ``truth-episodes.parquet``: when each warning began, broke into crisis, and ended."""
    kept = warnings.end > 0
    person = warnings.person[kept]
    broke = warnings.middle[kept]

    def moment(days: NDArray[np.float64]) -> pa.Array:
        unknown = np.isnan(days)
        utc = _utc(np.where(unknown, 0.0, days), parameters)
        return pa.array(utc, _TIME, mask=unknown)

    return pa.table(
        {
            "nhs_number": identifiers(who.index, people).take(pa.array(person)),
            "warning_from": moment(warnings.start[kept]),
            "crisis_from": moment(broke),
            "ended_at": moment(warnings.end[kept]),
        }
    )


def _utc(days: NDArray[np.float64], parameters: RegionParameters) -> NDArray[np.int64]:
    wall = (days + day_number(parameters.start)) * DAY
    return to_utc(np.floor(wall).astype(np.int64))
