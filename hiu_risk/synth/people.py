"""The people of a block: who they are, where they live, and what they bring to the process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hiu_risk.codes import ETHNIC_CATEGORY_GROUPS
from hiu_risk.synth.dynamics import Traits
from hiu_risk.synth.identity import nhs_numbers, nhs_numbers_available
from hiu_risk.synth.parameters import People, RegionParameters
from hiu_risk.synth.uktime import day_number, local_date_text, to_utc
from hiu_risk.times import DAY

YEAR = 365.25
SITES = ("North", "East", "South", "West")
_SITE_MISSING = np.array([0.8, 1.0, 1.0, 1.3])
"""How many times as often each site misses an identity."""


@dataclass(frozen=True)
class Residents:
    """People of one block; days count from the region's start, ``inf`` stands for never."""

    index: NDArray[np.int64]
    born: NDArray[np.float64]
    sex: NDArray[np.int8]
    ethnic: NDArray[np.int8]
    decile: NDArray[np.int8]
    area: NDArray[np.int32]
    site: NDArray[np.int8]
    home: NDArray[np.int8]
    address: NDArray[np.int64]
    enter: NDArray[np.float64]
    moved: NDArray[np.float64]
    move_known: NDArray[np.float64]
    died: NDArray[np.float64]
    death_known: NDArray[np.float64]
    extensive_care: NDArray[np.bool_]
    opted_out: NDArray[np.bool_]
    distressed: NDArray[np.bool_]
    """Calls mostly about mental health, for good: a look-alike of the warning signs."""
    unlinked_factor: NDArray[np.float64]
    traits: Traits

    def age_on(self, day: float) -> NDArray[np.float64]:
        """Age in years on a day."""
        return (day - self.born) / YEAR

    @property
    def older(self) -> NDArray[np.bool_]:
        """Aged 65 or over when the region starts."""
        return self.age_on(0.0) >= 65


def identifiers(index: NDArray[np.int64], people: int) -> pa.Array:
    """Give the identifier of each person as the extracts carry it.

    A synthetic NHS number; in a region of more people than there are such numbers, a local one.
    """
    if uses_nhs_numbers(people):
        return pa.array(nhs_numbers(index)).cast(pa.string())
    padded = pa.compute.utf8_lpad(pa.array(index).cast(pa.string()), 8, "0")
    return pa.compute.binary_join_element_wise("LOCAL", padded, "")


def uses_nhs_numbers(people: int) -> bool:
    """Tell whether there are enough synthetic NHS numbers for so many people."""
    return people <= nhs_numbers_available()


def _shares(rng: np.random.Generator, shares: list[float], n: int) -> NDArray[np.int64]:
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, rng.random(n), side="right"), len(shares) - 1)


