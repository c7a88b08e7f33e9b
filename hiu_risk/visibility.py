"""What was known on a day: the only place where an event's times meet an index date.

The functions are compiled, so that the feature engine can call them inside its loops; called
from Python they work on scalars.
"""

from __future__ import annotations

from hiu_risk.kernels import kernel


@kernel(inline="always")
def is_known(occurred_at: int, available_at: int, superseded_at: int, as_of: int) -> bool:
    """Tell whether an event version was known and current at ``as_of``.

    Examples
    --------
    >>> is_known(10, 15, 99, as_of=15), is_known(10, 16, 99, as_of=15)
    (True, False)
    """
    return occurred_at < as_of and available_at <= as_of and as_of < superseded_at


@kernel(inline="always")
def leads(occurred_at: int, available_at: int, leads_until: int, as_of: int) -> bool:
    """Tell whether an event version counted as an incident at ``as_of``.

    ``leads_until`` never exceeds ``superseded_at``, so a leading event is a known one.

    Examples
    --------
    >>> leads(10, 12, 14, as_of=13), leads(10, 12, 14, as_of=14)
    (True, False)
    """
    return is_known(occurred_at, available_at, leads_until, as_of)
