"""An SVG file as a picture inside a page."""

from __future__ import annotations

import re
from html import escape


def inline_svg(svg: str, title: str) -> str:
    """Cut the SVG element out of the file and give it a name for screen readers."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>\*\{[^}]*\}</style>", "", body)
    used = set(re.findall(r"#([\w.-]+)", body))
    body = re.sub(
        r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body
    )  # the others would occur once in every chart of the page
    name = f'role="img" aria-label="{escape(title, quote=True)}" class="chart"'
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        rf'<svg {name} viewBox="\1" xmlns="http://www.w3.org/2000/svg" '
        r'xmlns:xlink="http://www.w3.org/1999/xlink">',
        body,
        count=1,
    )
