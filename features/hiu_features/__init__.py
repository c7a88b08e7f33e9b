"""Histories to model inputs: point-in-time features, one definition for every use.

>>> from hiu_features import default_catalogue
>>> len(default_catalogue())
84
"""

from hiu_features.build import Engine, build, warm_up
from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.describe import describe
from hiu_features.feature import Feature
from hiu_features.table import FeatureTable
from hiu_features.which import Which

__all__ = [
    "Catalogue",
    "Engine",
    "Feature",
    "FeatureTable",
    "Which",
    "build",
    "default_catalogue",
    "describe",
    "warm_up",
]
