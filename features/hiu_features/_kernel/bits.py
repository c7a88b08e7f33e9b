"""The position of the lowest set bit, as one machine instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic


@intrinsic
def _lowest_bit(typing_context: Any, word: Any) -> Any:

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


lowest_bit = cast(Callable[[np.uint64], int], _lowest_bit)
"""Count the zero bits below the lowest set bit of a uint64 that is not zero."""
