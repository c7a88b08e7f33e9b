"""``hiu-risk demo``: the main job end to end on a synthetic region, by the same commands."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import Field

from hiu_risk.cli.audit import AuditResult
from hiu_risk.cli.ingest import IngestResult
from hiu_risk.cli.memory import one_heap
from hiu_risk.cli.output import JsonFile, Result, say, write_result
from hiu_risk.cli.score import ScoreResult
from hiu_risk.cli.synth import SynthResult
from hiu_risk.cli.train import TrainResult

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = """\
# The demonstration's protocol; training/protocols/onset.toml is the one to start from.
definition = "frecann_adult"
target = "onset"
horizon_days = 90
washout_days = 365
capacities = [50, 75, 100]
"""
KEY = "HIU_RISK_PSEUDONYM_KEY"
MARK = ".made-by-hiu-risk-demo"


Wrote = TypeVar("Wrote", bound=Result)


class DemoStep(Result):
    """One step: the command that does the same, and how long it took."""

    command: str
    seconds: float


class DemoResult(Result):
    """What ``hiu-risk demo --json`` writes."""

    folder: str
    people: int
    seed: int
    steps: list[DemoStep]
    seconds: float
    listed: int
    audit_page: str
    worklist_page: str
    api_score_equals_batch: bool
    synth: SynthResult = Field(description="what the command synth wrote")
    ingest: IngestResult
    train: TrainResult
    audit: AuditResult
    score: list[ScoreResult] = Field(description="the list of a week before, and the last one")


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for everything it makes.")
    ] = Path("hiu-risk-demo"),
    people: Annotated[int, typer.Option(help="How many people the region has.")] = 36_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same region.")] = 1,
    json_file: JsonFile = None,
) -> None:
    """Run the main job on an embedded synthetic region: about a minute, nothing to set up."""
    one_heap()
    _fresh(out)
    steps = _Steps()
    _compile_first()
    last = _prepare(out, people, seed, steps)
    listed = _use(out, last, steps)
    same = steps.run(
        f"hiu-risk serve --home {out}/mlruns --keys {out}/keys.json",
        lambda: _ask_the_api(out, last),
    )
    result = DemoResult(
        folder=str(out),
        people=people,
        seed=seed,
        steps=steps.done,
        seconds=round(sum(step.seconds for step in steps.done), 1),
        listed=listed,
        audit_page=str(out / "audit/audit.html"),
        worklist_page=str(out / "worklist/worklist.html"),
        api_score_equals_batch=same,
        synth=_read(SynthResult, out, "synth"),
        ingest=_read(IngestResult, out, "ingest"),
        train=_read(TrainResult, out, "evaluation"),
        audit=_read(AuditResult, out, "audit"),
        score=[_read(ScoreResult, out, name) for name in ("worklist-a-week-before", "worklist")],
    )
    say(f"\nDone in {result.seconds:.0f} s. Open these in a browser:")
    say(f"  {result.worklist_page}\n  {result.audit_page}")
    write_result(out / "demo.json", result)
    write_result(json_file, result)


def _read(kind: type[Wrote], out: Path, name: str) -> Wrote:
    return kind.model_validate_json(_json(out, name).read_text(encoding="utf-8"))


def _json(out: Path, name: str) -> Path:
    """Name what a step writes for scripts; the judged model stands where it is easily found."""
    return out / f"{name}.json" if name == "evaluation" else out / "json" / f"{name}.json"


def _compile_first() -> None:
    """Compile the feature engine in a process of its own, which takes its memory with it."""
    import subprocess
    import sys

    say("Compiling what is not compiled yet (once per installation, up to 20 s)")
    command = [sys.executable, "-c", "import hiu_features; hiu_features.warm_up()"]
    subprocess.run(command, check=True)  # noqa: S603


class _Steps:
    def __init__(self) -> None:
        self.done: list[DemoStep] = []

    def run(self, command: str, work: Callable[[], Any]) -> Any:
        from pyarrow import default_memory_pool

        say(f"\n$ {command}")
        started = time.monotonic()
        answer = work()
        gc.collect()
        default_memory_pool().release_unused()  # one process runs all steps
        self.done.append(DemoStep(command=command, seconds=round(time.monotonic() - started, 2)))
        return answer


def _fresh(out: Path) -> None:
    """Make the folder; only a folder that an earlier demo made is replaced."""
    from hiu_risk.errors import UsageError

    if out.exists():
        if not out.is_dir() or (not (out / MARK).is_file() and any(out.iterdir())):
            raise UsageError(
                "something else is there", where=str(out), fix="name another with --out"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()
    # Nobody in a synthetic region is real, so the key need not be a secret.
    os.environ.setdefault(KEY, hashlib.sha256(b"synthetic region, nobody is real").hexdigest())


def _prepare(out: Path, people: int, seed: int, steps: _Steps) -> str:
    """Make the region, the store and the model; give the last day that can be scored."""
    from hiu_risk.cli.ingest import ingest
    from hiu_risk.cli.synth import synth
    from hiu_risk.cli.train import train
    from hiu_risk.files import write_text
    from hiu_risk.store import Store
    from hiu_risk.times import from_seconds

    extracts, store, home = out / "extracts", out / "store", out / "mlruns"
    protocol = out / "onset.toml"
    steps.run(
        f"hiu-risk synth --people {people} --seed {seed} --out {extracts}",
        lambda: synth(out=extracts, people=people, seed=seed, json_file=_json(out, "synth")),
    )
    steps.run(
        f"hiu-risk ingest --mapping {extracts}/mapping.toml --store {store}",
        lambda: ingest(
            mapping=extracts / "mapping.toml", store=store, json_file=_json(out, "ingest")
        ),
    )
    write_text(protocol, PROTOCOL)
    steps.run(
        f"hiu-risk train --store {store} --protocol {protocol} --home {home} --truth {extracts}",
        lambda: train(
            store=store,
            protocol=protocol,
            home=home,
            truth=extracts,
            json_file=_json(out, "evaluation"),
        ),
    )
    feeds = Store.open(store).histories().feeds
    return from_seconds(min(feed.complete_until for feed in feeds)).date().isoformat()


def _use(out: Path, last: str, steps: _Steps) -> int:
    """Audit the model and score two weeks; give the length of the list."""
    import csv
    from datetime import date, timedelta

    from hiu_risk.cli.audit import audit
    from hiu_risk.cli.score import score

    store, home, worklist = out / "store", out / "mlruns", out / "worklist"
    steps.run(
        f"hiu-risk audit --store {store} --protocol {out}/onset.toml --home {home}"
        f" --out {out}/audit",
        lambda: audit(
            store=store,
            protocol=out / "onset.toml",
            home=home,
            out=out / "audit",
            json_file=_json(out, "audit"),
        ),
    )
    week_before = (date.fromisoformat(last) - timedelta(days=7)).isoformat()
    for day, folder in ((week_before, out / "worklist-a-week-before"), (last, worklist)):
        steps.run(
            f"hiu-risk score --store {store} --as-of {day} --capacity 75 --home {home}"
            f" --out {folder}",
            lambda day=day, folder=folder: score(  # type: ignore[misc]
                as_of=day,
                store=store,
                home=home,
                capacity=75,
                out=folder,
                json_file=_json(out, folder.name),
            ),
        )
    with (worklist / "worklist.csv").open(encoding="utf-8", newline="") as stream:
        return len(list(csv.DictReader(stream)))


def _ask_the_api(out: Path, last: str) -> bool:
    """Start the real server, send it the history of the first person listed, compare scores."""
    import csv
    import json

    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.times import now, parse_as_of
    from hiu_serving.api.example import request_for
    from hiu_serving.api.keys import add_key

    with (out / "worklist/worklist.csv").open(encoding="utf-8", newline="") as stream:
        first = next(csv.DictReader(stream))
    histories = Store.open(out / "store").histories()
    zone = ModelHome(out / "mlruns").load("champion").manifest.zone
    row = int((histories.people.id == first["person"]).argmax())
    body = json.dumps(request_for(histories, row, parse_as_of(last, zone))).encode()
    key = add_key(out / "keys.json", "demo", "score", now())
    answer = _answer_of_server(out, key, body)
    same = repr(answer["people"][0]["score"]) == first["score"]
    say(f"POST /v1/score answered in the same bits as the worklist: {'yes' if same else 'NO'}")
    return same


def _answer_of_server(out: Path, key: str, body: bytes) -> Any:
    import json
    import socket
    import subprocess
    import sys
    from urllib.request import Request, urlopen

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hiu_risk.cli.main", "serve", "--port", str(port)]
    command += ["--home", str(out / "mlruns"), "--keys", str(out / "keys.json")]
    with (out / "serve.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/_ping", server)
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        request = Request(f"{address}/v1/score", body, headers)  # noqa: S310
        with urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(address: str, server: Any) -> None:
    from urllib.error import URLError
    from urllib.request import urlopen

    from hiu_risk.errors import ModelError

    for _ in range(300):
        try:
            with urlopen(address, timeout=5):  # noqa: S310
                return
        except URLError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise ModelError(
        "the scoring API did not start", fix="read serve.log in the folder of the demo"
    )
