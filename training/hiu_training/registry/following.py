"""MLflow's aliases follow ours, as ours follow the ledger."""

from __future__ import annotations

from hiu_risk.errors import ModelError
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import CROWNING, Ledger
from hiu_training.registry.registered import is_there, point, registered_by_all, taken


def follow_or_note(home: ModelHome, done: str) -> tuple[str, ...]:
    """Let MLflow's aliases follow; where they can't, give a note of what is done all the same."""
    try:
        follow(home)
    except ModelError as error:
        return (f"{done}, but {error} Then run hiu-risk models verify --repair.",)
    return ()


def follow(home: ModelHome) -> list[str]:
    """Let MLflow's aliases stand for the models that ours stand for; names those changed.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    if not is_there(home.path):
        return []
    ledger = Ledger(home)
    done = []
    with ledger.locked():
        everybodys = registered_by_all(home.path)
        others = taken(everybodys)
        crowned = [entry for entry in ledger.entries() if entry.action in CROWNING]
        mark = f"{crowned[-1].sequence}:{crowned[-1].hash}" if crowned else ""
        for alias, version in home.aliases().items():
            wanted = [v for v in everybodys if v.own and v.bundle_id.startswith(version)]
            held = [v for v in wanted if alias in v.aliases]
            tag = mark if alias == "champion" else ""
            behind = not held and alias not in others
            if wanted and (behind or (tag and (held or wanted)[0].ledger != tag)):
                at = "" if alias in others else alias
                point(home.path, at, (held or wanted)[0].number, tag)
                done.append(f"MLflow's {alias}")
    return done
