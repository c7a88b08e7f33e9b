"""Who may appear on the list at an index date, and who is at risk of the target.

Both use only what was known at the index date: whatever is dated at ``as_of`` or later is the
future. Everybody who is left out is counted, under the first reason that applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import Definition
from hiu_risk.errors import UsageError, near_match
from hiu_risk.histories import Histories
from hiu_risk.kernels import kernel
from hiu_risk.local_dates import birthdays, years_since
from hiu_risk.meeting import NEVER, checked_as_ofs, known_state, read_only
from hiu_risk.times import DAY, FOREVER
from hiu_risk.visibility import is_known

Target = Literal["onset", "relapse", "persistence", "weekend"]
TARGETS: tuple[Target, ...] = ("onset", "relapse", "persistence", "weekend")
"""The four things that can be predicted; they are never mixed."""

EXCLUSIONS = (
    "died",
    "not_registered",
    "inactive",
    "outside_ages",
    "age_unknown",
    "opted_out",
    "extensive_care",
    "on_caseload",
)
"""Why somebody isn't eligible, in the order in which the reasons are looked at."""

NOT_AT_RISK: Mapping[Target, tuple[str, ...]] = {
    "onset": ("meets_now", "met_in_washout"),
    "relapse": ("never_met", "meets_now", "met_recently"),
    "persistence": ("does_not_meet_now",),
    "weekend": (),
}
"""Why somebody eligible isn't at risk of a target, in the order of looking."""


