"""A finding is said only as strongly as the printed interval beside it allows."""

from __future__ import annotations

from collections.abc import Mapping

from hiu_training.audit.findings import Verdict

Ends = tuple[float, float]
"""The two ends of an interval of a difference, as printed."""

_WEAKER: Mapping[Verdict, Verdict] = {"lower": "perhaps_lower", "higher": "perhaps_higher"}


def as_printed(verdict: Verdict, own: Ends | None, wide: Ends | None, margin: float) -> Verdict:
    """Weaken a finding until the printed numbers bear it out.

    Parameters
    ----------
    verdict : str
        The finding by the exact numbers.
    own, wide : (float, float) or None
        The difference's printed interval, by itself and allowing for all comparisons; None
        where it is hidden or can't be given.
    margin : float
        A difference below this doesn't matter.

    Examples
    --------
    >>> as_printed("lower", (-0.3, -0.1), (-0.4, -0.02), 0.05)
    'lower'
    >>> as_printed("lower", (-0.3, -0.1), (-0.4, 0.02), 0.05)
    'perhaps_lower'
    >>> as_printed("close", (-0.08, 0.04), (-0.1, 0.06), 0.05)
    'no_difference_shown'
    >>> as_printed("lower", None, None, 0.05)
    'insufficient_evidence'
    """
    if verdict in ("not_compared", "insufficient_evidence"):
        return verdict
    if own is None or wide is None:
        return "insufficient_evidence"
    if verdict == "close":
        return "close" if -margin < own[0] and own[1] < margin else "no_difference_shown"
    if verdict in _WEAKER:
        if _clear(verdict, wide):
            return verdict
        verdict = _WEAKER[verdict]
    return verdict if _clear(verdict, own) else "no_difference_shown"


def _clear(verdict: Verdict, ends: Ends) -> bool:
    """Tell whether an interval lies wholly on the finding's side of zero."""
    if verdict in ("lower", "perhaps_lower"):
        return ends[1] < 0
    return verdict in ("higher", "perhaps_higher") and ends[0] > 0
