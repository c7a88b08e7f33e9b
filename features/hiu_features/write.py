"""Features of a whole store to a folder of Parquet files, on this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.parts import EVENTS_PER_PART, FeatureWork, Job, make_part
from hiu_features.publishing import finished, gathering, publish
from hiu_features.side_by_side import in_order

if TYPE_CHECKING:
    from hiu_risk.progress import Advance


def run(
    job: Job, out: Path | str, *, replace: bool = False, progress: Advance | None = None
) -> dict[str, Any]:
    """Do a job on this machine and publish its folder.

    Parameters
    ----------
    job : Job
        What to do.
    out : Path
        The folder; it appears whole or not at all.
    replace : bool
        Whether other rows there may be replaced.
    progress : callable, optional
        Called with the number of people just done.

    Returns
    -------
    dict
        The manifest.
    """
    out = Path(out).absolute()
    if (done := finished(job, out, replace=replace)) is not None:
        return done
    with gathering(job, out) as folder:
        receipts = []
        for receipt in in_order(lambda part: make_part(job, part, folder), job.parts):
            receipts.append(receipt)
            if progress:
                progress(float(receipt.part.stop - receipt.part.first))
        return publish(job, receipts, folder, out)


def write_features(
    store: Path | str,
    as_ofs: Iterable[int],
    out: Path | str,
    catalogue: Catalogue | None = None,
    *,
    events_per_part: int = EVENTS_PER_PART,
    replace: bool = False,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Write the features of everybody in a store to a folder of Parquet files.

    Parameters
    ----------
    store : Path
        A store made by ``hiu-risk ingest``.
    as_ofs : iterable of int
        Index dates in UTC seconds, rising.
    out : Path
        The folder; it appears whole or not at all. A run that was killed goes on.
    catalogue : Catalogue, optional
        Default: :func:`hiu_features.default_catalogue`.
    events_per_part : int
        Decides the memory needed.
    replace : bool
        Whether other rows there may be replaced.
    progress : callable, optional
        Called with the number of people just done.

    Returns
    -------
    dict
        The manifest: rows, files, and the hashes of catalogue and store.
    """
    work = FeatureWork(tuple(int(as_of) for as_of in as_ofs), catalogue or default_catalogue())
    job = Job.of(store, work, events_per_part=events_per_part)
    if len(job.parts) > 1:  # the cores are shared by parts then, not within one
        job = dataclasses.replace(job, work=dataclasses.replace(work, threads=1))
    return run(job, out, replace=replace, progress=progress)
