"""What commands share: options, saying things, ``--json``, and errors as exit codes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from hiu_risk.files import write_text

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

STOPPED = 130
"""Exit code of a command stopped by Ctrl-C, as shells have it."""

JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write what is printed as one JSON object."),
]

StoreFolder = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the store.")]
HomeFolder = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the model home.")]
ModelName = Annotated[
    str, typer.Option(metavar="NAME", help="champion, challenger, or a model version.")
]
ProtocolFile = Annotated[Path, typer.Option(metavar="FILE", help="The training protocol.")]
TruthFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder of a synthetic region: adds the best possible ranking."
    ),
]
AsOf = Annotated[
    str, typer.Option(metavar="DATE", help="Index date, 2025-03-01 or 2025-03-01T06:00:00Z.")
]


class Result(BaseModel):
    """Base of what a command writes with ``--json``; its schema is published in the docs."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


def say(text: str = "") -> None:
    """Print a line for people."""
    console.print(text, markup=False)


def result_text(result: Result) -> str:
    """Give the result as JSON."""
    return result.model_dump_json(indent=2) + "\n"


def write_result(file: Path | None, result: Result) -> None:
    """Write the result where ``--json`` asked for it."""
    if file is not None:
        write_text(file, result_text(result))


def complain(text: str) -> None:
    """Print an error line."""
    errors.print(text, markup=False, style="bold red" if sys.stderr.isatty() else None)
