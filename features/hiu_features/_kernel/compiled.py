"""How the kernel's functions are compiled.

``block`` is for what is called once for many rows: it may allocate. ``leaf`` is for what is
called once a row or more: it may not allocate, so it keeps no reference counts. Counting them in
the leaves took more than half of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(**more: Any) -> Callable[[Function], Function]:
    compiled: Callable[[Function], Function] = numba.njit(
        error_model="numpy", cache=True, nogil=True, **more
    )
    return compiled


block = _compiled()
leaf = _compiled(_nrt=False)  # undocumented; without it a row takes 1.4 times as long
