"""HTML pages: self-contained, readable without scripts, printable, the same look everywhere.

A page is a Jinja template that extends ``base.html`` of this package. Autoescape is on; a
missing value in a template is an error.
"""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from hiu_risk import NOT_FOR, __version__


def render(package: str, template: str, **values: Any) -> str:
    """Render ``templates/<template>`` of a package into one self-contained HTML page.

    Parameters
    ----------
    package : str
        The import package that ships the template, for instance ``hiu_serving``.
    template : str
        File name below its ``templates`` folder.
    **values
        What the template shows. ``base.html`` needs ``title`` and ``subtitle``.
    """
    loaders = [PackageLoader(package), PackageLoader("hiu_risk.pages")]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        not_for=NOT_FOR, software_version=__version__, **values
    )
