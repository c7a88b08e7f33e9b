"""What is true of the synthetic region: every number that shapes it, in one place.

Where a number comes from is written beside it: *published* (a source of the project's domain
notes states it), *general* (general knowledge, unverified) or *ours* (chosen so that the region
reaches the published scale and is neither trivial nor hopeless to predict).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any, NamedTuple

from hiu_risk.codes import ETHNIC_CATEGORY_GROUPS
from hiu_risk.errors import UsageError

PHASES = ("settled", "early_warning", "late_warning", "crisis", "recovery", "illness")
"""A person's hidden state; the position of a name is its code."""


class Rates(NamedTuple):
    """The calling process: rates per day, durations as mean days (all *ours*).

    A person's call intensity is ``season x (phase rate) + excitation``, times the caseload's
    effect while on a caseload. Each incident adds ``excitation_mean / excitation_days`` to the
    excitation, which decays with a mean of ``excitation_days``.
    """

    excitation_mean: float = 0.05
    """Further incidents that one incident causes directly."""
    excitation_days: float = 4.0
    """Mean days until them."""
    season_swing: float = 0.08
    """Winter peak and summer trough of the call rate, as a share (*general*)."""
    early_days: float = 28.0
    """Mean length of early warning: marked contacts, calls hardly more."""
    late_days: float = 30.0
    """Mean length of late warning: more marked contacts, calls a little more."""
    early_calls: float = 0.025
    """Calls a day that early warning adds."""
    late_calls: float = 0.06
    """Calls a day that late warning adds."""
    warning_attendances: float = 0.14
    """Walk-in A&E attendances a day that either warning adds."""
    crisis_attendances: float = 0.06
    """Walk-in A&E attendances a day that a crisis adds."""
    crisis_probability: float = 0.80
    """Chance that late warning ends in a crisis; otherwise it fades."""
    crisis_days: float = 33.0
    """Mean length of a crisis."""
    recovery_days: float = 45.0
    """Mean length of recovery."""
    recovery_calls: float = 0.012
    """Calls a day that recovery adds."""
    relapse_probability: float = 0.20
    """Chance that recovery ends in a new early warning."""
    illness_days: float = 40.0
    """Mean length of an illness: more contacts for a time, without the signs, never a crisis."""
    illness_calls: float = 0.022
    """Calls a day that an illness adds."""
    illness_attendances: float = 0.09
    """Walk-in A&E attendances a day that an illness adds."""
    caseload_effect: float = -0.20
    """True relative change of every intensity while on the caseload (*published* target)."""
    enrolment_probability: float = 0.30
    """Chance that somebody who newly meets the monthly rule is put forward for the caseload."""
    enrolment_wait_days: float = 28.0
    """Mean days from meeting the rule to the start on the caseload."""
    spell_days: float = 180.0
    """Mean length of a spell on the caseload (half to one and a half times this)."""


@dataclass(frozen=True)
class Identity:
    """Who can be recognised: shares of events that are linked to a person in the end.

    Ambulance-to-A&E linkage ranges from 50% to 94% by trust (*published*); the values sit at
    the better end (*ours*), with known gaps by group.
    """

    calls: float = 0.92
    attendances: float = 0.97
    admissions: float = 0.995
    missing_by_ethnic_group: dict[str, float] = field(
        default_factory=lambda: {"black": 2.5, "not_known": 2.0}
    )
    """How many times as often identity is missing, by ethnic group (others 1)."""
    missing_by_deprived_quintile: float = 1.5
    """How many times as often identity is missing in IMD deciles 1 and 2."""
    traced_later: float = 0.08
    """Share of linked calls whose first submission had no identity."""
    by_demographics: float = 0.30
    """Share of linked events recognised by name and date of birth, not by number."""


@dataclass(frozen=True)
class People:
    """Who lives in the region (*general* unless said otherwise)."""

    calls_a_year: float = 1.55
    """Mean settled call incidents a year of somebody known to the service (*ours*)."""
    calls_spread: float = 0.5
    """Standard deviation of the log of a person's settled rate (*ours*)."""
    attendances_a_year: float = 0.5
    """Mean settled walk-in A&E attendances a year (*ours*)."""
    escalations_a_year: float = 0.0021
    """Mean new warnings a year (*ours*, tuned to the published scale)."""
    escalation_shape: float = 0.35
    """Shape of the gamma spread of that hazard; lower is more unequal (*ours*)."""
    illnesses_a_year: float = 0.04
    """Mean new illnesses a year (*ours*): many contacts that lead to nothing."""
    crisis_calls: float = 0.62
    """Median calls a day in a crisis (*ours*, tuned to the published share of incidents)."""
    crisis_spread: float = 0.6
    """Standard deviation of the log of a person's crisis rate (*ours*)."""
    deprivation_step: float = 0.06
    """Log rate ratio of calls per IMD decile towards deprivation."""
    escalation_deprivation_step: float = 0.12
    """Log rate ratio of new warnings per IMD decile towards deprivation."""
    distress_share: float = 0.06
    """People whose calls are mostly about mental health without ever escalating more."""
    children: float = 0.12
    older: float = 0.38
    """Aged 65 and over; the rest are 18 to 64."""
    care_home: float = 0.10
    """Share of people aged 75 and over who live in a care home."""
    communal: float = 0.008
    """Share of adults who live at a communal address, such as a hostel."""
    no_fixed_address: float = 0.006
    moves_in_a_year: float = 0.03
    moves_out_a_year: float = 0.03
    opted_out: float = 0.015
    extensive_care: float = 0.02
    """Share of people aged 75 and over in the Extensive Care service."""
    ethnic_categories: dict[str, float] = field(
        default_factory=lambda: {
            "A": 0.705, "B": 0.008, "C": 0.035, "D": 0.006, "E": 0.003, "F": 0.005, "G": 0.006,
            "H": 0.025, "J": 0.03, "K": 0.012, "L": 0.015, "M": 0.015, "N": 0.03, "P": 0.007,
            "R": 0.006, "S": 0.022, "Z": 0.025, "99": 0.045,
        }
    )  # fmt: skip
    """Shares of the NHS ethnic categories; ethnic group changes no rate, only identity."""


