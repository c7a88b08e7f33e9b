"""Made-up test rows with a model that knows something, for tests of judging and its report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.evaluation import Ranker
from hiu_training.judging.judged import Details, Grouping, find_cases
from hiu_training.judging.whole_lists import Censored
from hiu_training.rows.inputs import Rows

HORIZON = 90


def judged_rows(n_people: int = 1_500, origins: int = 5, seed: int = 1) -> Rows:
    """Rows of people with skewed risk, each ranked at every origin until it happens to them."""
    rng = np.random.default_rng(seed)
    risk = np.exp(rng.normal(-5.2, 1.4, n_people))
    moment = rng.exponential(1 / risk) * HORIZON * DAY
    as_ofs = np.arange(origins, dtype=np.int64) * 30 * DAY
    person, origin, label, happened = [], [], [], []
    for who in range(n_people):
        for place, as_of in enumerate(as_ofs.tolist()):
            if moment[who] >= as_of:
                soon = moment[who] < as_of + HORIZON * DAY
                person.append(who)
                origin.append(place)
                label.append(int(soon))
                happened.append(int(moment[who]) if soon else FOREVER)
    return Rows(
        person=np.array(person, np.int32), origin=np.array(origin, np.int16),
        label=np.array(label, np.int8), happened_at=np.array(happened, np.int64),
        values=np.log(risk[person]).astype(np.float32)[:, None], names=("log_risk",),
        as_ofs=as_ofs, dropped={"censored": {"death": 30, "move": 4}},
    )  # fmt: skip


def rankers_of(rows: Rows, seed: int = 2) -> dict[str, Ranker]:
    """A good model, a worse anchor, and a count that ties most rows."""
    rng = np.random.default_rng(seed)
    truth = rows.values[:, 0].astype(np.float64)
    odds = truth + 0.3 * rng.normal(size=len(rows))
    anchor = truth + 0.9 * rng.normal(size=len(rows))
    return {
        "model": Ranker(odds, odds),
        "anchor": Ranker(anchor, anchor),
        "count_30d": Ranker(rng.poisson(np.exp(truth + 3.5)).astype(float)),
    }


def details_of(rows: Rows) -> Details:
    """Cases, and two dimensions of groups; one group is too small to judge."""
    few = np.unique(rows.person[rows.label == 1])[:3]
    south = (rows.person < 40) | np.isin(rows.person, few)
    return Details(
        find_cases(rows),
        {
            "history": Grouping(("never met the rule", "met the rule before"), rows.person % 2),
            "site": Grouping(("north", "south"), south.astype(np.int64)),
        },
    )


def censored_of(rows: Rows, seed: int = 5) -> Censored:
    """The 34 people at risk whom the rows say were dropped, at random dates, and their scores."""
    rng = np.random.default_rng(seed)
    n = sum(rows.dropped["censored"].values())
    others = replace(
        rows.part(np.isin(np.arange(len(rows)), rng.choice(len(rows), n, replace=False))),
        label=np.full(n, -1, np.int8), happened_at=np.full(n, FOREVER),
    )  # fmt: skip
    return Censored(others, rankers_of(others, seed))
