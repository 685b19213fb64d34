"""All exhibits on one machine, each beside its healthy twin, and what one run of each command says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from modelready.mirror import Civitai, Mirror
from museum.rooms import Room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from museum.exhibits import Exhibit

_KEPT = frozenset({"PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR"})
_LIMIT_S = 300
_MACHINE = "machine."
_TOKEN = "museum-" * 4  # opens nothing but the hall's own CivitAI


@dataclass(frozen=True)
class Told:
    """What was said of one model: by each check that failed, and by each that only warned."""

    failed: dict[str, str] = field(default_factory=dict)
    warned: dict[str, str] = field(default_factory=dict)
    verdict: str = ""


@dataclass
class Hall:
    """The machine and its Hub. Enter it, and everything is built."""

    place: Path
    exhibits: Sequence[Exhibit]
    rooms: dict[str, Room] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    machine_said: dict[str, str] = field(default_factory=dict)  # by the checks that speak of no model

    def __post_init__(self) -> None:
        self.hub, self.civitai = Mirror(), Civitai(token=_TOKEN)

    def __enter__(self) -> Self:
        self.hub.start()
        self.civitai.start()
        for one in self.exhibits:
            self._build(one, one.name, is_broken=True)
            self._build(one, one.twin, is_broken=False)
        self._write_catalogs()
        return self

    def __exit__(self, *_: object) -> None:
        self.hub.stop()
        self.civitai.stop()

    @property
    def machine(self) -> Path:
        """Give the machine's folder."""
        return self.place / "machine"

    @property
    def environment(self) -> dict[str, str]:
        """Give the machine's environment."""
        inherited = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COV")}
        return inherited | {
            "HOME": str(self.machine),
            "HF_HOME": str(self.machine / "hf"),
            "HF_ENDPOINT": self.hub.url,
            "CIVITAI_ENDPOINT": self.civitai.url,
            "CIVITAI_TOKEN": _TOKEN,
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_DOWNLOAD_MAX_RETRIES": "0",
            "MODELREADY_HOME": str(self.machine / "state"),
            "MODELS_DIR": str(self.machine / "models"),
            "NO_COLOR": "1",
        }

    def judge(self) -> None:
        """Let each command say what it has to say, once for all exhibits that are its own."""
        self._certified("certify")
        # Certifying asks no Hub. The others do, and it goes on to be at fault towards those repositories.
        for one in self.exhibits:
            if one.command != "certify":
                one.spoil(self.rooms[one.name])
        self._certified("provision")
        self._held_against_the_lock()

    # ---- building

    def _build(self, one: Exhibit, name: str, *, is_broken: bool) -> None:
        room = self.rooms[name] = Room(name, self.hub, self.machine, self.civitai, version=len(self.rooms) + 1)
        if one.source == "civitai":
            room.offer(one.files())
        else:
            room.publish(one.files())
        if is_broken and one.command == "certify":
            one.spoil(room)
        one.fill(room)
        self.hub.heal()
        if is_broken:
            one.damage(room)

    def _write_catalogs(self) -> None:
        folder = self.machine / "catalogs"
        folder.mkdir(parents=True)
        rows: dict[str, list[str]] = {"certify": [], "provision": [], "lock --check": []}
        locks = {}
        for one in self.exhibits:
            for name in (one.name, one.twin):
                rows[one.command].append(self._row(one, name))
                if one.locked:
                    locks[name] = one.locked(self.rooms[name])
        for command, texts in rows.items():
            _catalog(folder, command).write_text("\n".join(texts), encoding="utf-8")
        (folder / "models.lock.json").write_text(json.dumps({"format_version": 1, "models": locks}), encoding="utf-8")

    def _row(self, one: Exhibit, name: str) -> str:
        room = self.rooms[name]
        source = f"civitai:{room.version}" if one.source == "civitai" else f"hf:{room.repo}"
        about = {"name": name, "source": source, "layout": one.layout}
        lines = [f"{key} = {json.dumps(value)}" for key, value in about.items()]
        return "\n".join(["[[model]]", *lines, one.catalog, ""])

    # ---- judging

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``modelready`` on the machine."""
        call = [sys.executable, "-P", "-m", "modelready", *words]
        return subprocess.run(  # noqa: S603 - our own command
            call,
            env=self.environment,
            cwd=self.machine,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )

    def _catalog(self, command: str) -> tuple[str, str]:
        return "--catalog", str(_catalog(self.machine / "catalogs", command))

    def _certified(self, command: str) -> None:
        if not any(one.command == command for one in self.exhibits):
            return
        path = self.machine / f"{command}.json"
        done = self.run(command, *self._catalog(command), "--certificate", str(path))
        if not path.is_file():
            raise RuntimeError(done.stdout + done.stderr)
        said = json.loads(path.read_text(encoding="utf-8"))["predicate"]["modelready"]
        for model in said["models"]:
            self.told[model["name"]] = Told(verdict=model["verdict"])
        for kind in ("failures", "warnings"):
            for row in said[kind]:
                self._take(kind, row["check"], row["reason"])

    def _take(self, kind: str, named: str, reason: str) -> None:
        check, _, model = named.removesuffix("]").partition("[")
        if not model:
            self.machine_said[check] = reason
        elif kind == "failures":
            self.told[model].failed[check] = reason
        else:
            self.told[model].warned[check] = reason

    def _held_against_the_lock(self) -> None:
        if not any(one.command == "lock --check" for one in self.exhibits):
            return
        done = self.run("lock", "--check", "--json", *self._catalog("lock --check"))
        drift = json.loads(done.stdout)["drift"]
        for one in self.exhibits:
            for name in (one.name, one.twin) if one.command == "lock --check" else ():
                lines = (
                    {"lock --check": "\n".join(f"{entry['path']}: {entry['message']}" for entry in drift[name])}
                    if name in drift
                    else {}
                )
                self.told[name] = Told(failed=lines, verdict="failed" if lines else "proved")

    def message(self, one: Exhibit) -> str:
        """Give what the check of *one* said of it, without the lines about others; nothing where it said nothing."""
        if one.check.startswith(_MACHINE):
            return _about(self.machine_said.get(one.check, ""), one.name)
        told = self.told[one.name]
        return (told.warned if one.is_warning else told.failed).get(one.check, "")


def _catalog(folder: Path, command: str) -> Path:
    return folder / f"{command.partition(' ')[0]}.toml"


def _about(reason: str, name: str) -> str:
    """Give the lines about one model of what a check said of the machine: each begins with a place, not indented."""
    found: list[str] = []
    is_told = False
    for line in reason.splitlines():
        is_told = name in line if not line.startswith(" ") else is_told
        found += [line] if is_told else []
    return "\n".join(found)
