"""The model card and the TRIPOD+AI table as one page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from hiu_risk.pages import render
from hiu_risk.words import looked_for
from hiu_training.report.card import CardFact
from hiu_training.report.known import Known
from hiu_training.report.tripod import TripodRow


def render_card(known: Known, facts: Sequence[CardFact], rows: Sequence[TripodRow]) -> str:
    """Render the card; what a person must write stands out."""
    manifest = known.bundle.manifest
    return render(
        "hiu_training",
        "card.html",
        title="Model card",
        subtitle=f"Model {known.version}: {looked_for(manifest.target, manifest.horizon_days)}",
        sections=[(name, list(part)) for name, part in groupby(facts, lambda fact: fact.section)],
        items=[(name, list(part)) for name, part in groupby(rows, lambda row: row.section)],
        left=sum(bool(row.to_complete) for row in rows),
        n_items=len(rows),
    )
