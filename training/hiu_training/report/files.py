"""Everything written about an evaluated model, as files of one folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hiu_risk.files import write_json, write_text
from hiu_training.report import card, charts, tripod
from hiu_training.report.card_page import render_card
from hiu_training.report.known import Known
from hiu_training.report.page import render_page
from hiu_training.report.published import published


def report_files(folder: Path, known: Known) -> list[Path]:
    """Write the evaluation page, the model card, the TRIPOD+AI table, their data and pictures.

    Parameters
    ----------
    folder : Path
        Made if it isn't there.
    known : Known
        With an evaluation.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts, rows = card.facts(known), tripod.rows(known)
    texts = {
        "evaluation.html": render_page(known),
        "model-card.html": render_card(known, facts, rows),
        "model-card.md": card.to_markdown(facts, known.version),
        "precision-recall.svg": charts.precision_recall(known.evaluation),
        "calibration.svg": charts.calibration(known.evaluation),
        "recall-by-capacity.svg": charts.by_capacity(known.evaluation, "recall"),
    }
    data: dict[str, Any] = {
        "evaluation.json": published(known.evaluation),
        "model-card.json": card.to_data(known),
        "tripod-ai.json": {"model": known.version, "items": [asdict(row) for row in rows]},
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, content in data.items():
        write_json(folder / name, content)
    return [folder / name for name in (*texts, *data)]
