"""What learning warns of in the folds of a search, said once and not for every trial."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from hiu_training.learning.learner import log as learner_log

log = logging.getLogger(__name__)


class FoldWarnings(logging.Filter):
    """Keeps back what learning warns of in a fold, which is the same in every trial."""

    def __init__(self) -> None:
        super().__init__()
        self.fold = 0
        self.kept: dict[str, list[int]] = {}
        self.said: set[str] = set()

    @contextmanager
    def during(self, fold: int) -> Iterator[None]:
        """Listen while a fold, counted from 0, is learned."""
        self.fold = fold
        learner_log.addFilter(self)
        try:
            yield
        finally:
            learner_log.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a warning back; let anything else through."""
        if record.levelno < logging.WARNING:
            return True
        folds = self.kept.setdefault(record.getMessage(), [])
        if self.fold not in folds:
            folds.append(self.fold)
        return False

    def say(self, of: int) -> None:
        """Say what has not been said yet, after a trial."""
        new = {message: folds for message, folds in self.kept.items() if message not in self.said}
        self.said |= set(new)
        if new:
            log.warning(
                "Some folds tell little, in every trial alike: %s",
                "; ".join(
                    f"fold {', '.join(str(fold + 1) for fold in folds)} of {of}: {message}"
                    for message, folds in new.items()
                ),
            )
