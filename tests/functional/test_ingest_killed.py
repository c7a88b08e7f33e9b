"""An ingest that is killed, at whatever step, leaves the previous store as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hiu_risk.errors import DataError
from hiu_risk.ingest.publish import staging
from hiu_risk.store import Store
from tests.support.extracts import KEY, ROOT, calls_mapping, files_of, ingest

ROWS = [f"{i},p{i % 7},2024-01-{i % 28 + 1:02d},2024-02-01,died" for i in range(40)]

# Dies, as a power cut would, at the n-th of the steps that change the file system.
CHILD = """
import os, pathlib, shutil, sys
from hiu_risk.ingest import run_ingest
import hiu_risk.files
left = int(sys.argv[3])
def dying(function):
    def step(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os._exit(137)
        return function(*arguments, **options)
    return step
owners = {"rmtree": shutil}
for name in sys.argv[5].split(","):
    owner = owners.get(name, pathlib.Path)
    setattr(owner, name, dying(getattr(owner, name)))
run_ingest(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), key=sys.argv[4].encode())
"""


def child(mapping: Path, store: Path, step: int, steps: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(mapping), str(store), str(step), KEY.decode(), steps],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 137), done.stderr
    return done.returncode


def visible(store: Path) -> dict[str, bytes]:
    """What a reader of the store sees: the manifest, and the data folder that it names."""
    folder = Store.open(store).manifest.folder
    return {
        name: data
        for name, data in files_of(store).items()
        if name == "manifest.json" or name.startswith(f"{folder}/")
    }


@pytest.mark.slow
def test_dying_at_any_step_leaves_the_old_store_or_the_new_one(tmp_path):
    old = calls_mapping(tmp_path / "old", ROWS[:20])
    new = calls_mapping(tmp_path / "new", ROWS)
    store = tmp_path / "store"
    ingest(old, store)
    before = visible(store)
    ingest(new, tmp_path / "reference")
    after = visible(tmp_path / "reference")
    seen = set()
    for step in range(1, 30):
        code = child(new, store, step, "rename,replace,mkdir,rmtree")
        Store.open(store).verify()
        now = visible(store)
        assert now in (before, after)
        seen.add(now == after)
        if code == 0:
            break
        ingest(old, store)
        assert visible(store) == before
        assert not list(store.glob(".ingest-*")), "what a killed ingest left is cleared away"
    assert code == 0
    assert seen == {False, True}


def test_dying_just_before_the_end_leaves_the_old_store(tmp_path):
    store = tmp_path / "store"
    ingest(calls_mapping(tmp_path / "old", ROWS[:20]), store)
    before = visible(store)
    new = calls_mapping(tmp_path / "new", ROWS)
    assert child(new, store, 1, "replace") == 137  # at the replacing of the manifest
    assert visible(store) == before
    ingest(new, store)
    assert [p.name for p in store.glob("data-*")] == [Store.open(store).manifest.folder]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killing_at_any_time_leaves_a_whole_store(tmp_path):
    rows = [f"{i},p{i % 999},2024-01-{i % 28 + 1:02d},2024-02-01,died" for i in range(60_000)]
    store = tmp_path / "store"
    ingest(calls_mapping(tmp_path / "old", ROWS[:20]), store)
    before = visible(store)
    new = calls_mapping(tmp_path / "new", rows)
    for wait in (0.4, 0.8, 1.2, 1.6, 2.0):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(new), str(store), "0", KEY.decode(), "rename"],
            cwd=ROOT,
        )
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        Store.open(store).verify()
        if visible(store) != before:
            assert Store.open(store).manifest.feeds[0].read == len(rows)
            ingest(tmp_path / "old" / "mapping.toml", store)


def test_two_ingests_at_once_are_refused(tmp_path):
    mapping = calls_mapping(tmp_path, ROWS)
    with staging(tmp_path / "store"), pytest.raises(DataError) as caught:
        ingest(mapping, tmp_path / "store")
    assert "another ingest is writing this store" in str(caught.value)
    assert caught.value.exit_code == 1
    ingest(mapping, tmp_path / "store")
