"""``hiu-risk``: one subcommand per step of the main job.

Every ``hiu_risk.cli.<name>`` defines one function ``<name>``. Those modules import what is heavy
inside that function, so that ``hiu-risk --help`` stays fast.
"""

from __future__ import annotations

import importlib
import logging
import sys

import typer

from hiu_risk import NOT_FOR, __version__
from hiu_risk.cli.output import complain, say
from hiu_risk.errors import HiuRiskError

COMMANDS: tuple[str, ...] = (
    "demo",
    "synth",
    "ingest",
    "features",
    "train",
    "tune",
    "evaluate",
    "explain",
    "audit",
    "promote",
    "rollback",
    "models",
    "reproduce",
    "score",
    "decide",
    "report",
    "serve",
)
"""The subcommands, in the order of the main job."""

app = typer.Typer(
    help=f"Find the people about to become High Intensity Users, before they do. {NOT_FOR}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for name in COMMANDS:
    command = getattr(importlib.import_module(f"hiu_risk.cli.{name}"), name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"hiu-risk {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Set logging up before any subcommand runs."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for noisy in ("alembic", "mlflow", "matplotlib", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def main() -> None:
    """Run the command line; a known error becomes one line and its exit code."""
    try:
        app()
    except HiuRiskError as error:
        complain(f"Error: {error}")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
