"""``hiu-risk``: one subcommand per step of the main job.

Every ``hiu_risk.cli.<name>`` defines one function ``<name>``. Those modules import what is heavy
inside that function, so that ``hiu-risk --help`` stays fast.
"""

from __future__ import annotations

import errno
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from hiu_risk import NOT_FOR, __version__
from hiu_risk.cli.output import STOPPED, complain, say
from hiu_risk.errors import DataError, HiuRiskError

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
    """Run the command line; an error becomes one line and its exit code."""
    asked_to_stop: list[int] = []
    try:
        with _listening(asked_to_stop):
            app()
    except Exception as error:
        if asked_to_stop:  # libraries make errors of their own of it
            complain("Stopped.")
            raise SystemExit(STOPPED) from None
        if isinstance(error, HiuRiskError):
            complain(f"Error: {error}")
            raise SystemExit(error.exit_code) from None
        if isinstance(error, OSError) and error.strerror:
            complain(f"Error: {of_the_machine(error)}")
            raise SystemExit(1) from None
        raise


@contextmanager
def _listening(asked_to_stop: list[int]) -> Iterator[None]:
    """Remember that Ctrl-C was pressed, whatever becomes of the exception."""

    def stop(number: int, frame: FrameType | None) -> None:
        asked_to_stop.append(number)
        signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def of_the_machine(error: OSError) -> DataError:
    """Say in our words what the machine refused.

    Examples
    --------
    >>> import errno
    >>> print(of_the_machine(OSError(errno.ENOSPC, "No space left on device", "a/list.csv")))
    No space left on device (a/list.csv). What to do: make room on the disk, and run it again.
    """
    return DataError(
        str(error.strerror),
        where=str(error.filename or ""),
        fix=_REMEDIES.get(error.errno or 0, "check the path, and that it can be read and written"),
    )


_REMEDIES = {
    errno.ENOSPC: "make room on the disk, and run it again",
    errno.EDQUOT: "make room within your quota, and run it again",
    errno.EACCES: "choose a place you may read and write",
    errno.EPERM: "choose a place you may read and write",
    errno.EROFS: "choose a place that can be written to",
    errno.ENOTDIR: "name a folder: a file is in its place",
    errno.EISDIR: "name a file: a folder is in its place",
}


if __name__ == "__main__":
    main()
