"""The booster: LightGBM's trees, which start from the anchor and may be none at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError
from hiu_risk.model.contributions import ContributionTables

_VOLATILE = ("[num_threads:", "[num_gpu:", "[machines:", "[local_listen_port:", "[verbosity:")


class Booster:
    """Trees in LightGBM's text format; an empty text stands for no trees.

    Parameters
    ----------
    text : str
        What :meth:`lightgbm.Booster.model_to_string` gave, or ``""``.

    Raises
    ------
    ModelError
        LightGBM can't read the text.

    Examples
    --------
    >>> Booster("").raw(np.zeros((2, 3), np.float32)).tolist()
    [0.0, 0.0]
    """

    def __init__(self, text: str = "") -> None:
        self.text = "\n".join(
            line for line in text.splitlines() if not line.startswith(_VOLATILE)
        ) + ("\n" if text else "")

    @cached_property
    def _model(self) -> Any:
        if not self.text:
            return None
        import lightgbm

        try:
            return lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError:
            raise ModelError(
                "LightGBM can't read the trees", where="booster.txt", fix="train again"
            ) from None

    @cached_property
    def _tables(self) -> ContributionTables | None:
        return ContributionTables.read(self.text) if self.text else None

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self._model.num_trees() if self._model is not None else 0

    @cached_property
    def features(self) -> frozenset[str]:
        """Features that any tree looks at."""
        if self._model is None:
            return frozenset()
        splits = zip(self._model.feature_name(), self._model.feature_importance(), strict=True)
        return frozenset(name for name, count in splits if count)

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse trees whose features are not these, in this order."""
        if self._model is not None and self._model.feature_name() != list(names):
            raise ModelError(
                "the trees' features are not the bundle's", where="booster.txt", fix="train again"
            )

    def raw(self, values: NDArray[np.float32], *, threads: int = 0) -> NDArray[np.float64]:
        """Give what the trees add to the log-odds, shape (n,)."""
        if self._model is None or len(values) == 0:
            return np.zeros(len(values))
        return np.asarray(self._model.predict(values, raw_score=True, num_threads=threads))

    def contributions(
        self, values: NDArray[np.float32], *, threads: int = 0
    ) -> tuple[NDArray[np.float64], float]:
        """Give each feature's TreeSHAP share, shape (n, n_features), and the trees' mean.

        Looked up in tables where these cover the trees, else computed by LightGBM.
        """
        if self._tables is not None and self._tables.cover(values):
            return self._tables.contributions(values, threads=threads), self._tables.mean
        return self.lightgbm_contributions(values, threads=threads)

    def lightgbm_contributions(
        self, values: NDArray[np.float32], *, threads: int = 0
    ) -> tuple[NDArray[np.float64], float]:
        """Give the same as :meth:`contributions`, computed by LightGBM's ``pred_contrib``."""
        if self._model is None or len(values) == 0:
            return np.zeros(values.shape), 0.0
        shares = np.asarray(
            self._model.predict(values, pred_contrib=True, num_threads=threads), dtype=np.float64
        )
        return np.ascontiguousarray(shares[:, :-1]), float(shares[0, -1])
