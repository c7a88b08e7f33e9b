"""Pictures of contributions for data scientists: waterfall, beeswarm and dependence, by shap.

The numbers are the model's own exact contributions; shap only draws them.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk import NOT_FOR
from hiu_risk.errors import UsageError, near_match
from hiu_risk.files import replacing
from hiu_risk.model import Bundle
from hiu_risk.suppression import SmallNumbers

FORMATS = ("svg", "png")
SHOWN = 14
"""Features drawn by name; the rest is one bar."""
MOST_POINTS = 2_000
"""Of more people a picture shows this many, taken evenly."""
FEWEST = SmallNumbers().mean_needs
"""People behind each value and contribution in pictures that leave the team."""

_ARTIFACT_DEPENDENCES = 3


@dataclass(frozen=True)
class Parts:
    """Rows and what each of their features adds to the log-odds.

    Parameters
    ----------
    names : tuple of str
        Features.
    values : float32 array, shape (n, n_features)
    contributions : float64 array, shape (n, n_features)
    base : float
        Log-odds that all rows start from.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    contributions: NDArray[np.float64]
    base: float

    @classmethod
    def of(cls, bundle: Bundle, values: NDArray[np.float32]) -> Parts:
        """Work them out."""
        contributions, base = bundle.contributions(values)
        return cls(bundle.feature_names, values, contributions, float(base[0]))

    def some(self, most: int = MOST_POINTS) -> Parts:
        """Take so many rows evenly."""
        n = len(self.values)
        if n <= most:
            return self
        rows = np.linspace(0, n - 1, most).astype(np.int64)
        return Parts(self.names, self.values[rows], self.contributions[rows], self.base)

    def strongest(self, most: int) -> list[str]:
        """Name the features that move scores most, the strongest first."""
        weight = np.abs(self.contributions).mean(axis=0)
        return [self.names[place] for place in np.argsort(-weight, kind="stable")[:most]]


def waterfall(path: Path, parts: Parts, title: str = "From the base to this score") -> None:
    """Draw how one row's features add up; of several rows, their mean.

    Raises
    ------
    UsageError
        The file is neither SVG nor PNG, or can't be written.
    """
    alone = len(parts.values) == 1
    values = parts.values[0].astype(np.float64) if alone else None
    with _figure(path, title) as shap:
        shap.plots.waterfall(
            shap.Explanation(
                values=parts.contributions.mean(axis=0),
                base_values=parts.base,
                data=values,
                feature_names=list(parts.names),
            ),
            max_display=SHOWN,
            show=False,
        )


def beeswarm(path: Path, parts: Parts, title: str = "What moves scores") -> None:
    """Draw every row's contributions, a line a feature; see :func:`waterfall` for errors."""
    parts = parts.some()
    with _figure(path, title) as shap:
        shap.plots.beeswarm(_explanation(shap, parts), max_display=SHOWN, show=False)
        _axis("Contribution, log-odds", axis="x")


def dependence(path: Path, parts: Parts, feature: str, title: str = "") -> None:
    """Draw one feature's contribution over its value; see :func:`waterfall` for errors.

    Raises
    ------
    UsageError
        The model has no such feature.
    """
    if feature not in parts.names:
        raise UsageError(
            f"the model has no feature {feature!r}",
            where="--dependence",
            fix=near_match(feature, parts.names),
        )
    place, parts = parts.names.index(feature), parts.some()
    known = ~np.isnan(parts.values[:, place])
    missing = int((~known).sum())
    if missing and not title:
        title = f"{feature}: missing for {missing:,} of {len(known):,} people, who are not drawn"
    if not known.any():
        raise UsageError("the feature is missing for everybody", where="--dependence")
    kept = Parts(parts.names, parts.values[known], parts.contributions[known], parts.base)
    with _figure(path, title or feature) as shap:
        import matplotlib.pyplot as plt

        axes = plt.gcf().add_subplot()
        shap.plots.scatter(_explanation(shap, kept)[:, place], ax=axes, show=False)
        _axis("Contribution, log-odds", axis="y")


