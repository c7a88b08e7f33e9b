"""How the kernel's functions are compiled.

``block`` is for what is called once for many rows: it may allocate. ``leaf`` is for what is
called once a row or more: it may not allocate, so it keeps no reference counts. Counting them in
the leaves took more than half of the time.
"""

from __future__ import annotations

from hiu_risk.kernels import kernel

block = kernel(error_model="numpy", nogil=True)
leaf = kernel(error_model="numpy", nogil=True, _nrt=False)
"""``_nrt`` is undocumented; without it a row takes 1.4 times as long."""