def draw_residents(
    rng: np.random.Generator,
    index: NDArray[np.int64],
    people: int,
    end: int,
    parameters: RegionParameters,
) -> Residents:
    """Draw the people of one block.

    Parameters
    ----------
    rng : numpy.random.Generator
        The block's stream.
    index : int64 array, shape (n,)
        Positions of these people in the region.
    people : int
        How many people the region has.
    end : int
        Day at which the region ends.
    parameters : RegionParameters
        What is true.
    """
    of, n = parameters.people, len(index)
    band = _shares(rng, [of.children, 1 - of.children - of.older, of.older], n)
    low, high = np.array([0.0, 18.0, 65.0])[band], np.array([18.0, 65.0, 98.0])[band]
    lean = np.array([1.0, 1.0, 1.4])[band]
    age = low + (high - low) * rng.random(n) ** lean
    decile = 1 + _shares(rng, list(np.linspace(1.45, 0.65, 10)), n)
    area = decile * 100 + rng.integers(0, max(4, people // 15_000), n)
    ethnic = _shares(rng, list(of.ethnic_categories.values()), n)
    sex = _shares(rng, [0.53, 0.465, 0.005], n)
    home, address = _homes(rng, index, people, age, of)
    enter, moved, died = _comings_and_goings(rng, age, end, of)
    site = (area % len(SITES)).astype(np.int8)
    known_days = 3 + rng.exponential(14.0, n), 10 + rng.exponential(50.0, n)
    frail = (age >= 75) & (rng.random(n) < of.extensive_care)
    distressed = (age >= 16) & (rng.random(n) < of.distress_share)
    factor = _unlinked_factor(ethnic, decile, site, parameters)
    drawn = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
    traits = _traits(rng, drawn, age, decile, home, factor, parameters)
    traits = traits._replace(
        enter=enter, leave=np.minimum(moved, died), adult_from=np.floor((18 - age) * YEAR)
    )
    return Residents(
        index=index, born=np.floor(-age * YEAR), sex=sex.astype(np.int8),
        ethnic=ethnic.astype(np.int8), decile=decile.astype(np.int8), area=area.astype(np.int32),
        site=site, home=home, address=address, enter=enter, moved=moved,
        move_known=moved + np.floor(known_days[1]), died=died,
        death_known=died + np.floor(known_days[0]), extensive_care=frail,
        opted_out=rng.random(n) < of.opted_out, distressed=distressed, unlinked_factor=factor,
        traits=traits,
    )  # fmt: skip


def _homes(
    rng: np.random.Generator,
    index: NDArray[np.int64],
    people: int,
    age: NDArray[np.float64],
    of: People,
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    draw, n = rng.random(len(index)), len(index)
    home = np.zeros(n, np.int8)
    home[(age >= 75) & (draw < of.care_home)] = 1
    adult = (age >= 18) & (age < 75)
    home[adult & (draw < of.communal + of.no_fixed_address)] = 3
    home[adult & (draw < of.communal)] = 2
    # Some share their home with the person before them in the same block.
    shares = (rng.random(n) < 0.3) & (np.arange(n) % 2 == 1)
    address = index - shares
    pool = rng.integers(0, max(3, people // 2_000), n)
    address = np.where(home == 1, 1_000_000_000 + pool, address)
    return home, np.where(home == 2, 2_000_000_000 + pool // 3, address)


def _comings_and_goings(
    rng: np.random.Generator, age: NDArray[np.float64], end: int, of: People
) -> tuple[NDArray[np.float64], ...]:
    n, years = len(age), end / YEAR
    newcomer = rng.random(n) < of.moves_in_a_year * years
    since = -np.floor(np.minimum(age * YEAR, rng.exponential(3_000.0, n) + 400.0))
    enter = np.where(newcomer, np.floor(rng.random(n) * end), since)
    gone = np.floor(
        np.maximum(enter, 0) + 1 + rng.exponential(YEAR / max(of.moves_out_a_year, 1e-9), n)
    )
    moved = np.where(gone < end, gone, np.inf)
    hazard = 0.0008 + 0.00003 * np.exp(0.092 * age)  # a rough life table, deaths a year
    dies = np.floor(np.maximum(enter, 0) + 1 + rng.exponential(1.0, n) / hazard * YEAR)
    died = np.where((dies < end) & (dies < moved), dies, np.inf)
    return enter, moved, died


def _unlinked_factor(
    ethnic: NDArray[np.int64],
    decile: NDArray[np.int64],
    site: NDArray[np.int8],
    parameters: RegionParameters,
) -> NDArray[np.float64]:
    identity = parameters.identity
    by_group = identity.missing_by_ethnic_group
    categories = list(parameters.people.ethnic_categories)
    times = np.array([by_group.get(ETHNIC_CATEGORY_GROUPS[c], 1.0) for c in categories])
    deprived = np.where(decile <= 2, identity.missing_by_deprived_quintile, 1.0)
    return np.asarray(times[ethnic] * deprived * _SITE_MISSING[site])


def _traits(
    rng: np.random.Generator,
    drawn: tuple[NDArray[np.float64], ...],
    age: NDArray[np.float64],
    decile: NDArray[np.int64],
    home: NDArray[np.int8],
    factor: NDArray[np.float64],
    parameters: RegionParameters,
) -> Traits:
    """Rates a day: log-normal calls, gamma escalations that lean towards those who call more."""
    of, feeds, n = parameters.people, parameters.feeds, len(age)
    towards = 5.5 - decile
    steps = of.deprivation_step * towards + np.where(age >= 75, 0.35, np.where(age < 18, -0.5, 0))
    calls = np.exp(of.calls_spread * drawn[0] - of.calls_spread**2 / 2 + steps)
    by_age = np.where(age < 18, 0.15, np.where(age < 65, 1.3, 0.75))
    gamma = rng.gamma(of.escalation_shape, 1 / of.escalation_shape, n)
    escalation = gamma * by_age * np.exp(of.escalation_deprivation_step * towards) * calls**0.5
    crisis = of.crisis_calls * np.exp(of.crisis_spread * drawn[1])
    attendances = np.exp(0.5 * drawn[0] + 0.5 * drawn[2] - 0.25 + of.deprivation_step * towards)
    missing = (1 - parameters.identity.calls) * factor
    towards_illness = np.where(age >= 65, 1.5, 0.7) * np.sqrt(calls)
    return Traits(
        enter=np.zeros(n),
        leave=np.zeros(n),
        adult_from=np.zeros(n),
        calls=calls * of.calls_a_year / YEAR,
        attendances=attendances * of.attendances_a_year / YEAR,
        escalation=np.maximum(escalation * of.escalations_a_year / YEAR, 1e-9),
        illness=towards_illness * of.illnesses_a_year / YEAR,
        crisis_calls=crisis,
        linked=np.maximum(0.0, 1 - missing),
        counted=np.where((home == 1) | (home == 2), 0.0, 1 - feeds.professional),
    )


def people_table(who: Residents, people: int, parameters: RegionParameters) -> pa.Table:
    """Write the block's rows of ``people.csv``."""
    day_zero = day_number(parameters.start)

    def day_text(days: NDArray[np.float64]) -> pa.Array:
        never = ~np.isfinite(days)
        noon = np.where(never, 0, days).astype(np.int64) + day_zero
        return local_date_text(to_utc(noon * DAY + DAY // 2), never)

    def text(names: tuple[str, ...] | list[str], codes: NDArray[np.int8]) -> pa.Array:
        return pa.array(names).take(pa.array(codes))

    def flag(values: NDArray[np.bool_]) -> pa.Array:
        return text(("0", "1"), values.astype(np.int8))

    n = len(who.index)
    return pa.table(
        {
            "nhs_number": identifiers(who.index, people),
            "date_of_birth": day_text(who.born),
            "sex": text(("2", "1", "9"), who.sex),
            "ethnic_category": text(list(parameters.people.ethnic_categories), who.ethnic),
            "imd_decile": pa.array(who.decile),
            "imd_version": pa.array(np.full(n, "2019")),
            "lsoa": lsoa_codes(who.area),
            "registered_from": day_text(who.enter),
            "registered_to": day_text(who.moved),
            "move_known_at": day_text(np.where(np.isfinite(who.moved), who.move_known, np.inf)),
            "died_on": day_text(who.died),
            "death_known_at": day_text(np.where(np.isfinite(who.died), who.death_known, np.inf)),
            "extensive_care": flag(who.extensive_care),
            "opted_out": flag(who.opted_out),
            "site": text(SITES, who.site),
        }
    )


def lsoa_codes(area: NDArray[np.int32]) -> pa.Array:
    """Area codes shaped like an LSOA's, from a range that is not in use."""
    return pa.compute.binary_join_element_wise(
        "E0199", pa.compute.utf8_lpad(pa.array(area).cast(pa.string()), 4, "0"), ""
    )