@dataclass(frozen=True)
class Signs:
    """How contacts differ by phase (*ours*): the signs that come before the counts rise."""

    night: dict[str, float] = field(
        default_factory=lambda: {
            "settled": 0.22,
            "early_warning": 0.58,
            "late_warning": 0.60,
            "crisis": 0.42,
            "recovery": 0.28,
            "illness": 0.22,
        }
    )
    """Share of contacts between 22:00 and 06:00."""
    distress: dict[str, float] = field(
        default_factory=lambda: {
            "settled": 0.06,
            "early_warning": 0.80,
            "late_warning": 0.82,
            "crisis": 0.60,
            "recovery": 0.25,
            "illness": 0.04,
        }
    )
    """Share of contacts for a reason of the warning mix (mental health, falls, self-harm...)."""
    left_unseen: dict[str, float] = field(
        default_factory=lambda: {
            "settled": 0.04,
            "early_warning": 0.44,
            "late_warning": 0.46,
            "crisis": 0.28,
            "recovery": 0.10,
            "illness": 0.04,
        }
    )
    """Share of walk-in A&E attendances that end before the person was seen."""


@dataclass(frozen=True)
class Feeds:
    """How the extracts reach us (*ours*, after the published habit of resubmitting)."""

    professional: float = 0.04
    """Share of call incidents made by a health-care professional."""
    further_calls: float = 0.14
    """Share of call incidents with a second call; a third follows as often again."""
    call_delay_days: float = 1.0
    attendance_delay_days: float = 2.0
    admission_delay_days: int = 45
    """Declared delay of the admissions feed, whose rows carry no time of arrival."""
    late_share: float = 0.04
    """Share of calls and attendances that arrive late."""
    late_days: float = 20.0
    """Mean further days of a late row."""
    corrected: float = 0.025
    """Share of calls and attendances resubmitted with other content."""
    repeated: float = 0.015
    """Share of calls and attendances resubmitted unchanged."""
    follow_ups: float = 0.05
    """Share of seen A&E attendances followed by a planned return (category 2 or 3)."""
    planned_admissions_a_year: float = 0.10
    transfers: float = 0.03
    """Share of emergency admissions followed by a transfer (method 2B)."""
    legacy_method: float = 0.02
    """Share of emergency admissions coded with the legacy method 28."""
    bad_rows: int = 3
    """Rows of each kind of mistake planted in each file."""


@dataclass(frozen=True)
class RegionParameters:
    """Everything that is true of a synthetic region.

    Examples
    --------
    >>> RegionParameters().rates.caseload_effect
    -0.2
    """

    start: date = date(2022, 1, 1)
    rates: Rates = field(default_factory=Rates)
    people: People = field(default_factory=People)
    identity: Identity = field(default_factory=Identity)
    signs: Signs = field(default_factory=Signs)
    feeds: Feeds = field(default_factory=Feeds)

    def __post_init__(self) -> None:
        rates = self.rates
        if not 0 <= rates.excitation_mean < 1:
            raise UsageError(
                "excitation_mean must be from 0 to below 1", where="synthetic region, rates"
            )
        if not -1 <= rates.caseload_effect <= 0:
            raise UsageError("caseload_effect must be from -1 to 0", where="synthetic region")
        for group in self.identity.missing_by_ethnic_group:
            if group not in ETHNIC_CATEGORY_GROUPS.values():
                raise UsageError(f"no ethnic group {group!r}", where="synthetic region, identity")
        for part in (self.people, self.identity, self.feeds):
            for item in fields(part):
                value = getattr(part, item.name)
                if isinstance(value, int | float) and value < 0:
                    raise UsageError(f"{item.name} can't be negative", where="synthetic region")

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as plain data, as ``truth.json`` states them."""
        data = asdict(self)
        data["start"] = self.start.isoformat()
        data["rates"] = self.rates._asdict()
        return data
