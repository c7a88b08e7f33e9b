"""What pages say can be followed: links lead somewhere, commands are commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hiu_risk.cli.main import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("*.md")) + [
    path
    for home in ("docs", "features", "training", "serving", "benchmarks", "mlruns")
    for path in sorted((ROOT / home).rglob("*.md"))
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = ("", "console", "sh", "bash")
GROUP: Any = typer.main.get_command(app)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Give the anchors that headings make, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """Give the words after ``hiu-risk`` of each command in a block."""
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in SHELLS:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if "hiu-risk " not in line:
                continue
            words = shlex.split(line, comments=True)
            for start in (i for i, word in enumerate(words) if word == "hiu-risk"):
                rest = words[start + 1 :]
                ends = [i for i, word in enumerate(rest) if word in ("&&", "|", ">", "...")]
                yield rest[: min(ends, default=len(rest))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        if ":" in file:
            continue
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", [p for p in PAGES if any(commands(p))], ids=name_of)
def test_commands_can_be_given_as_written(page: Path) -> None:
    """Names, options, required options and kinds of values; nothing is run."""
    for name, *options in commands(page):
        assert name in COMMANDS
        GROUP.commands[name].make_context(name, options)


def test_pages_do_show_commands() -> None:
    shown = {words[0] for page in PAGES for words in commands(page)}
    assert shown == set(COMMANDS)


def test_the_same_option_means_the_same_in_every_command() -> None:
    meanings: dict[str, set[Any]] = {}
    for name in COMMANDS:
        for option in GROUP.commands[name].params:
            meanings.setdefault(option.opts[0], set()).add((option.help, option.metavar))
    shared = ("--store", "--home", "--json", "--model", "--protocol", "--as-of", "--truth")
    assert {name: len(meanings[name]) for name in shared} == dict.fromkeys(shared, 1)


@pytest.mark.parametrize(
    "name", ["ingest", "train", "evaluate", "audit", "score", "explain", "demo", "synth"]
)
def test_what_is_printed_can_be_had_as_json(name: str) -> None:
    assert "--json" in {option.opts[0] for option in GROUP.commands[name].params}
    assert (ROOT / "docs" / "reference" / "json" / f"{name}.schema.json").is_file()
