"""What a table of a pack is about: tables about the same could be subtracted from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from hiu_risk import __version__
from hiu_training.board.kept import hash_of
from hiu_training.board.published import Asked
from hiu_training.board.records import Material


def asked_of(
    material: Material, kind: str, also: Sequence[object], *, before: bool = False
) -> Asked:
    """Name a table of a pack, and find what was printed under that name.

    Parameters
    ----------
    material : Material
        What the pack is made of.
    kind : str
        Which table.
    also : sequence
        What it counts besides the store and the lists.
    before : bool
        Whether it is of the quarter before.
    """
    quarter = material.quarter.before if before else material.quarter
    lists = [asdict(made) for made in (material.lists_before if before else material.lists)]
    name = f"{quarter} {kind}, {', '.join(sorted({made['purpose'] for made in lists}))}"
    return Asked(
        name=name,
        made_of=hash_of(__version__, name, material.store.content_hash, lists, *also),
        lists=hash_of(lists),
        earlier=material.printed.get(name, ()),
    )
