"""The model as a scikit-learn classifier: the very learner that training uses, on any table.

Import it by its own name: training itself does not need it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from hiu_features import default_catalogue
from hiu_risk.errors import UsageError
from hiu_risk.model.calibrator import probability
from hiu_risk.times import DAY, FOREVER
from hiu_training.learning.learner import learn
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split, late_blocks
from hiu_training.tuning.space import turned

PARTS = 12
"""Rows without a time are cut into this many parts, in the order given."""


class AnchoredBooster(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped bases
    """Anchor, booster and calibrator behind ``fit`` and ``predict_proba``.

    Two classes; the second of ``classes_`` is the one looked ahead for. Missing values are NaN.

    Columns that have the name of a feature of the catalogue are treated as training treats them:
    the anchor's inputs come from them, and monotone directions. Other columns go to the trees
    alone, in any direction.

    Parameters
    ----------
    protocol : Protocol, optional
        Definition (whose sources the anchor stands on), horizon, anchor, booster, calibration
        and seed. Default: that of an empty protocol file.
    settings : dict, optional
        Changes to it, such as ``{"anchor.l2": 3.0}``: what a grid search may vary.
    directions : sequence of int, optional
        -1, 0 or 1 for every column. Default: the catalogue's, 0 for columns it doesn't know.

    Attributes
    ----------
    classes_ : array, shape (2,)
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where ``X`` was a frame.
    learned_ : Learned
        Anchor, booster, calibrator and verdict; see :mod:`hiu_training.learning.learner`.
    split_ : Split
        The blocks in time.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls_30d": rng.poisson(2.0, 2000)})
    >>> y = rng.random(2000) < 1 / (1 + np.exp(3 - X["calls_30d"]))
    >>> model = AnchoredBooster().fit(X, y)
    >>> bool(model.predict_proba(X)[X["calls_30d"] == 6, 1].min() > 0.8)
    True
    """

    def __init__(
        self,
        protocol: Protocol | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        directions: Sequence[int] | None = None,
    ) -> None:
        self.protocol = protocol
        self.settings = settings
        self.directions = directions

    def fit(self, X: Any, y: Any, *, origins: Any = None, groups: Any = None) -> Self:  # noqa: N803
        """Learn from rows.

        Parameters
        ----------
        X : frame or array, shape (n, n_features)
        y : array, shape (n,)
            Two classes.
        origins : array, shape (n,), optional
            Index date of each row: UTC seconds or datetime64. A block is judged by a model that
            knew only rows whose horizon had passed at the block's first index date. No reporting
            delay is added, as rows don't tell it: with late data give ``embargo_days``, the
            horizon plus the delay, in the protocol. Without it
            the order of the rows is taken for time: they are cut into twelve parts of equal
            size, one known as soon as the next begins, none older than another in weight.
        groups : array, shape (n,), optional
            Person of each row: whether the trees help is judged by people. Without it every row
            is a person of its own.

        Raises
        ------
        ValueError
            What scikit-learn refuses; one class alone, or more than two.
        ModelError
            Too few index dates for the blocks, or one class alone in the last of them.
        """
        values, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        label, classes = self._classes(y)
        protocol = turned(
            self.protocol or parse_protocol(""), default_catalogue(), self.settings or {}
        )
        n = len(label)
        as_ofs, origin, embargo = (
            _parts(n) if origins is None else _dates(origins, values, protocol)
        )
        person = np.arange(n) if groups is None else _codes(groups, values)
        rows = Rows(
            person=person.astype(np.int32),
            origin=origin.astype(np.int16),
            label=label,
            happened_at=np.full(n, FOREVER),
            values=np.ascontiguousarray(values),
            names=self._names(),
            as_ofs=as_ofs,
            dropped={},
        )
        split = _split(as_ofs, embargo)
        self.learned_ = learn(rows, split, protocol, self._directions(rows.names))
        self.split_, self.classes_ = split, classes
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Give the log-odds of the second class, shape (n,)."""
        check_is_fitted(self)
        values = validate_data(
            self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False
        )
        learned, values = self.learned_, np.ascontiguousarray(values)
        raw = learned.anchor.log_odds(values, self._names()) + learned.booster.raw(values)
        return np.asarray(learned.calibrator.apply(raw))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Give the probability of either class, shape (n, 2)."""
        p = probability(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Give the likelier class; of little use where one is rare."""
        odds = self.decision_function(X)
        return np.asarray(self.classes_[(odds > 0).astype(np.intp)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _classes(self, y: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[Any]]:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        classes, code = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        return code.astype(np.int8), classes

    def _names(self) -> tuple[str, ...]:
        """Names as the learner may have them: LightGBM refuses some characters."""
        given = getattr(self, "feature_names_in_", None)
        if given is None:
            return tuple(f"x{place}" for place in range(self.n_features_in_))
        return tuple(
            name if re.fullmatch(r"\w+", name) else f"column_{place}"
            for place, name in enumerate(given)
        )

    def _directions(self, names: Sequence[str]) -> tuple[int, ...]:
        if self.directions is not None:
            if len(self.directions) != len(names) or not set(self.directions) <= {-1, 0, 1}:
                raise ValueError("directions must be -1, 0 or 1 for every column of X")
            return tuple(self.directions)
        known = {feature.name: feature.direction for feature in default_catalogue()}
        return tuple(known.get(name, 0) for name in names)


def _parts(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Take the order of rows for time: parts a second apart, so that none is older in weight."""
    parts = min(PARTS, n)
    return np.arange(parts, dtype=np.int64), np.arange(n) * parts // n, 1


def _dates(
    origins: Any, values: NDArray[np.float32], protocol: Protocol
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    array = np.asarray(origins)
    check_consistent_length(array, values)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[s]").astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UsageError(
            "origins must be whole UTC seconds or datetime64, one for each row", where="origins"
        )
    days = protocol.horizon_days if protocol.embargo_days is None else protocol.embargo_days
    as_ofs, origin = np.unique(array.astype(np.int64), return_inverse=True)
    return as_ofs, origin, max(days * DAY, 1)


def _codes(groups: Any, values: NDArray[np.float32]) -> NDArray[np.int64]:
    array = np.asarray(groups)
    check_consistent_length(array, values)
    return np.unique(array, return_inverse=True)[1]


def _split(as_ofs: NDArray[np.int64], embargo: int) -> Split:
    """Lay the blocks out: all dates are learned from, the last ones also judge what to add."""
    size, n = late_blocks(as_ofs, embargo), len(as_ofs)
    if size is None:
        raise UsageError(
            f"{n} index dates are too few: early stopping and calibration need one each, and one "
            f"to learn from whose horizon had passed before",
            where="origins",
            fix="give rows of more index dates, or shorten horizon_days",
        )
    return Split(
        as_ofs, as_ofs[:0], (n - 2 * size, n - size), (n - size, n), embargo,
        int(np.diff(as_ofs).min(initial=DAY) // DAY),
    )  # fmt: skip