def artifacts(
    folder: Path,
    bundle: Bundle,
    values: NDArray[np.float32],
    person: NDArray[np.int32],
    capacity: int = 75,
) -> list[Path]:
    """Draw the pictures kept with a training: nobody's own waterfall, but that of the highest.

    They leave the team, so no dot stands at a value or a contribution of fewer than 8 people
    (see :func:`shared`).

    Parameters
    ----------
    folder : Path
        Where to.
    bundle : Bundle
        The model.
    values : float32 array, shape (n, n_features)
        Rows that judged it.
    person : int32 array, shape (n,)
        Whose they are.
    capacity : int
        The waterfall is the mean of so many rows with the highest scores.

    Returns
    -------
    list of Path
        ``shap-waterfall.svg``, ``shap-beeswarm.png`` and ``shap-dependence-<feature>.png`` of the
        features that move scores most.
    """
    top = np.argsort(-bundle.score(values), kind="stable")[:capacity]
    highest = Parts.of(bundle, np.ascontiguousarray(values[np.sort(top)]))
    rows = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(np.int64)
    everybody = Parts.of(bundle, np.ascontiguousarray(values[rows]))
    vague = shared(everybody, person[rows])
    files = [folder / "shap-waterfall.svg", folder / "shap-beeswarm.png"]
    waterfall(files[0], highest, f"The {len(top)} highest scores, on average")
    beeswarm(files[1], vague)
    for name in everybody.strongest(_ARTIFACT_DEPENDENCES):
        if np.isnan(vague.values[:, vague.names.index(name)]).all():
            continue
        files.append(folder / f"shap-dependence-{name}.png")
        dependence(files[-1], vague, name, f"{name}: values of at least {FEWEST} people")
    return files


def shared(parts: Parts, person: NDArray[np.int32]) -> Parts:
    """Give the rows with no value and no contribution that fewer than 8 people have.

    Each is clipped at its 1st and 99th percentile; neighbours are then put together until 8
    people share them, and stand at their mean. A feature that fewer people have is missing.
    """
    values, contributions = parts.values.copy(), parts.contributions.copy()
    for column in range(len(parts.names)):
        known = ~np.isnan(values[:, column])
        enough = len(np.unique(person[known])) >= FEWEST
        values[known, column] = (
            _together(values[known, column].astype(np.float64), person[known]) if enough else np.nan
        )
        contributions[:, column] = _together(contributions[:, column], person)
    return Parts(parts.names, values, contributions, parts.base)


def _together(values: NDArray[np.float64], person: NDArray[np.int32]) -> NDArray[np.float64]:
    """Put neighbouring values together until 8 people share each; the last join those before."""
    clipped = np.clip(values, *np.percentile(values, (1, 99), method="inverted_cdf"))
    order = np.argsort(clipped, kind="stable")
    ordered, whose = clipped[order], person[order].tolist()
    ends = np.flatnonzero(np.diff(ordered, append=np.inf) > 0) + 1
    cuts, start, seen = [0], 0, set[int]()
    for end in ends.tolist():
        seen.update(whose[start:end])
        start = end
        if len(seen) >= FEWEST:
            cuts.append(end)
            seen.clear()
    if cuts[-1] != len(ordered):
        cuts[-1 if len(cuts) > 1 else len(cuts) :] = [len(ordered)]
    found = np.empty(len(values))
    for first, last in itertools.pairwise(cuts):
        here = ordered[first:last]
        found[order[first:last]] = here[0] if here[0] == here[-1] else here.mean()
    return found


def check_picture(path: Path) -> str:
    """Give a picture's format by its name, after checking that it can be written.

    Raises
    ------
    UsageError
        Neither SVG nor PNG, or a folder that can't be written to: said before the work, not after.
    """
    found = path.suffix.lower().removeprefix(".")
    if found not in FORMATS:
        raise UsageError(
            "a picture is an .svg or a .png file", where="--plot", fix="name the file so"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(path),
            fix="choose a folder you may write to",
        ) from None
    return found


def _explanation(shap: Any, parts: Parts) -> Any:
    return shap.Explanation(
        values=parts.contributions,
        base_values=np.full(len(parts.values), parts.base),
        data=parts.values.astype(np.float64),
        feature_names=list(parts.names),
    )


def _axis(label: str, axis: str) -> None:
    import matplotlib.pyplot as plt

    axes: Sequence[Any] = plt.gcf().axes
    getattr(axes[0], f"set_{axis}label")(label)


@contextmanager
def _figure(path: Path, title: str) -> Iterator[Any]:
    """Give shap an empty figure, and save what it drew whole or not at all.

    shap draws with pyplot and shuffles with NumPy's own generator: both are left as they were.
    """
    form = check_picture(path)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import matplotlib as mpl
        import matplotlib.pyplot as plt
        import shap

        former = np.random.get_state()  # noqa: NPY002
        np.random.seed(1)  # noqa: NPY002
        with mpl.rc_context({"svg.hashsalt": "hiu-risk", "font.size": 9}):
            plt.switch_backend("agg")
            figure = plt.figure(figsize=(9, 6))
            try:
                yield shap
                figure.axes[0].set_title(title, fontsize=11, pad=14)
                figure.text(0.01, -0.04, NOT_FOR, fontsize=7, color="0.3", wrap=True)
                metadata = {"Date": None} if form == "svg" else None
                figure.savefig(
                    temporary, format=form, metadata=metadata, dpi=150, bbox_inches="tight"
                )
            finally:
                plt.close(figure)
                np.random.set_state(former)  # noqa: NPY002
