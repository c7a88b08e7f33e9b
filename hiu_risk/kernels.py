"""Compiled functions, kept on disk and never older than what is compiled into them.

Numba keeps a function's machine code for as long as the function's own file stays the same,
whatever became of functions and numbers that came into it from other files: after an upgrade it
could go on counting by the old rules. Here the code is kept for as long as all of them stay.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

Function = TypeVar("Function", bound=Callable[..., Any])

OURS = ("hiu_risk", "hiu_features", "hiu_training", "hiu_serving")


def kernel(**options: Any) -> Callable[[Function], Dispatcher[Function]]:
    """Compile a function by numba's ``njit`` with these options, and keep the machine code."""

    def compiled(function: Function) -> Dispatcher[Function]:
        found: Dispatcher[Function] = numba.njit(cache=True, **options)(function)
        cache: Any = getattr(found, "_cache", None)  # None where compiling is switched off
        if cache is not None:
            index = cache._cache_file
            index._source_stamp = index._source_stamp, taken_in(function, options)
        return found

    return compiled


def taken_in(function: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """Hash the options, and whatever a function may have compiled in from other files."""
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    for part in _parts(function.__globals__, {id(function.__globals__)}):
        digest.update(part)
    return digest.hexdigest()


def _parts(names: Mapping[str, Any], seen: set[int]) -> Iterator[bytes]:
    """Give numbers among these names by value, and the files of compiled functions behind them."""
    for name, value in sorted(names.items()):
        if name.startswith("__"):
            continue
        yield f"{name}={_told(value)}\n".encode()
        inner = _home(value)
        if inner and id(inner) not in seen:
            seen.add(id(inner))
            yield Path(inner["__file__"]).read_bytes()
            yield from _parts(inner, seen)


def _home(value: Any) -> Mapping[str, Any]:
    """Give the names of the file that a compiled function, or one of our modules, comes from."""
    function = getattr(value, "py_func", getattr(value, "_defn", None))  # or that of an intrinsic
    names = getattr(function if inspect.isfunction(function) else None, "__globals__", {})
    if isinstance(value, ModuleType) and value.__name__.partition(".")[0] in OURS:
        names = vars(value)
    return names if "__file__" in names else {}


def _told(value: Any) -> str:
    """Write down what numba would freeze into the code: numbers, texts, arrays, fields."""
    if isinstance(value, (bool, int, float, str, np.generic)):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, tuple):
        return f"({','.join(_told(one) for one in value)})"
    if isinstance(value, type):
        return str(getattr(value, "_fields", ""))
    return ""
