"""Fit the anchor: a logistic regression too simple and too cautious to be far wrong.

Cautions that make it hold up on little data and where the cohort shifts:

- more events, and more recent events, may never lower the risk (coefficients are not negative);
- coefficients are pulled not towards zero but towards *equal weights* of the standardised
  inputs, which predict almost as well as fitted weights and need no data (Dawes 1979, "The
  robust beauty of improper linear models", American Psychologist 34, 571-582);
- each origin has a level of its own while coefficients are fitted: they come from people compared
  on one date, as a list compares them, and not from what changed between the dates;
- an input that hardly varies is not blown up: its scale has a floor, and tenure is pulled to none;
- recent origins may count more than old ones;
- no single choice of inputs is trusted: anchors on several sets of inputs (:data:`KINDS`) are
  averaged, by how well each foresaw the later blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from hiu_risk.definitions import Definition
from hiu_risk.model import Anchor, AnchorInput
from hiu_risk.model.anchor import Transform, transform
from hiu_risk.model.crossing import MANY, YEAR, Crossing, crossing_values, rate_feature
from hiu_risk.times import DAY
from hiu_training.learning.calibration import fit_offset
from hiu_training.protocol import Protocol
from hiu_training.protocol.settings import AnchorSettings
from hiu_training.rows.inputs import Rows

MOST_ROWS = 100_000
"""With more rows a sample of the negatives stands for all, weighted up exactly."""

SOME_ROWS = 65_536
"""Rows that go through the rule together, which bounds the memory for what lies between."""

RATES = (7, 30, 90, 180, YEAR)
"""Half-lives of the rates that the rule is asked with; 365 is the count of a year."""

MONTH = 30
"""Days of a calendar month, where a rule counts in calendar months."""

KINDS: Mapping[str, frozenset[str]] = {
    "rule": frozenset({"rule"}),
    "rule, tenure": frozenset({"rule", "tenure"}),
    "rule, counts": frozenset({"rule", "counts"}),
    "counts": frozenset({"counts", "recency"}),
    "counts, tenure": frozenset({"counts", "recency", "tenure"}),
    **{
        f"count {one}": frozenset({one})
        for one in ("365d", "decayed_7d", "decayed_30d", "decayed_90d", "decayed_180d")
    },
}
"""Inputs that anchors stand on, by role or by the end of their name, besides counts of the sources
that the rule leaves out. A single count is among them: it is what the model must never lose to."""

SCALE_FLOOR: Mapping[Transform, float] = {
    "log1p": 0.5, "recency": 0.25, "log1p_year": 1.0, "identity": 1.0
}  # fmt: skip
"""An input is divided by its spread among the training rows, but by no less than this: where hardly
anybody has an event yet, one event must not look like an extreme."""

CROSSING_FLOOR = 0.5
"""The same for log-odds of crossing the rule."""

TEMPER = 8.0
"""An anchor that lost so many nats more than the best on the later blocks has 1/e of its weight."""

_OWN: tuple[tuple[str, Transform, str], ...] = (
    ("{many}_30d", "log1p", "counts"),
    ("{many}_90d", "log1p", "counts"),
    ("{many}_365d", "log1p", "counts"),
    ("{many}_decayed_7d", "log1p", "counts"),
    ("{many}_decayed_30d", "log1p", "counts"),
    ("{many}_decayed_90d", "log1p", "counts"),
    ("{many}_decayed_180d", "log1p", "counts"),
    ("days_since_last_{one}", "recency", "recency"),
    ("days_since_3rd_last_{one}", "recency", "recency"),
    ("days_since_5th_last_{one}", "recency", "recency"),
)
_OTHER: tuple[tuple[str, Transform, str], ...] = (
    ("{many}_90d", "log1p", "other"),
    ("{many}_365d", "log1p", "other"),
)


def anchor_inputs(definition: Definition, names: Sequence[str]) -> list[tuple[str, Transform, str]]:
    """List the anchor's inputs among these features.

    Returns
    -------
    list of (feature, transform, role)
        Inputs with the roles ``counts`` and ``recency`` belong to the sources that the definition
        counts; ``other`` ones don't; ``tenure`` is how long the person has been known.

    Examples
    --------
    >>> from hiu_risk.definitions import DEFINITIONS
    >>> anchor_inputs(DEFINITIONS["spec_ae"], ["ae_30d", "calls_90d", "age"])
    [('ae_30d', 'log1p', 'counts'), ('calls_90d', 'log1p', 'other')]
    """
    wanted: list[tuple[str, Transform, str]] = []
    for source, many in MANY.items():
        own = source in definition.sources
        wanted += [
            (name.format(many=many, one=source), how, role)
            for name, how, role in (_OWN if own else _OTHER)
        ]
    wanted.sort(key=lambda item: item[2] == "other")
    wanted.append(("tenure_days", "log1p_year", "tenure"))
    return [item for item in wanted if item[0] in names]


def crossing_inputs(protocol: Protocol, rows: Rows, known: NDArray[np.bool_]) -> list[Crossing]:
    """List the inputs that ask how near a person is to meeting the rule.

    ``known`` are rows whose mean rate may be looked at; rates are shrunk towards it.
    """
    found = []
    for source in protocol.definition.sources:
        yearly = f"{MANY[source]}_{YEAR}d"
        if yearly not in rows.names:
            continue
        mean = float(np.nan_to_num(rows.column(yearly)[known].astype(np.float64)).mean())
        clauses = [c for c in protocol.definition.clauses if c.source == source]
        rule = tuple((c.needed, c.days or c.calendar_months * MONTH) for c in clauses)
        straddle = protocol.overlap == "straddle"
        if protocol.target == "weekend":
            rule = ((1, protocol.horizon_days),)
        if protocol.target in ("weekend", "persistence"):
            straddle = False  # what has happened already decides nothing there
        found += [
            Crossing(
                source, half_life, rule, protocol.horizon_days, straddle,
                _rounded(max(mean, 0.01) / YEAR),
            )
            for half_life in RATES
            if rate_feature(source, half_life) in rows.names
        ]  # fmt: skip
    return found


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that an anchor may stand on, worked out once for all rows.

    Parameters
    ----------
    rows : Rows
    items : tuple of AnchorInput or Crossing
        With a mean of 0 and a coefficient of 1.
    roles : tuple of str
        ``rule``, ``counts``, ``recency``, ``tenure`` or ``other``, one an item.
    columns : float64 array, shape (n_items, n_rows)
        Transformed values; NaN where missing.
    """

    rows: Rows
    items: tuple[AnchorInput | Crossing, ...]
    roles: tuple[str, ...]
    columns: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows, definition: Definition, crossings: Sequence[Crossing] = ()) -> Inputs:
        """Transform what there is among the rows' features."""
        plain = anchor_inputs(definition, rows.names)
        columns = np.empty((len(crossings) + len(plain), len(rows)))
        for first in range(0, len(rows) if crossings else 0, SOME_ROWS):
            some = slice(first, first + SOME_ROWS)
            found, _ = crossing_values(crossings, rows.values[some], rows.names)
            columns[: len(crossings), some] = found.T
        for place, (name, how, _) in enumerate(plain, start=len(crossings)):
            columns[place] = transform(rows.column(name), how)
        items: tuple[AnchorInput | Crossing, ...]
        items = (*crossings, *(AnchorInput(name, how, 0.0, 0.0, 1.0) for name, how, _ in plain))
        roles = (*("rule" for _ in crossings), *(role for _, _, role in plain))
        return cls(rows, items, roles, columns)

    def kinds(self) -> dict[str, frozenset[str]]:
        """Give the sets of inputs that differ on these rows; at least one."""
        found: dict[tuple[bool, ...], str] = {}
        for name, wanted in KINDS.items():
            chosen = self._chosen(wanted)
            if any(one and role != "tenure" for one, role in zip(chosen, self.roles, strict=True)):
                found.setdefault(chosen, name)
        return {name: KINDS[name] for name in found.values()} or {"nothing": frozenset()}

    def _chosen(self, wanted: frozenset[str]) -> tuple[bool, ...]:
        """Tell which items are wanted, by role or by the end of the feature's name."""
        return tuple(
            role in wanted or (role == "counts" and str(_key(item)[0]).partition("_")[2] in wanted)
            for item, role in zip(self.items, self.roles, strict=True)
        )

    def fit(
        self, mask: NDArray[np.bool_], wanted: frozenset[str], settings: AnchorSettings, seed: int
    ) -> Anchor:
        """Fit an anchor on the masked rows, from the inputs wanted (see :data:`KINDS`).

        An input that does not vary among them is left out. With more than 100,000 rows the
        negatives are sampled and weighted up, which leaves the log-odds unbiased.
        """
        rows = self.rows
        chosen, weight = _sampled(rows.label, mask, seed)
        age = rows.as_ofs[rows.origin[mask]].max() - rows.as_ofs[rows.origin[chosen]]
        weight = weight * 0.5 ** (age / (settings.half_life_days * DAY))
        label = rows.label[chosen].astype(np.float64)
        origin = np.unique(rows.origin[chosen], return_inverse=True)[1]
        used, columns = [], []
        for item, role, column, chosen_item in zip(
            self.items, self.roles, self.columns, self._chosen(wanted), strict=True
        ):
            if not chosen_item and role != "other":
                continue
            x = column[chosen]
            mean, missing = _mean_and_missing(x, item)
            x[np.isnan(x)] = missing
            spread = float(x.std())
            if spread > 1e-9:
                spread = max(spread, _scale_floor(item))
                used.append((item, role, mean, missing, spread))
                columns.append((x - mean) / spread)
        z = np.stack(columns, axis=1) if columns else np.zeros((len(label), 0))
        # The rule is told before its counts: where both are there, equal weights are the rule's.
        first = "rule" if any(role == "rule" for _, role, *_ in used) else ""
        is_own = np.array([_is_own(role, first) for _, role, *_ in used], dtype=np.bool_)
        signed = np.array([role != "tenure" for _, role, *_ in used], dtype=np.bool_)
        with threadpool_limits(1, "blas"):
            prior = _equal_weights(z, label, weight, origin, is_own)
            beta = _fit(z, label, weight, origin, prior, settings.l2, signed)
            level = fit_offset(z @ beta, label, weight)
        found = [
            _with(item, mean, missing, _rounded(b / spread))
            for (item, _, mean, missing, spread), b in zip(used, beta, strict=True)
        ]
        return Anchor(
            _rounded(level),
            tuple(item for item in found if isinstance(item, AnchorInput)),
            tuple(item for item in found if isinstance(item, Crossing)),
        )

    def log_odds(
        self, anchor: Anchor, mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Give an anchor's log-odds of the masked rows, to the bit what it gives itself."""
        rows: NDArray[np.bool_] | slice = slice(None) if mask is None else mask
        total = np.full(len(self.rows) if mask is None else int(mask.sum()), anchor.intercept)
        place = {_key(item): column for item, column in zip(self.items, self.columns, strict=True)}
        for item in anchor.terms:
            x = place[_key(item)][rows]
            if isinstance(item, AnchorInput):
                x = np.where(np.isnan(x), item.missing, x)
            total += (x - item.mean) * item.coefficient
        return total


def blend(anchors: Sequence[Anchor], weights: Sequence[float]) -> Anchor:
    """Average anchors: the log-odds are the weighted mean of theirs.

    Examples
    --------
    >>> one = Anchor(-1.0, (AnchorInput("calls_30d", "log1p", 0.5, 0.5, 1.0),))
    >>> blend([one, Anchor(-3.0, ())], [0.75, 0.25])
    Anchor(intercept=-1.5, inputs=(AnchorInput(feature='calls_30d', transform='log1p', mean=0.5, \
missing=0.5, coefficient=0.75),), crossings=())
    """
    whole = sum(weights)
    intercept = 0.0
    total: dict[tuple[object, ...], tuple[AnchorInput | Crossing, float]] = {}
    for anchor, weight in zip(anchors, weights, strict=True):
        share = weight / whole
        intercept += share * anchor.intercept
        for item in anchor.terms:
            _, before = total.get(_key(item), (item, 0.0))
            total[_key(item)] = item, before + share * item.coefficient
    found = [replace(item, coefficient=_rounded(value)) for item, value in total.values() if value]
    return Anchor(
        _rounded(intercept),
        tuple(item for item in found if isinstance(item, AnchorInput)),
        tuple(item for item in found if isinstance(item, Crossing)),
    )


def weigh(losses: Sequence[float]) -> list[float]:
    """Give the weight of each anchor from its log loss on the later blocks.

    Examples
    --------
    >>> weigh([100.0, 100.0, 140.0])
    [0.5, 0.5, 0.0]
    """
    best = min(losses)
    raw = np.exp([-(loss - best) / TEMPER for loss in losses])
    shares = raw / raw.sum()
    shares[shares < 0.02] = 0.0  # too little to be worth a line of the printed anchor
    return [float(f"{share:.4g}") for share in shares / shares.sum()]


def fit_anchor(
    rows: Rows, mask: NDArray[np.bool_], definition: Definition, settings: AnchorSettings, seed: int
) -> Anchor:
    """Fit the anchor of counts, recency and tenure on the masked rows: the readable baseline."""
    inputs = Inputs.of(rows, definition)
    return inputs.fit(mask, frozenset({"counts", "recency", "tenure"}), settings, seed)


def _is_own(role: str, first: str) -> bool:
    return role == first if first else role in ("counts", "recency")


def _key(item: AnchorInput | Crossing) -> tuple[object, ...]:
    if isinstance(item, AnchorInput):
        return item.feature, item.transform
    return item.source, item.half_life


def _with(
    item: AnchorInput | Crossing, mean: float, missing: float, coefficient: float
) -> AnchorInput | Crossing:
    if isinstance(item, Crossing):
        return replace(item, mean=mean, coefficient=coefficient)
    return replace(item, mean=mean, missing=missing, coefficient=coefficient)


def _mean_and_missing(x: NDArray[np.float64], item: AnchorInput | Crossing) -> tuple[float, float]:
    # A missing recency means that it never happened, which the transform writes as 0.
    if isinstance(item, AnchorInput) and item.transform == "recency":
        return _rounded(float(np.nan_to_num(x).mean())), 0.0
    known = x[~np.isnan(x)]
    mean = _rounded(float(known.mean())) if len(known) else 0.0
    return mean, mean


def _rounded(value: float) -> float:
    # Nine digits: so that the order in which threads add does not reach the bundle.
    return float(f"{value:.9g}")


def _sampled(
    label: NDArray[np.int8], mask: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    chosen = np.flatnonzero(mask)
    positive = chosen[label[chosen] == 1]
    negative = chosen[label[chosen] == 0]
    room = max(MOST_ROWS - len(positive), MOST_ROWS // 2)
    if len(negative) <= room:
        return chosen, np.ones(len(chosen))
    sample = np.random.default_rng(seed).choice(negative, room, replace=False)
    both = np.sort(np.concatenate([positive, sample]))
    return both, np.where(label[both] == 1, 1.0, len(negative) / room)


def _scale_floor(item: AnchorInput | Crossing) -> float:
    return SCALE_FLOOR[item.transform] if isinstance(item, AnchorInput) else CROSSING_FLOOR


def _equal_weights(
    z: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    origin: NDArray[np.int64],
    own: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Give the prior: one common coefficient of the own inputs, none of the others."""
    prior = np.zeros(z.shape[1])
    if own.any():
        composite = z[:, own].mean(axis=1)[:, None]
        common = _fit(composite, label, weight, origin, np.zeros(1), 1e-3, np.ones(1, np.bool_))
        prior[own] = common[0] / own.sum()
    return prior


def _fit(
    z: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    origin: NDArray[np.int64],
    prior: NDArray[np.float64],
    l2: float,
    not_negative: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Give the coefficients that minimise the weighted log loss plus their distance to the prior.

    The distance costs l2/2 times its square; the level of each origin is pulled to a common one
    as by one more person on each side.
    """
    rate = float(np.average(label, weights=weight))
    first = 1 + int(origin.max(initial=-1)) + 1

    def loss(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        levels, beta = free[1:first], free[first:]
        eta = free[0] + levels[origin] + z @ beta
        apart = beta - prior
        value = float(weight @ (np.logaddexp(0, eta) - label * eta))
        value += float(l2 / 2 * apart @ apart + levels @ levels / 2)
        gap = weight * (1 / (1 + np.exp(-np.clip(eta, -35, 35))) - label)
        by_origin = np.bincount(origin, weights=gap, minlength=len(levels)) + levels
        return value, np.concatenate([[gap.sum()], by_origin, z.T @ gap + l2 * apart])

    start = np.concatenate([[np.log(rate / (1 - rate))], np.zeros(first - 1), prior])
    bounds = [(None, None)] * first + [(0.0 if floor else None, None) for floor in not_negative]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
    )  # fmt: skip
    return np.asarray(found.x[first:], dtype=np.float64)
