"""Large files come through Xet where the Hub offers it, proved like all else; where Xet fails, HTTP takes over."""

from __future__ import annotations

import os

import pytest

from modelready.mirror import Mirror

MIB = 1024 * 1024
SIZE = 18 * MIB


@pytest.fixture
def offered(machine, tmp_path):
    """Give a machine and a Hub that offers its one large file by Xet."""
    folder = tmp_path / "upstream" / "large"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(os.urandom(MIB) * (SIZE // MIB))
    (folder / "config.json").write_text("{}")
    machine.catalog('[[model]]\nname = "large"\nsource = "hf:acme/large"\n')
    with Mirror(xet=True) as hub:
        hub.add_repo("acme/large", folder)
        machine.endpoint = hub.url
        yield machine, hub


def kinds(hub):
    """Give the kinds of calls by which bytes of the large file were asked for."""
    return {one.kind for one in hub.requests if one.kind in {"get", "xorb"} and one.file != "config.json"}


def test_a_large_file_comes_by_xet(offered, judged):
    """Xet brings it, and its sha256 is compared all the same."""
    machine, hub = offered

    outcome = judged(machine, "provision")

    assert outcome.status == 0, outcome.text
    assert kinds(hub) == {"xorb"}
    assert outcome.model("large")["verdict"] == "proved"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda hub: hub.flip_byte("*", at=70_000, kind="xorb"), id="a flipped byte"),
        pytest.param(lambda hub: hub.status("*", 404, kind="xorb"), id="a xorb that is gone"),
        pytest.param(lambda hub: hub.status("*", 403, kind="xet-token"), id="no token"),
    ],
)
def test_where_xet_fails_http_takes_over(offered, judged, spoil):
    """hf_xet itself would call the first of these a success."""
    machine, hub = offered
    spoil(hub)

    outcome = judged(machine, "provision")

    assert outcome.status == 0, outcome.text
    assert "get" in kinds(hub)


def test_xet_can_be_forbidden(offered, judged):
    """HF_HUB_DISABLE_XET is obeyed."""
    machine, hub = offered
    machine.variables["HF_HUB_DISABLE_XET"] = "1"

    outcome = judged(machine, "provision")

    assert outcome.status == 0, outcome.text
    assert kinds(hub) == {"get"}
