"""Drive a real server on the loopback: ``python -m benchmarks.serving --requests 2000``.

One connection gives the latency, eight give the throughput. The time of ``/_ping`` over the
same connection is shown beside it: so much is the client, the loopback and the framework.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

AS_OF = datetime(2022, 1, 8, tzinfo=UTC)
CONNECTIONS = 8
MOST_REQUESTS = 50_000
WARM_UP = 50


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = options.home or _made_up_home(folder / "home", options.trees)
        key = _key(folder / "keys.json")
        with _server(home, folder / "keys.json") as (address, process):
            bodies = _bodies(options.events)
            before = _cpu_seconds(process)
            score = _latency(address, key, bodies, options.requests)
            spent = _cpu_seconds(process) - before
            result = {
                "requests": options.requests,
                "events_per_person": options.events,
                "model": _status(address, key),
                "ping": _latency(address, key, None, min(options.requests, 1_000)),
                "score": score,
                "server_cpu_ms_per_score": 1_000 * spent / (options.requests + WARM_UP),
                "throughput_8_connections": _throughput(address, key, bodies, options.requests),
                "server_peak_mb": _peak_mb(process),
                "python": platform.python_version(),
                "cpus": os.cpu_count(),
            }
    _say(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000, help="requests of each kind")
    parser.add_argument("--events", type=int, default=20, help="events of each person")
    parser.add_argument("--trees", type=int, default=100, help="trees of the made-up model")
    parser.add_argument("--home", type=Path, help="a model home; without it a model is made up")
    parser.add_argument("--json", type=Path, help="also write the result here")
    options = parser.parse_args()
    if not 10 <= options.requests <= MOST_REQUESTS or not 1 <= options.events <= 5_000:
        parser.error(f"10 to {MOST_REQUESTS} requests, 1 to 5000 events")
    return options


def _made_up_home(folder: Path, trees: int) -> Path:
    from hiu_features.catalogue import default_catalogue
    from tests.support.serving import make_bundle, make_home, trained_booster

    booster = trained_booster(default_catalogue().names, trees=trees)
    return make_home(folder, make_bundle(booster=booster)).path


def _key(file: Path) -> str:
    from hiu_serving.api.keys import add_key

    return add_key(file, "benchmark", "score", AS_OF)


@contextmanager
def _server(home: Path, keys: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "hiu_risk.cli.main", "serve", "--home", str(home),
        "--keys", str(keys), "--port", str(port), "--rate", "0",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(address, process)
        yield address, process
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the server did not start: try hiu-risk serve by hand")
        try:
            httpx.get(f"{address}/_ping")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    sys.exit("the server did not answer within a minute")


def _bodies(n_events: int) -> list[bytes]:
    """Different people, so that nothing can be remembered; none meets the definition now."""
    rng = np.random.default_rng(1)
    sources, reasons = ["call", "ae", "admission"], ["falls", "mental_health", "medical", "pain"]
    bodies = []
    for number in range(200):
        ages = np.concatenate([rng.uniform(1, 29, 3), rng.uniform(91, 700, max(n_events - 3, 0))])
        events = [
            {
                "source": str(rng.choice(sources, p=[0.7, 0.2, 0.1])),
                "occurred_at": (AS_OF - timedelta(days=float(age))).isoformat(),
                "reason": str(rng.choice(reasons)),
                "urgency": "urgent",
            }
            for age in ages[:n_events]
        ]
        person = {"id": f"p{number}", "born_on": "1970-05-17", "sex": "female", "events": events}
        feeds = [
            {"source": s, "starts_at": "2018-01-01T00:00:00Z", "complete_until": AS_OF.isoformat()}
            for s in sources
        ]
        request = {"as_of": AS_OF.isoformat(), "feeds": feeds, "people": [person]}
        bodies.append(json.dumps(request).encode())
    return bodies


def _status(address: str, key: str) -> Any:
    answer = httpx.get(f"{address}/_status", headers={"X-API-Key": key})
    return answer.json()["checks"]["model"][0]["output"]


def _ask(client: httpx.Client, bodies: list[bytes] | None, number: int) -> httpx.Response:
    if bodies is None:
        return client.get("/_ping")
    return client.post("/v1/score", content=bodies[number % len(bodies)])


def _latency(address: str, key: str, bodies: list[bytes] | None, requests: int) -> dict[str, Any]:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    times, scored = [], 0
    with httpx.Client(base_url=address, headers=headers) as client:
        for number in range(-WARM_UP, requests):
            started = time.perf_counter()
            answer = _ask(client, bodies, number)
            took = time.perf_counter() - started
            assert answer.status_code == 200, answer.text
            if number >= 0:
                times.append(1_000 * took)
                scored += b'"status":"scored"' in answer.content
    cuts = statistics.quantiles(times, n=100)
    return {"p50_ms": statistics.median(times), "p99_ms": cuts[98], "scored": scored}


def _throughput(address: str, key: str, bodies: list[bytes], requests: int) -> float:
    def work() -> None:
        _latency(address, key, bodies, requests // CONNECTIONS)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = CONNECTIONS * (requests // CONNECTIONS + WARM_UP)
    return done / (time.perf_counter() - started)


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Processor time of the server so far: unlike the clock, it ignores what else runs here."""
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.is_file():
        return float("nan")
    fields = stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(process: subprocess.Popen[bytes]) -> float | None:
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():
        return None
    lines = status.read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) / 1_024


def _say(result: dict[str, Any]) -> None:
    ping, score = result["ping"], result["score"]
    print(f"model: {result['model']}; {result['events_per_person']} events a person")
    print(f"ping   p50 {ping['p50_ms']:.2f} ms  p99 {ping['p99_ms']:.2f} ms")
    print(f"score  p50 {score['p50_ms']:.2f} ms  p99 {score['p99_ms']:.2f} ms")
    print(f"server's processor time {result['server_cpu_ms_per_score']:.2f} ms a score")
    print(f"scored {score['scored']} of {result['requests']} people asked about")
    print(f"{CONNECTIONS} connections: {result['throughput_8_connections']:.0f} requests/s")
    if result["server_peak_mb"] is not None:
        print(f"server's peak memory {result['server_peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
