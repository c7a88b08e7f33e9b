"""Synthetic NHS numbers: valid check digits, from the range that is never issued."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_FIRST = 999_000_000
_STRIDE = 387_420_489
"""Coprime with how many valid numbers there are, so that stepping by it visits each once."""


@cache
def _valid_numbers() -> NDArray[np.int64]:
    """Every valid ten-digit number from 999 000 0000 to 999 999 9999, in order."""
    stems = np.arange(_FIRST, _FIRST + 1_000_000, dtype=np.int64)
    weighted = sum((stems // 10 ** (9 - place) % 10) * (11 - place) for place in range(1, 10))
    check = (11 - weighted % 11) % 11
    valid: NDArray[np.int64] = (stems * 10 + check)[check < 10]
    return valid


def nhs_numbers_available() -> int:
    """How many valid synthetic NHS numbers there are."""
    return len(_valid_numbers())


def nhs_numbers(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give a distinct, valid synthetic NHS number for each person's index.

    Examples
    --------
    >>> nhs_numbers(np.array([0, 1])).tolist()
    [9990000018, 9991624953]
    """
    valid = _valid_numbers()
    numbers: NDArray[np.int64] = valid[(index * _STRIDE) % len(valid)]
    return numbers
