"""The recipes in deploy/ know every switch of the shipped catalogs; their scripts are sound."""

from __future__ import annotations

import re
from pathlib import Path

from modelready import catalog, switches

ROOT = Path(__file__).parent.parent
RUNPOD = ROOT / "deploy" / "runpod"


def declared():
    """Give every switch of the shipped catalogs with the value that a pod has before anybody turns something."""
    found = {}
    for model in catalog.read([ROOT / "catalogs"], environ={}, cwd=ROOT).models:
        for line in (switches.parse(text) for text in model.enabled_by):
            for name in line.names:
                found[name] = line.default or found.get(name) or ("" if line.values else "false")
    return found


def test_the_image_declares_every_switch():
    """`docker inspect` lists what can be turned on; a catalog that gets a new switch wants a line here."""
    text = (RUNPOD / "Dockerfile").read_text(encoding="utf-8")
    known = dict(re.findall(r'^ENV (\w+)="([^"]*)"$', text, re.MULTILINE))

    lacking = [f'ENV {name}="{value}"' for name, value in declared().items() if known.get(name) != value]

    assert lacking == [], "add these lines to deploy/runpod/Dockerfile"
    assert known["MODELS_DIR"] == "/workspace/ComfyUI/models"
    assert (known["ENABLE_TURBODIFFUSION"], known["ENABLE_QWEN_EDIT"]) == ("false", "false")


def test_the_example_of_an_environment_knows_every_switch():
    text = (RUNPOD / ".env.example").read_text(encoding="utf-8")
    known = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))

    lacking = [f"{name}={value}" for name, value in declared().items() if known.get(name) != value]

    assert lacking == [], "add these lines to deploy/runpod/.env.example"
    assert known["MODELS_DIR"] == "/workspace/ComfyUI/models"


def test_no_token_is_written_into_a_recipe():
    """They are mounted, or come as secrets."""
    for place in sorted(RUNPOD.rglob("*")):
        if place.is_file() and place.suffix != ".whl":
            assert not re.search(r"hf_[A-Za-z0-9]{20,}", place.read_text(encoding="utf-8")), place
