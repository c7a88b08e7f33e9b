"""What ``hiu-risk explain`` says on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hiu_risk.cli.output import say
from hiu_risk.words import plural

if TYPE_CHECKING:
    from hiu_serving.explain import Explanation


def _share(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "not measured"
    return f"{found['value']:.0%} ({found['low']:.0%} to {found['high']:.0%})"


def say_faithful(found: dict[str, Any]) -> None:
    """Say whether reasons are true of the model."""
    say(
        f"The {found['capacity']} highest of {plural(found['origins'], 'test date')}: "
        f"{found['listed']:,} top reasons of {found['people']:,} people; behind "
        f"{found['nothing_behind']:,} stands no event"
    )
    say(f"Without the events behind the top reason the score falls: {_share(found['falls'])}")
    say(f"Without as many other events of the person: {_share(found['falls_at_random'])}")
    say(f"The reason's events weigh more than the others: {_share(found['falls_more'])}")


def say_stable(found: dict[str, Any]) -> None:
    """Say whether reasons outlast a refit."""
    for name, title in (("seeds", "other seeds"), ("resamples", "people drawn again")):
        part = found[name]
        failed = f", {part['failed']} of which found too little" if part["failed"] else ""
        say(f"{found['refits']} refits, {title}{failed}:")
        say(f"  same first reason                {_share(part['same_top'])}")
        say(f"  of the top three, still there    {_share(part['kept'])}")
        say(f"  listed again                     {_share(part['listed_again'])}")


def say_explanation(found: Explanation, version: str) -> None:
    """Say what one person's score is made of."""
    if found.not_scored is not None:
        say(f"Not on any list. {found.not_scored.text}")
    if found.abstained:
        # A number that stands on no list, or is too low, is worse than none.
        for caution in found.cautions:
            say(caution.text)
        return
    say(f"Score {found.score:.4f}, band {found.band.replace('_', ' ')}, model {version}")
    if found.interval is not None:
        low, high = found.interval
        say(f"Of people with such a score, {low:.4f} to {high:.4f} meet it (90% interval)")
    for title, reasons in (("Raises it", found.raising), ("Lowers it", found.lowering)):
        say(f"{title}:" if reasons else f"{title}: nothing that stands out")
        for reason in reasons:
            say(f"  {reason.sentence}  [{reason.contribution:+.3f}]")
    if found.since is not None:
        say("Since the last list:")
        say(f"  {found.since.events}")
        say(f"  {found.since.chance}")
    for caution in found.cautions:
        say(caution.text)
    say(f"Log-odds {found.log_odds:+.4f} = base {found.base:+.4f}")
    say("Features that add or take nothing are left out below; --json has them all.")
    for concept in found.concepts:
        say(f"  {concept.contribution:+.4f}  {concept.title}")
        for part in concept.features:
            if part.contribution == 0:
                continue
            value = "missing" if part.value is None else f"{part.value:g}"
            mark = " (never given as a reason)" if part.protected else ""
            say(f"      {part.contribution:+.4f}  {part.feature} = {value}{mark}")
    say(f"Adds up within 0.000001: {'yes' if found.adds_up else 'NO'} ({found.difference:+.1e})")