@dataclass(frozen=True)
class EligibilityPolicy:
    """Who may appear on the list; the ages come from the definition.

    People known to have died are never eligible, whatever the policy.

    Parameters
    ----------
    active_within_days : int
        Somebody without a known event that counts in this many days is left out; 0 asks for none.
    unknown_age : str
        ``include`` people whose birth isn't recorded (and count them), or ``exclude`` them.
    exclude_unregistered : bool
        Leave out who isn't, or is no longer, registered with the host area.
    exclude_opted_out, exclude_extensive_care, exclude_caseload : bool
        Leave out who opted out, is in the Extensive Care service, is already supported.

    Examples
    --------
    >>> EligibilityPolicy.from_dict({"exclude_opted_out": False}).exclude_opted_out
    False
    """

    active_within_days: int = 365
    unknown_age: Literal["include", "exclude"] = "include"
    exclude_unregistered: bool = True
    exclude_opted_out: bool = True
    exclude_extensive_care: bool = True
    exclude_caseload: bool = True

    def __post_init__(self) -> None:
        days = self.active_within_days
        if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 36_500:
            raise UsageError("active_within_days must be 0 to 36500", where="eligibility policy")
        if self.unknown_age not in ("include", "exclude"):
            raise UsageError(
                "unknown_age is neither include nor exclude", where="eligibility policy"
            )
        for name, value in asdict(self).items():
            if name.startswith("exclude_") and not isinstance(value, bool):
                raise UsageError(f"{name} must be true or false", where="eligibility policy")

    def to_dict(self) -> dict[str, Any]:
        """Give the policy as plain data; :meth:`from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EligibilityPolicy:
        """Build a policy from plain data; an unknown key is a UsageError."""
        for key in data:
            if key not in cls.__dataclass_fields__:
                raise UsageError(
                    f"unknown key {key!r}",
                    where="eligibility policy",
                    fix=near_match(key, cls.__dataclass_fields__),
                )
        return cls(**data)


@dataclass(frozen=True)
class Eligibility:
    """Who is eligible at each index date, and why the others are not.

    Parameters
    ----------
    mask : bool array, shape (n_people, n_as_ofs)
    exclusions : dict of str to int64 array, shape (n_as_ofs,)
        People left out by reason (:data:`EXCLUSIONS`); each person counts once, so that
        eligible and excluded people add up to all people.
    age_unknown : int64 array, shape (n_as_ofs,)
        Eligible people whose age the definition asks for and nobody recorded.
    """

    mask: NDArray[np.bool_]
    exclusions: dict[str, NDArray[np.int64]]
    age_unknown: NDArray[np.int64]


@dataclass(frozen=True)
class AtRisk:
    """Who is at risk of a target at each index date, and why the other candidates are not.

    Parameters
    ----------
    mask : bool array, shape (n_people, n_as_ofs)
    exclusions : dict of str to int64 array, shape (n_as_ofs,)
        Candidates left out by reason (:data:`NOT_AT_RISK`), each counted once.
    look_back_covered : bool array, shape (n_as_ofs,)
        Whether every feed that the definition counts runs through the whole look-back (the
        washout, or the gap before a relapse). Where not, "has not met it" means "as far as
        the data reach".
    """

    mask: NDArray[np.bool_]
    exclusions: dict[str, NDArray[np.int64]]
    look_back_covered: NDArray[np.bool_]


def eligibility(
    histories: Histories,
    as_ofs: NDArray[np.int64],
    definition: Definition,
    policy: EligibilityPolicy | None = None,
) -> Eligibility:
    """Tell who may appear on the list at each index date.

    Parameters
    ----------
    histories : Histories
        Of people, or of addresses for a definition whose entity is the address.
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds, in any order.
    definition : Definition
        Gives the ages.
    policy : EligibilityPolicy, optional
        The published defaults when not given.
    """
    policy = policy or EligibilityPolicy()
    as_ofs = checked_as_ofs(as_ofs)
    mask = np.ones((histories.n_people, len(as_ofs)), np.bool_)
    exclusions = {reason: np.zeros(len(as_ofs), np.int64) for reason in EXCLUSIONS}
    age_unknown = np.zeros(len(as_ofs), np.int64)
    asks_age = definition.min_age is not None or definition.max_age is not None
    births = birthdays(histories.people.born_at, histories.zone) if asks_age else None
    for k, as_of in enumerate(as_ofs.tolist()):
        age = (
            np.zeros(histories.n_people)
            if births is None
            else years_since(births, as_of, histories.zone)
        )
        reasons = _reasons(histories, as_of, definition, policy, age)
        mask[:, k] = _sift(mask[:, k], reasons, exclusions, k)
        age_unknown[k] = np.count_nonzero(np.isnan(age) & mask[:, k])
    return Eligibility(mask, exclusions, age_unknown)


def at_risk(
    histories: Histories,
    as_ofs: NDArray[np.int64],
    definition: Definition,
    target: Target = "onset",
    *,
    washout_days: int = 365,
    relapse_gap_days: int = 90,
    rows: NDArray[np.bool_] | None = None,
) -> AtRisk:
    """Tell who is at risk of a target at each index date, from what was known then.

    Onset: does not meet the rule now, and met it at no incident of the washout. Relapse: met it
    earlier, does not now, and either met it at no incident of the gap or was discharged from a
    caseload since. Persistence: meets it now. Weekend: every candidate.

    Parameters
    ----------
    histories : Histories
        Of people, or of addresses for a definition whose entity is the address.
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds, in any order.
    definition : Definition
        The rule.
    target : str
        ``onset``, ``relapse``, ``persistence`` or ``weekend``.
    washout_days : int
        Length of the washout ``[as_of - washout, as_of)`` of an onset.
    relapse_gap_days : int
        Length of the gap before a relapse.
    rows : bool array, shape (n_people, n_as_ofs), optional
        The candidates, for instance the eligible; the others are neither at risk nor counted.
    """
    as_ofs = checked_as_ofs(as_ofs)
    checked_target(target)
    look_back = {"onset": washout_days, "relapse": relapse_gap_days}.get(target, 0)
    if not 0 <= look_back <= 36_500:
        raise UsageError("a look-back must be 0 to 36500 days", where=f"target {target}")
    shape = (histories.n_people, len(as_ofs))
    mask = np.ones(shape, np.bool_) if rows is None else checked_rows(rows, shape).copy()
    exclusions = {reason: np.zeros(len(as_ofs), np.int64) for reason in NOT_AT_RISK[target]}
    meets, last_met = known_state(histories, as_ofs, definition)
    for k, as_of in enumerate(as_ofs.tolist()):
        met_lately = last_met[:, k] >= as_of - look_back * DAY
        if target == "relapse":
            met_lately &= _last_discharge(histories, as_of) < last_met[:, k]
        holds = {
            "meets_now": meets[:, k],
            "does_not_meet_now": ~meets[:, k],
            "never_met": last_met[:, k] == NEVER,
            "met_in_washout": met_lately,
            "met_recently": met_lately,
        }
        reasons = {reason: holds[reason] for reason in NOT_AT_RISK[target]}
        mask[:, k] = _sift(mask[:, k], reasons, exclusions, k)
    return AtRisk(mask, exclusions, _covered(histories, as_ofs, definition, look_back))


def why_not_eligible(
    histories: Histories,
    person: int,
    as_of: int,
    definition: Definition,
    policy: EligibilityPolicy | None = None,
) -> str | None:
    """Give the reason for which one person isn't eligible, or None for somebody who is."""
    one = histories.take(np.array([person]))
    found = eligibility(one, np.array([as_of]), definition, policy)
    return next((reason for reason, counts in found.exclusions.items() if counts[0]), None)


