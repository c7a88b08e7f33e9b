"""Every model of a home at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from hiu_risk.errors import HiuRiskError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import CROWNING, Entry, Ledger
from hiu_risk.times import from_seconds
from hiu_training.registry.fairness_gate import value_of
from hiu_training.registry.gates import Gate
from hiu_training.registry.judged import judge_model


@dataclass(frozen=True)
class ModelRow:
    """One model.

    Parameters
    ----------
    version : str
    aliases : tuple of str
    target : str or None
    horizon_days : int or None
    trained_at, trained_through : str or None
        When; the day from which on nothing was learned from.
    average_precision : float or None
        As evaluated.
    gates : tuple of Gate
        As they were when it last became champion by promotion, else as they are now.
    decided : bool
        True: the gates are those of a decision in the ledger.
    last_action : str or None
        The ledger's last word on it.
    trouble : str or None
        Why the bundle can't be read.
    """

    version: str
    aliases: tuple[str, ...]
    target: str | None = None
    horizon_days: int | None = None
    trained_at: str | None = None
    trained_through: str | None = None
    average_precision: float | None = None
    gates: tuple[Gate, ...] = ()
    decided: bool = False
    last_action: str | None = None
    trouble: str | None = None


def overview(home: ModelHome) -> list[ModelRow]:
    """Give every model, the newest first."""
    entries = Ledger(home).entries()
    aliases = home.aliases()
    rows = [
        _row(
            home,
            version,
            tuple(sorted(alias for alias, at in aliases.items() if at == version)),
            [entry for entry in entries if entry.version == version],
        )
        for version in home.ids()
    ]
    return sorted(rows, key=lambda row: (row.trained_at or "", row.version), reverse=True)


def _row(home: ModelHome, version: str, aliases: tuple[str, ...], entries: list[Entry]) -> ModelRow:
    try:
        bundle = home.load(version)
        evaluation = find(home, version, "evaluation") or {}
        gates, decided = _gates(home, bundle, entries)
    except HiuRiskError as error:
        return ModelRow(version, aliases, trouble=error.what)
    made = bundle.manifest
    model = evaluation.get("rankers", {}).get("model", {})
    return ModelRow(
        version=version,
        aliases=aliases,
        target=made.target,
        horizon_days=made.horizon_days,
        trained_at=evaluation.get("made", {}).get("trained_at"),
        trained_through=from_seconds(made.trained_through).isoformat(),
        average_precision=value_of(model.get("average_precision")),
        gates=gates,
        decided=decided,
        last_action=entries[-1].action if entries else None,
    )


def _gates(home: ModelHome, bundle: Bundle, entries: list[Entry]) -> tuple[tuple[Gate, ...], bool]:
    for entry in reversed(entries):
        if entry.action in CROWNING and entry.gates:
            return tuple(Gate(**gate) for gate in entry.gates), True  # type: ignore[arg-type]
    return judge_model(home, bundle.version).gates, False
