"""How the kernel's functions are compiled.

``block`` is for what is called once for many rows: it may allocate, and releases the
interpreter. ``leaf`` is for what is called once a row or more: it may not allocate, so it keeps
no reference counts. Counting them in the leaves took two thirds of the time.
"""

from __future__ import annotations

import numba

block = numba.njit(error_model="numpy", cache=True, nogil=True)
leaf = numba.njit(error_model="numpy", cache=True, nogil=True, _nrt=False)
