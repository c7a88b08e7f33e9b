"""The model home: bundles side by side, and which of them is champion or challenger."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from hiu_risk.errors import UsageError, near_match
from hiu_risk.files import write_json
from hiu_risk.model.bundle import Bundle
from hiu_risk.model.manifest import BundleError

ALIASES = ("champion", "challenger")
_SHORT = 12


class ModelHome:
    """A folder of bundles under ``<home>/bundles`` with aliases in ``<home>/aliases.json``.

    Parameters
    ----------
    path : Path or str
        The folder; made when the first bundle is added.
    """

    def __init__(self, path: Path | str = "mlruns") -> None:
        self.path = Path(path)

    @property
    def bundles(self) -> Path:
        """Where the bundles are."""
        return self.path / "bundles"

    def add(self, bundle: Bundle) -> str:
        """Keep a bundle; adding the same one again changes nothing. Gives its id."""
        folder = self.bundles / bundle.version
        if not folder.exists():
            bundle.save(folder)
        return bundle.id

    def discard(self, version: str) -> None:
        """Take a bundle out again, with the aliases that stand for it."""
        folder = self.bundles / version
        aliases = self.aliases()
        left = {alias: at for alias, at in aliases.items() if at != version}
        if left != aliases:
            write_json(self.path / "aliases.json", left)
        if folder.exists():
            shutil.rmtree(folder.rename(folder.with_name(f".{version}.discarded")))

    def ids(self) -> list[str]:
        """Give the versions kept, in order of name."""
        if not self.bundles.is_dir():
            return []
        return sorted(p.name for p in self.bundles.iterdir() if not p.name.startswith("."))

    def aliases(self) -> dict[str, str]:
        """Tell which version each alias stands for."""
        path = self.path / "aliases.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise BundleError(
                "not a file of aliases", where=str(path), fix="run hiu-risk models verify --repair"
            ) from None
        return {str(name): str(version) for name, version in data.items()}

    def set_alias(self, alias: str, id: str) -> None:
        """Let an alias stand for a kept version; who is champion is the ledger's to say."""
        if alias not in ALIASES:
            raise UsageError(f"no alias {alias!r}", fix=near_match(alias, ALIASES))
        self.folder(id)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "aliases.json", {**self.aliases(), alias: id[:_SHORT]})

    def drop_alias(self, alias: str) -> None:
        """Let an alias stand for nothing any more."""
        aliases = self.aliases()
        if aliases.pop(alias, None) is not None:
            write_json(self.path / "aliases.json", aliases)

    def folder(self, name: str = "champion") -> Path:
        """Give the folder of an alias or of a version (at least its first 6 characters)."""
        wanted = self.aliases().get(name, "") if name in ALIASES else name
        if name in ALIASES and not wanted:
            raise BundleError(
                f"there is no {name} yet", where=str(self.path), fix="run hiu-risk train"
            )
        found = [k for k in self.ids() if wanted.startswith(k) or k.startswith(wanted)]
        if not re.fullmatch(r"[0-9a-f]{6,64}", wanted) or len(found) != 1:
            raise BundleError(
                "no such model version",
                where=str(self.path),
                fix="known are: " + (", ".join(self.ids()) or "none; run hiu-risk train"),
            )
        return self.bundles / found[0]

    def load(self, name: str = "champion") -> Bundle:
        """Load the bundle of an alias or of a version."""
        return Bundle.load(self.folder(name))
