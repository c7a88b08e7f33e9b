"""A protocol as the text of a protocol file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.eligibility import EligibilityPolicy
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.protocol.settings import SECTIONS

WIDE = 80
"""A list longer than this takes several lines."""


def protocol_text(protocol: Protocol, comments: Sequence[str] = ()) -> str:
    r"""Write a protocol as TOML: what differs from the defaults, under a header of comments.

    Examples
    --------
    >>> print(protocol_text(parse_protocol("seed = 3\n[anchor]\nl2 = 4.5"), ["Mine."]))
    # Mine.
    <BLANKLINE>
    definition = "frecann_adult"
    seed = 3
    <BLANKLINE>
    [anchor]
    l2 = 4.5
    <BLANKLINE>
    """
    lines = [f"# {line}".rstrip() for text in comments for line in text.splitlines()]
    lines += ["", *_top(protocol)]
    tables: list[tuple[str, Mapping[str, Any]]] = []
    if DEFINITIONS.get(protocol.definition.id) != protocol.definition:
        tables.append(("[definition]", _definition(protocol)))
    policy = protocol.policy.to_dict()
    usual = EligibilityPolicy().to_dict()
    tables.append(("[eligibility]", {k: v for k, v in policy.items() if v != usual[k]}))
    for name in SECTIONS:
        section = getattr(protocol, name)
        if isinstance(section, tuple):
            tables += [(f"[[{name}]]", _all(one)) for one in section]
        else:
            tables.append((f"[{name}]", _differing(section)))
    for header, values in tables:
        if values:
            lines += ["", header, *_lines(values)]
    text = "\n".join(lines).lstrip("\n") + "\n"
    if parse_protocol(text) != protocol:
        raise AssertionError("a protocol was not written as it is")
    return text


def _top(protocol: Protocol) -> Iterator[str]:
    if DEFINITIONS.get(protocol.definition.id) == protocol.definition:
        yield f"definition = {_value(protocol.definition.id)}"
    usual = Protocol(protocol.definition)
    for item in fields(Protocol):
        value = getattr(protocol, item.name)
        apart = ("definition", "policy", *SECTIONS)
        if item.name not in apart and value != getattr(usual, item.name):
            yield f"{item.name} = {_value(value)}"


def _definition(protocol: Protocol) -> dict[str, Any]:
    data = protocol.definition.to_dict()
    return {k: v for k, v in data.items() if v is not None and v != []}


def _differing(section: Any) -> dict[str, Any]:
    usual = type(section)()
    return {k: v for k, v in _all(section).items() if v != getattr(usual, k)}


def _all(section: Any) -> dict[str, Any]:
    found = {item.name: getattr(section, item.name) for item in fields(section)}
    return {name: value for name, value in found.items() if value is not None}


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        days = name == "every" and isinstance(value, int)  # a bare number doesn't say of what
        yield f"{name} = {_value(f'{value} days' if days else value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_value, value))
        return f"[{inside}]" if len(inside) < WIDE else f"[\n{_folded(map(_value, value))}\n]"
    return repr(value)


def _folded(values: Iterable[str]) -> str:
    lines = [""]
    for value in values:
        if len(lines[-1]) + len(value) > WIDE:
            lines.append("")
        lines[-1] += f"{value}, "
    return "\n".join(f"    {line.rstrip()}" for line in lines)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)
