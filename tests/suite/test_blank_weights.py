"""Weights that lost a part, and labels of another model, are refused by the check that is for them, and by it alone."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save

CATALOG = """
[[model]]
name = "tagger"
source = "hf:acme/tagger"
layout = "folder"
folder = "models/tagger"
include = ["model.safetensors", "selected_tags.csv"]
"""


@pytest.fixture
def tagger(machine):
    """Give a machine with a tagger that somebody put there by hand, and its folder."""
    machine.catalog(CATALOG)
    folder = machine.place / "models" / "tagger"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    shapes = {"blocks.0.weight": (600, 700), "blocks.1.weight": (700, 600), "head.weight": (50, 600)}
    weights = {name: generator.standard_normal(shape).astype("f4") for name, shape in shapes.items()}
    (folder / "model.safetensors").write_bytes(save(weights))
    write_labels(folder, 50)
    return machine, folder


def write_labels(folder, count):
    rows = "".join(f"{one},tag {one},0\n" for one in range(count))
    (folder / "selected_tags.csv").write_text(f"tag_id,name,category\n{rows}")


def test_a_part_that_was_never_written_fails_one_check(tagger, judged):
    """What was found right before is remembered; a change of the bytes is looked at, whatever was remembered."""
    machine, folder = tagger
    healthy = judged(machine, "certify", "--budget", "1m")
    remembered = [*(machine.state / "weights").iterdir(), *(machine.state / "partners").iterdir()]
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(2**20)
        file.write(bytes(2**20))

    torn = judged(machine)

    assert healthy.status == 0, healthy.text
    assert {"weights.are_not_blank[tagger]", "weights.agree_with_partners[tagger]"} <= set(healthy.passed)
    assert len(remembered) == 2
    assert (torn.status, torn.failed) == (1, ["weights.are_not_blank[tagger]"]), torn.text
    assert "nothing but zeros from byte 1,048,576 to 2,097,152" in torn.text


def test_labels_of_another_model_fail_one_check(tagger, judged):
    """With --reread, which searches every byte and compares again."""
    machine, folder = tagger
    write_labels(folder, 49)

    refused = judged(machine, "certify", "--reread")

    assert (refused.status, refused.failed) == (1, ["weights.agree_with_partners[tagger]"]), refused.text
    assert "has 49 labels, head.weight of model.safetensors has 50 outputs" in refused.text
