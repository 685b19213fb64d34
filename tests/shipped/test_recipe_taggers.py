"""docs/recipes/taggers.md, tried: document 2's taggers bring only what is opened, and nothing twice."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from safetensors.numpy import save

REPO = "SmilingWolf/wd-vit-tagger-v3"
COMMIT = "7f6b584d0bd3f55c4531f14ba3d4761b2bccdc0f"
JTP = "RedRocket/JointTaggerProject"
HEAD = "JTP_PILOT2/JTP_PILOT2-e3-vit_so400m_patch14_siglip_384.safetensors"
BESIDE = ["README.md", "config.json", "model.safetensors", "model.msgpack", "sw_jax_cv_config.json"]
WORDS = "-k", "tagger"
AS_ANOTHER_PROGRAM = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], revision=sys.argv[2], allow_patterns=["model.onnx", "selected_tags.csv"]))
"""


def tagger(labels):
    """Give a real model of one layer with so many outputs."""
    weights = np.random.default_rng(1).normal(size=(8, labels)).astype("f4")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["input", "weights"], ["output"])],
        "tagger",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", 8])],
        [onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["batch", labels])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    return onnx.helper.make_model(graph).SerializeToString()


def labels(count):
    rows = "".join(f"{one},tag_{one},0,{count - one}\n" for one in range(count))
    return f"tag_id,name,category,count\n{rows}"


@pytest.fixture(scope="module")
def served(kitchen, texts):
    """Serve both repositories with all that lies in them; nothing is brought yet."""
    folder = kitchen.serve(REPO, ["model.onnx", "selected_tags.csv", *BESIDE])
    (folder / "model.onnx").write_bytes(tagger(50))
    (folder / "selected_tags.csv").write_text(labels(50))
    kitchen.hub.add_repo(REPO, folder, commit=COMMIT)
    older = ["JTP_PILOT/old.safetensors", "JTP_PILOT/tags.json", "README.md"]
    joint = kitchen.serve(JTP, [HEAD, "JTP_PILOT2/tags.json", *older])
    head = np.random.default_rng(2).normal(size=(18, 4)).astype("f2")
    (joint / HEAD).write_bytes(save({"head.linear.weight": head}))
    (joint / "JTP_PILOT2" / "tags.json").write_text(json.dumps({f"tag {one}": one for one in range(9)}))
    kitchen.hub.add_repo(JTP, joint)
    kitchen.catalog(texts["taggers.toml"], folder)
    kitchen.machine.variables.update(ENABLE_WDV3="true", ENABLE_JTP2="true")
    return kitchen


@pytest.fixture(scope="module")
def cached(served):
    """Let another program bring the tagger into the Hub cache; the catalog's other one is missing."""
    done = served.machine.python(AS_ANOTHER_PROGRAM, REPO, COMMIT)
    assert done.returncode == 0, done.stderr
    served.hub.forget()
    return served


@pytest.fixture(scope="module")
def refused(cached):
    """Provision where nothing may be downloaded; nothing was asked of the Hub."""
    ended = cached.run("provision", *WORDS, DISABLE_MODEL_DOWNLOADS="true")
    return ended, cached.hub.requests


@pytest.fixture(scope="module")
def brought(cached, refused):
    """Bring what is missing."""
    ended = cached.run("provision", *WORDS)
    return ended, [(one.repo, one.file) for one in cached.hub.requests if one.kind == "get"]


def test_where_nothing_may_be_downloaded_the_variable_is_named(refused):
    """Exit 1 for what is missing, and not one request; what is there is proved all the same."""
    ended, requests = refused

    verdicts = {one["name"]: one["verdict"] for one in ended.certificate["modelready"]["models"]}
    assert (ended.status, requests) == (1, ()), ended.text
    assert "DISABLE_MODEL_DOWNLOADS" in ended.text
    assert "jtp-pilot2" in ended.text
    assert verdicts["wd-vit-tagger-v3"] == "proved"


def test_only_the_folder_of_the_tagger_is_brought(brought, files_below):
    """Two files of a repository with several taggers; labels fit the gated head."""
    ended, fetched = brought

    assert ended.status == 0, ended.text
    assert sorted(fetched) == [(JTP, HEAD), (JTP, "JTP_PILOT2/tags.json")]
    assert "weights.agree_with_partners" in ended.passed


def test_what_is_in_the_cache_already_is_verified_and_not_fetched(brought, cached, files_below):
    """It lies there with its two files, and each was held against the catalog's digest."""
    ended, fetched = brought

    assert REPO not in {repo for repo, _ in fetched}
    assert files_below(cached.snapshot(REPO)) == {"model.onnx", "selected_tags.csv"}
    assert "files.have_the_right_bytes[wd-vit-tagger-v3]" in ended.certificate["passedTests"]
    assert "weights.agree_with_partners[wd-vit-tagger-v3]" in ended.certificate["passedTests"]


def test_where_nothing_may_be_downloaded_what_is_there_is_ready(brought, cached):
    """Certifying goes on, and provision has nothing to do."""
    cached.hub.forget()

    certified = cached.run("certify", DISABLE_MODEL_DOWNLOADS="true")
    again = cached.run("provision", *WORDS, DISABLE_MODEL_DOWNLOADS="1")

    assert (certified.status, again.status) == (0, 0), certified.text + again.text
    assert cached.hub.requests == ()


def test_being_there_is_not_enough(brought, cached):
    """One bit of a cached file flips: it is refused, and that file alone is fetched again."""
    blob = (cached.snapshot(REPO) / "model.onnx").resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    cached.hub.forget()

    refused, mended = cached.run("certify"), cached.run("provision")

    assert (refused.status, refused.failed) == (1, {"files.have_the_right_bytes"}), refused.text
    assert (mended.status, cached.fetched()) == (0, {"model.onnx"}), mended.text


def test_the_recipes_own_row_brings_the_files_to_a_node_of_comfyui(brought, cached, recipe, files_below):
    """The same two files, in a folder."""
    own = cached.machine.place / "own.toml"
    own.write_text(recipe("taggers.md"), encoding="utf-8")

    ended = cached.run("provision", "--catalog", str(own))

    assert ended.status == 0, ended.text
    folder = cached.machine.place / "models" / "tagger" / "wd-vit-tagger-v3"
    assert files_below(folder) == {"model.onnx", "selected_tags.csv"}
