"""Both files of a pack, side by side and whole: the page and the PDF appear together."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hiu_risk.errors import UsageError
from hiu_risk.files import replacing


def write_both(folder: Path, name: str, page: str, pdf: bytes) -> tuple[Path, Path]:
    """Write ``name.html`` and ``name.pdf``: both of this pack, or none.

    Both are complete beside their places before either takes it; an earlier pack of the same
    name is taken away first, so that a page and a PDF of two packs never stand together.
    """
    html_path, pdf_path = folder / f"{name}.html", folder / f"{name}.pdf"
    try:
        with replacing(html_path) as html_part, replacing(pdf_path) as pdf_part:
            html_part.write_bytes(page.encode("utf-8"))
            pdf_part.write_bytes(pdf)
            html_path.unlink(missing_ok=True)
            pdf_path.unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError):
            pdf_path.unlink(missing_ok=True)
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(folder),
            fix="close the pack where it is open, and choose a folder you may write to",
        ) from None
    return html_path, pdf_path
