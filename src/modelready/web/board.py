"""What the API shows of models, disk and certificate: looked up once, and again when it may have changed."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelready.downloads.infos import ModelInfo
from modelready.layouts import looking
from modelready.standing import standing_of
from modelready.switches import Decision
from modelready.web import certificates
from modelready.web.hiding import Hider

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.downloads.manager import UnifiedModelDownloadManager
    from modelready.grounds import Requested
    from modelready.model import Model

#: Seconds for which what was looked up holds: a page with many viewers asks the disk once.
_HOLDS_S = 1.0
_REGISTERED = Decision(is_required=False, because="registered by a program")


class Board:
    """Answers for one catalog and one manager; from any thread."""

    def __init__(self, asked: Requested, manager: UnifiedModelDownloadManager) -> None:
        self._asked, self._manager = asked, manager
        settings = asked.ground.settings
        folders = [one.folder for one in asked.catalog.models if one.folder]
        media = [Path(one.source.address).parent for one in asked.catalog.models if one.source.kind == "file"]
        roots = [
            settings.home,
            settings.hf_home,
            settings.hf_cache,
            settings.models_dir.absolute(),
            Path.cwd(),
            *folders,
            *media,
        ]
        self._hider = Hider(roots)
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, Any]] = {}

    def hidden(self, value: Any) -> Any:
        """Give *value* without paths and tokens."""
        return self._hider.hidden(value)

    def models(self) -> list[dict[str, Any]]:
        """Give every model; jobs as they are now."""
        jobs = self._manager.queue.newest()
        rows = self._once("models", self._models)
        return [
            row | {"job": self.hidden(self._manager.job_fields(jobs[row["name"]]))} if row["name"] in jobs else row
            for row in rows
        ]

    def disk(self) -> list[dict[str, Any]]:
        """Give the places where models lie, how full they are, and by which models."""
        return self._once("disk", self._disk)  # type: ignore[no-any-return]

    def certificate(self) -> dict[str, Any]:
        """Give the last certificate in words."""
        last = certificates.read(self._asked.ground.settings.home)
        return self.hidden(certificates.fields(last))  # type: ignore[no-any-return]

    def doubts(self) -> str:
        """Say why the machine is not ready; nothing, when it is."""
        return self._once("doubts", lambda: self.hidden(certificates.doubts(self._asked)))  # type: ignore[no-any-return]

    def forget(self) -> None:
        """Look again when next asked."""
        with self._lock:
            self._held.clear()

    def _once(self, name: str, look: Callable[[], Any]) -> Any:
        with self._lock:
            then, found = self._held.get(name, (0.0, None))
            if not then or time.monotonic() - then > _HOLDS_S:
                found = look()
                self._held[name] = (time.monotonic(), found)
            return found

    def _models(self) -> list[dict[str, Any]]:
        last = certificates.read(self._asked.ground.settings.home)
        return [self._row(name, found, last) for name, found in self._manager.models().items()]

    def _row(self, name: str, found: Model | ModelInfo, last: certificates.LastCertificate) -> dict[str, Any]:
        model = found.model if isinstance(found, ModelInfo) else found
        fields = self._of_function(name) if model is None else self._of_model(model)
        return self.hidden(fields) | {"verdict": self.hidden(certificates.verdict_fields(last, name)), "job": None}  # type: ignore[no-any-return]

    def _of_model(self, model: Model) -> dict[str, Any]:
        decision = self._asked.decisions.get(model.name, _REGISTERED)
        standing = standing_of(model, self._asked.ground, decision, None)
        is_lost = model.layout == "folder" and model.folder is None
        return {
            "name": model.name,
            "title": model.title or model.name,
            "kind": model.kind,
            "tags": list(model.tags),
            "source": model.source.text,
            "licence": model.licence,
            "gated": model.gated,
            "required": decision.is_required,
            "because": decision.because,
            "decided_by": decision.variables[0] if decision.variables else None,
            "state": "unknown" if is_lost else standing.state,
            "bytes_on_disk": standing.bytes_present,
            "bytes_wanted": standing.bytes_wanted,
            "files_present": standing.files_present,
            "files_wanted": standing.files_wanted if standing.bytes_wanted is not None else None,
            "needs": list(model.needs),
            "lacking": [{"path": one["path"], "bytes": one["size"]} for one in standing.lacking],
        }

    def _of_function(self, name: str) -> dict[str, Any]:
        info = self._manager.models().get(name)
        title = info.description if isinstance(info, ModelInfo) else ""
        return {
            "name": name,
            "title": title or name,
            "kind": "generic",
            "tags": [],
            "source": "a function of a program",
            "licence": "",
            "gated": False,
            "required": False,
            "because": _REGISTERED.because,
            "decided_by": None,
            "state": "complete" if self._manager.is_completed(name) else "unknown",
            "bytes_on_disk": 0,
            "bytes_wanted": None,
            "files_present": 0,
            "files_wanted": None,
            "needs": [],
            "lacking": [],
        }

    def _disk(self) -> list[dict[str, Any]]:
        rows = {row["name"]: row["bytes_on_disk"] for row in self._models()}
        places: dict[Path, tuple[str, list[dict[str, Any]]]] = {}
        for name, found in self._manager.models().items():
            model = found.model if isinstance(found, ModelInfo) else found
            if model is not None and (place := self._place(model)):
                _, used = places.setdefault(place[1], (place[0], []))
                used.append({"model": name, "bytes": rows.get(name, 0)})
        return [_room(root) | {"label": label, "used": used} for root, (label, used) in places.items()]

    def _place(self, model: Model) -> tuple[str, Path] | None:
        """Give the place where *model* lies, by its label and its folder."""
        settings = self._asked.ground.settings
        if model.layout == "hub-cache":
            return "Hub cache", settings.hf_cache
        if model.folder is None:
            return None
        if model.folder.is_relative_to(settings.models_dir.absolute()):
            return "models folder", settings.models_dir.absolute()
        return f"folder of {model.name}", model.folder


def _room(root: Path) -> dict[str, int]:
    found = shutil.disk_usage(next(one for one in (root, *root.parents) if looking.look(one)))
    return {"total": found.total, "free": found.free}
