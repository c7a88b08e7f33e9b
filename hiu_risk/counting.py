"""Which events count towards a person's incidents: switches, all shown on every output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import ADDRESS_TYPE, CALLER_TYPE, KIND
from hiu_risk.errors import UsageError, near_match

_ADDRESSES = {
    "care_homes": "care_home",
    "communal_addresses": "communal",
    "institutions": "institution",
}
_KINDS = {
    "follow_ups": "follow_up",
    "transfers": "transfer",
    "births": "birth",
    "electives": "elective",
    "emergency_legacy": "emergency_legacy",
}


@dataclass(frozen=True)
class Counting:
    """Switches; False leaves such events out of a person's count (they stay in the store).

    Examples
    --------
    >>> Counting().counts(np.array([0]), np.array([0]), np.array([KIND.code("birth")])).tolist()
    [False]
    >>> Counting.for_entity("address").care_homes
    True
    """

    professional_callers: bool = False
    care_homes: bool = False
    communal_addresses: bool = False
    institutions: bool = False
    follow_ups: bool = False
    transfers: bool = False
    births: bool = False
    electives: bool = False
    emergency_legacy: bool = False

    @classmethod
    def for_entity(cls, entity: str) -> Counting:
        """Give the defaults: where the entity is the address, every kind of address counts."""
        return cls(**dict.fromkeys(_ADDRESSES, entity == "address"))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], entity: str = "person") -> Counting:
        """Build from plain data over the entity's defaults; an unknown key is a UsageError."""
        for key, value in data.items():
            if key not in cls.__dataclass_fields__:
                raise UsageError(
                    f"unknown counting switch {key!r}",
                    where="counting",
                    fix=near_match(key, cls.__dataclass_fields__),
                )
            if not isinstance(value, bool):
                raise UsageError("a counting switch is true or false", where=f"counting.{key}")
        return cls(**{**cls.for_entity(entity).to_dict(), **data})

    def to_dict(self) -> dict[str, bool]:
        """Give the switches as plain data."""
        return asdict(self)

    def counts(
        self,
        caller_type: NDArray[np.integer[Any]],
        address_type: NDArray[np.integer[Any]],
        kind: NDArray[np.integer[Any]],
    ) -> NDArray[np.bool_]:
        """Tell which events count, from their codes."""
        chosen = self.to_dict()
        address = [ADDRESS_TYPE.code(code) for key, code in _ADDRESSES.items() if not chosen[key]]
        kinds = [KIND.code(code) for key, code in _KINDS.items() if not chosen[key]]
        left_out = np.isin(address_type, address) | np.isin(kind, kinds)
        if not self.professional_callers:
            left_out |= caller_type == CALLER_TYPE.code("professional")
        return ~left_out
