"""The model in use: loaded once, changed without a restart when the champion changes."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from hiu_risk.errors import HiuRiskError
from hiu_risk.model import ModelHome
from hiu_serving.scorer import Scorer

log = logging.getLogger("hiu_serving.api")


@dataclass
class Champion:
    """The scorer of a model home's alias, read again when ``aliases.json`` changes.

    A new champion that can't be loaded is said in the log and in the status; the old one stays.
    """

    home: ModelHome
    alias: str = "champion"
    trouble: str = ""
    _scorer: Scorer | None = None
    _stamp: tuple[int, int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def scorer(self) -> Scorer:
        """Give the scorer in use.

        Raises
        ------
        HiuRiskError
            No model was ever loaded and none can be now.
        """
        stamp = self._seen()
        if stamp != self._stamp or self._scorer is None:
            with self._lock:
                if stamp != self._stamp or self._scorer is None:
                    self._load(stamp)
        assert self._scorer is not None  # noqa: S101 - _load raised otherwise
        return self._scorer

    def _seen(self) -> tuple[int, int] | None:
        try:
            status = (self.home.path / "aliases.json").stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _load(self, stamp: tuple[int, int] | None) -> None:
        try:
            scorer = Scorer.of(self.home.load(self.alias))
            scorer.warm_up()
        except HiuRiskError as error:
            self.trouble = error.what
            if self._scorer is None:
                raise
            log.error("model not changed: %s", error)
        else:
            self._scorer, self.trouble = scorer, ""
            log.info("model %s in use", scorer.version)
        self._stamp = stamp
