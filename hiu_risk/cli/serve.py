"""``hiu-risk serve``: the scoring API, and the keys for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from hiu_risk.cli.output import HomeFolder, say


def serve(
    keys: Annotated[Path, typer.Option(metavar="FILE", help="File of API keys (hashes alone).")],
    home: HomeFolder = Path("mlruns"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8000,
    rate: Annotated[
        float, typer.Option(help="Requests a minute for each key; 0 means no limit.", min=0)
    ] = 600,
    burst: Annotated[int, typer.Option(help="Requests a key may make at once.", min=1)] = 60,
    commit_id: Annotated[
        str, typer.Option(envvar="HIU_RISK_COMMIT_ID", help="The build, for the status page.")
    ] = "unknown",
    new_key: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a key, print it once, and stop.")
    ] = None,
    role: Annotated[str, typer.Option(help="What the new key may do: score or worklist.")] = (
        "score"
    ),
) -> None:
    """Serve scores and worklists over HTTP; put a TLS proxy in front of it.

    Make a key first: hiu-risk serve --keys FILE --new-key NAME --role score.
    """
    if new_key is not None:
        _make_key(keys, new_key, role)
        return
    import uvicorn

    from hiu_serving.api.app import Service, make_app
    from hiu_serving.api.keys import read_keys
    from hiu_serving.api.listening import listen

    read_keys(keys)
    service = Service.of(home, keys, per_minute=rate, burst=burst, commit_id=commit_id)
    scorer = service.champion.scorer()
    sockets = listen(host, port)
    say(f"Model {scorer.version} at {_address(host, port)}; stop with Ctrl-C")
    settings = uvicorn.Config(
        make_app(service), host=host, port=port, access_log=False, server_header=False,
        date_header=True, log_config=None, timeout_keep_alive=30, limit_concurrency=256,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=sockets)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _make_key(file: Path, name: str, role: str) -> None:
    from hiu_risk.errors import UsageError, near_match
    from hiu_risk.times import now
    from hiu_serving.api.keys import ROLES, add_key

    if role not in ROLES:
        raise UsageError(f"no role {role!r}", where="--role", fix=near_match(role, ROLES))
    secret = add_key(file, name, role, now())
    say(f"Key for {name} ({role}), shown this once; keep it safe:")
    say(secret)
