"""Hold ledger, aliases, bundles, evidence and MLflow against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hiu_risk.errors import HiuRiskError
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import NAMES, find
from hiu_risk.model.ledger import Entry, Ledger
from hiu_risk.model.manifest import digest
from hiu_training.registry.following import follow
from hiu_training.registry.registered import (
    Registered,
    evaluations_of,
    is_there,
    registered_by_all,
    taken,
)
from hiu_training.registry.tracking import end_run, unended_runs

NOT_SHOWN = (
    "Not shown by this: a ledger rewritten as a whole, together with ledger.head and MLflow, by "
    "somebody who may write to them. To find that, note the newest hash elsewhere, for instance "
    "in the minutes of the board, and give it with --head."
)
"""What no check of the folder by itself can find."""


def verify(home: ModelHome, noted: str | None = None) -> list[str]:
    """Give everything that doesn't agree, in words; nothing is changed.

    Parameters
    ----------
    noted : str, optional
        A hash of the ledger that was noted elsewhere.
    """
    ledger = Ledger(home)
    try:
        problems = ledger.verify(noted)
        entries = ledger.entries()
    except HiuRiskError as error:
        return [*_bundles(home, None), str(error)]
    if not entries and not home.ids():
        problems.append(f"nothing is kept in {home.path}: there is nothing to check")
    problems += _aliases(home, ledger.champion)
    problems += _bundles(home, {e.version for e in entries if e.action == "mitigation"})
    problems += _kept(home, entries)
    return problems + list(_mlflow(home, entries, ledger.champion))


def repair(home: ModelHome, noted: str | None = None) -> list[str]:
    """Bring up what a killed command left behind the ledger; gives what was put right.

    Raises
    ------
    ModelError
        The ledger itself was changed or cut off: that can't be put right from itself.
    """
    done = [*Ledger(home).settle(head=noted), *follow(home)]
    for run_id in unended_runs(home.path) if is_there(home.path) else ():
        end_run(home.path, run_id, "KILLED")
        done.append(f"MLflow's run {run_id}, which a stopped command left open")
    return done


def _aliases(home: ModelHome, champion: str) -> list[str]:
    try:
        said = home.aliases().get("champion", "")
    except HiuRiskError as error:
        return [str(error)]
    if said == champion:
        return []
    if not champion:
        return [f"aliases.json says that {said} is champion, but the ledger never said so"]
    return [f"aliases.json says that {said or 'nobody'} is champion, the ledger says {champion}"]


def _bundles(home: ModelHome, mitigated: set[str] | None) -> list[str]:
    """Read every bundle; ``mitigated`` are those that the ledger says were made by a choice."""
    problems = []
    for version in home.ids():
        try:
            bundle = home.load(version)
        except HiuRiskError as error:
            problems.append(str(error))
            continue
        if bundle.version != version:
            problems.append(f"the folder {version} holds the model {bundle.version}")
        if bundle.manifest.mitigation and mitigated is not None and version not in mitigated:
            problems.append(f"model {version} carries a choice that the ledger does not know")
    return problems


def _kept(home: ModelHome, entries: Sequence[Entry]) -> list[str]:
    """Look for the bundles and the evidence that the ledger's decisions were made on."""
    problems = []
    versions = home.ids()
    for entry in entries:
        if entry.action == "incident":
            continue
        recorded = entry.evidence.get("bundle_id")
        about = f"row {entry.sequence}"
        if entry.version not in versions:
            problems.append(f"{about}: the bundle of {entry.version} is gone")
        elif recorded and _id_of(home, entry.version) not in ("", recorded):
            problems.append(f"{about}: {entry.version} is another bundle than was decided on")
        for name in (*NAMES, "champion_audit"):
            sha256 = entry.evidence.get(name)
            if isinstance(sha256, str):
                problems += _evidence(home, entry, name, sha256)
    return problems


def _id_of(home: ModelHome, version: str) -> str:
    try:
        return home.load(version).id
    except HiuRiskError:
        return ""  # said already


def _evidence(home: ModelHome, entry: Entry, name: str, sha256: str) -> list[str]:
    of_champion = name.startswith("champion_")
    version = entry.previous_version if of_champion else entry.version
    try:
        found = find(home, version, name.removeprefix("champion_"), sha256=sha256)
    except HiuRiskError as error:
        return [f"row {entry.sequence}: {error}"]
    gone = f"row {entry.sequence}: the {name.replace('_', ' ')} it was decided on is gone"
    return [gone] if found is None else []


def _mlflow(home: ModelHome, entries: Sequence[Entry], champion: str) -> Iterator[str]:
    if not is_there(home.path):
        if entries:
            yield "MLflow's database is gone: decisions can't be held against it"
        return
    try:
        everybodys, unended = registered_by_all(home.path), unended_runs(home.path)
    except HiuRiskError as error:
        yield str(error)
        return
    for run_id in unended:
        yield f"MLflow's run {run_id} was never ended: a command was stopped, or is at work now"
    versions = [version for version in everybodys if version.own]
    yield from _halves(home, versions)
    rows = {f"{entry.sequence}:{entry.hash}" for entry in entries}
    for version in versions:
        if version.ledger and version.ledger not in rows:
            yield (
                f"MLflow's version {version.number} remembers row "
                f"{version.ledger.partition(':')[0]} of a ledger that is not this one"
            )
    yield from _evaluations(home, versions)
    try:
        aliases = home.aliases()
    except HiuRiskError:
        return  # said already
    for alias, wanted in aliases.items():
        wanted = champion if alias == "champion" and champion else wanted
        held = [v for v in versions if alias in v.aliases]
        if not held and alias in taken(everybodys):
            continue  # another home that shares this MLflow has it
        if not held:
            yield f"MLflow has no {alias}; here it is {wanted}"
        elif not held[0].bundle_id.startswith(wanted):
            yield f"MLflow's {alias} is {held[0].bundle_id[:12] or 'unknown'}; here it is {wanted}"


def _halves(home: ModelHome, versions: Sequence[Registered]) -> Iterator[str]:
    """Name the models that are only here, or only in MLflow."""
    kept = home.ids()
    for name in kept:
        if not any(v.bundle_id.startswith(name) for v in versions):
            yield (
                f"MLflow has no version of model {name}: its training was stopped, or it came "
                "from elsewhere; it can't be promoted, train it again"
            )
    for version in versions:
        if version.bundle_id and version.bundle_id[:12] not in kept:
            yield (
                f"MLflow's version {version.number} is of model {version.bundle_id[:12]}, which "
                "is not kept here"
            )


def _evaluations(home: ModelHome, versions: Sequence[Registered]) -> Iterator[str]:
    """Compare the evaluations kept with those that MLflow remembers."""
    for name in home.ids():
        remembered = evaluations_of([v for v in versions if v.bundle_id.startswith(name)])
        if not remembered:
            continue
        try:
            kept = find(home, name, "evaluation")
        except HiuRiskError as error:
            yield str(error)
            continue
        if kept is None or digest(kept) not in remembered:
            yield f"MLflow remembers another evaluation of {name} than the one that is kept"