def checked_target(target: str) -> None:
    """Check the name of a target."""
    if target not in TARGETS:
        raise UsageError(f"no target {target!r}", where="target", fix=near_match(target, TARGETS))


def checked_rows(rows: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Check a mask of rows: bool, one row a person and one column an index date."""
    if rows.shape != shape or rows.dtype != np.bool_:
        raise UsageError(
            f"rows must be a bool array of {shape[0]} people by {shape[1]} index dates",
            where="rows",
        )
    return rows


def _reasons(
    histories: Histories,
    as_of: int,
    definition: Definition,
    policy: EligibilityPolicy,
    age: NDArray[np.float64],
) -> dict[str, NDArray[np.bool_]]:
    people, nobody = histories.people, np.zeros(histories.n_people, np.bool_)
    gone = (people.registered_to < as_of) & (people.move_known_at <= as_of)
    young = age < (definition.min_age if definition.min_age is not None else -np.inf)
    old = age > (definition.max_age if definition.max_age is not None else np.inf)
    within = policy.active_within_days
    holds = {
        "died": (people.died_at < as_of) & (people.death_known_at <= as_of),
        "not_registered": gone | (people.registered_from >= as_of),
        "inactive": ~_active(histories, as_of, within * DAY) if within else nobody,
        "outside_ages": young | old | (age < 0),
        "age_unknown": np.isnan(age),
        "opted_out": people.opted_out,
        "extensive_care": people.extensive_care,
        "on_caseload": _on_caseload(histories, as_of),
    }
    switches = {
        "not_registered": policy.exclude_unregistered,
        "age_unknown": policy.unknown_age == "exclude",
        "opted_out": policy.exclude_opted_out,
        "extensive_care": policy.exclude_extensive_care,
        "on_caseload": policy.exclude_caseload,
    }
    return {name: holds[name] if switches.get(name, True) else nobody for name in EXCLUSIONS}


def _sift(
    candidates: NDArray[np.bool_],
    reasons: Mapping[str, NDArray[np.bool_]],
    exclusions: Mapping[str, NDArray[np.int64]],
    k: int,
) -> NDArray[np.bool_]:
    # Take out of the candidates whom a reason holds for, each under the first one that does.
    left = candidates.copy()
    for reason, holds in reasons.items():
        exclusions[reason][k] = np.count_nonzero(left & holds)
        left &= ~holds
    return left


def _on_caseload(histories: Histories, as_of: int) -> NDArray[np.bool_]:
    # A discharge dated at as_of is still the future.
    spells, on = histories.caseload, np.zeros(histories.n_people, np.bool_)
    on[spells.person[(spells.start < as_of) & (spells.end >= as_of)]] = True
    return on


def _last_discharge(histories: Histories, as_of: int) -> NDArray[np.int64]:
    spells, last = histories.caseload, np.full(histories.n_people, NEVER, np.int64)
    over = spells.end < as_of
    np.maximum.at(last, spells.person[over], spells.end[over])
    return last


def _covered(
    histories: Histories, as_ofs: NDArray[np.int64], definition: Definition, days: int
) -> NDArray[np.bool_]:
    feeds = [histories.feed(source) for source in definition.sources]
    starts = [FOREVER if feed is None else feed.starts_at for feed in feeds]
    return max(starts) <= as_ofs - days * DAY


def _active(histories: Histories, as_of: int, within: int) -> NDArray[np.bool_]:
    active = np.zeros(histories.n_people, np.bool_)
    h = histories
    _fill_active(
        read_only(h.offsets), read_only(h.occurred_at), read_only(h.available_at),
        read_only(h.superseded_at), as_of, within, active,
    )  # fmt: skip
    return active


@kernel()
def _fill_active(
    offsets: NDArray[np.int64], occurred_at: NDArray[np.int64], available_at: NDArray[np.int64],
    superseded_at: NDArray[np.int64], as_of: int, within: int, active: NDArray[np.bool_],
) -> None:  # fmt: skip
    for person in range(len(offsets) - 1):
        for j in range(offsets[person + 1] - 1, offsets[person] - 1, -1):
            if occurred_at[j] < as_of - within:
                break
            if is_known(occurred_at[j], available_at[j], superseded_at[j], as_of):
                active[person] = True
                break
