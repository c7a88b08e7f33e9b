"""The pack as a tagged PDF (PDF/UA-1): real text, vector charts, page numbers.

Typst sets it: one wheel without system packages. Only its own fonts and those that matplotlib
ships are used, so that every machine makes the same bytes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from hiu_risk.errors import ModelError


def pdf_of(data: dict[str, Any]) -> bytes:
    """Set a pack, as :func:`.blocks.plain` gives it with its ``mark``, as a PDF.

    Raises
    ------
    ModelError
        The typesetter refused it: a fault of ours, not of the reader's.
    """
    import matplotlib as mpl
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False, font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")]
    )
    source = (files("hiu_training.board") / "typeset.typ").read_bytes()
    compiler = typst.Compiler(
        source, font_paths=fonts, sys_inputs={"pack": json.dumps(data, ensure_ascii=False)}
    )
    try:
        made = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=0)
    except typst.TypstError as error:
        raise ModelError(
            f"the PDF could not be set: {error.message}",
            where="board pack",
            fix="report it with this message: it is a fault of the software",
        ) from None
    if not isinstance(made, bytes):
        raise ModelError("the typesetter gave no PDF", where="board pack")
    return made
