"""Parts of a store worked on beside each other, results in order.

Reading, building and writing a part each let other threads run while they work, so that one
part is read or written while another is built, and no core waits for the disk.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Give how many threads share the work: the processors, at most 2 (memory grows with each)."""
    return min(2, os.cpu_count() or 1)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """Do a work on each item in threads; give the results in the order of the items.

    One item more than there are threads is at hand at a time, so that memory follows the items at
    hand and not all of them. After an error, or when the caller stops, nothing new is begun.

    Examples
    --------
    >>> list(in_order(len, ["one", "three"]))
    [3, 5]
    """
    threads = threads or cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
