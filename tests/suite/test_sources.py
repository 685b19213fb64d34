"""What a Hub can refuse, and what the user is told of it."""

from __future__ import annotations

import pytest

from modelready.mirror import Mirror


@pytest.fixture
def fast(tiny_machine):
    """Give a machine that waits little."""
    tiny_machine.variables |= {
        "HF_HUB_ETAG_TIMEOUT": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "HF_DOWNLOAD_MAX_RETRIES": "1",
    }
    return tiny_machine


def gated(hub, tiny):
    """Gate the repository."""
    hub.add_repo("acme/tiny", tiny, gated=True, token="hf_right")


def private(hub, tiny):
    """Hide the repository."""
    hub.add_repo("acme/tiny", tiny, private=True, token="hf_right")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(gated, ["gated", "licence", "HF_TOKEN"], id="gated"),
        pytest.param(private, ["private", "HF_TOKEN"], id="private"),
        pytest.param(lambda hub, _: hub.remove("acme/tiny"), ["no such repository", "HF_TOKEN"], id="missing"),
        pytest.param(lambda hub, _: hub.rename("acme/tiny", "acme/new"), ["acme/new", "hf:acme/new"], id="renamed"),
        pytest.param(lambda hub, _: hub.status("*", 429, kind="any"), ["429"], id="rate-limited"),
        pytest.param(lambda hub, _: hub.status("*", 503, kind="any"), ["503", "later"], id="server fault"),
        pytest.param(lambda hub, _: hub.stall("*", kind="any"), ["silent"], id="silent"),
        pytest.param(lambda hub, _: hub.stop(), ["cannot be reached"], id="not there"),
        pytest.param(
            lambda hub, _: hub.replace_body("*", b"<html>log in</html>", kind="any"), ["portal"], id="captive portal"
        ),
    ],
)
def test_every_refusal_has_words_and_a_remedy(fast, hub, tiny, judged, spoil, words):
    """One clear reason, no traceback, nothing under a final name."""
    spoil(hub, tiny)

    outcome = judged(fast, "provision")

    assert outcome.status == 1, outcome.text
    assert "Traceback" not in outcome.text
    for word in words:
        assert word in outcome.text
    assert not list(fast.cache.glob("models--*/snapshots/*/*"))


@pytest.mark.parametrize("spoil", [gated, private])
def test_the_right_token_opens_and_is_never_told(fast, hub, tiny, judged, spoil):
    """The token goes to the Hub and nowhere else."""
    spoil(hub, tiny)
    fast.variables["HF_TOKEN"] = "hf_right"

    outcome = judged(fast, "provision", "-v")

    assert outcome.status == 0, outcome.text
    assert "hf_right" not in outcome.text
    assert "hf_right" not in str(outcome.certificate)


def test_a_gated_model_without_a_token_is_told_before_anything_is_asked(fast, hub, judged):
    """The catalog says it is gated: no request is needed to know."""
    fast.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\ngated = true\n')

    outcome = judged(fast, "provision")

    assert outcome.status == 1
    assert "HF_TOKEN" in outcome.text
    assert hub.requests == ()


def test_a_missing_revision_is_told(fast, judged):
    """The repository is there, the revision is not."""
    fast.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny@v9"\n')

    outcome = judged(fast, "provision")

    assert outcome.status == 1
    assert "v9" in outcome.text


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda hub: hub.status("*", 503, kind="any", times=1), id="503"),
        pytest.param(lambda hub: hub.status("*", 429, kind="any", times=1, headers={"Retry-After": "1"}), id="429"),
        pytest.param(lambda hub: hub.drop_after("*", 10, kind="any", times=1), id="cut"),
        pytest.param(lambda hub: hub.stall("*", kind="any", times=1), id="stall"),
        pytest.param(lambda hub: hub.flip_byte("*.safetensors", times=1), id="flipped byte"),
    ],
)
def test_a_fault_that_passes_is_survived(fast, hub, judged, spoil):
    """Once is no reason to fail."""
    fast.variables["HF_DOWNLOAD_MAX_RETRIES"] = "3"
    spoil(hub)

    outcome = judged(fast, "provision")

    assert outcome.status == 0, outcome.text


def test_offline_by_variable_refuses_to_ask(fast, hub, judged):
    """HF_HUB_OFFLINE is obeyed."""
    fast.variables["HF_HUB_OFFLINE"] = "1"

    outcome = judged(fast, "provision")

    assert outcome.status == 1
    assert "HF_HUB_OFFLINE" in outcome.text
    assert hub.requests == ()


def test_a_listing_of_many_pages_is_read_whole(machine, tmp_path, judged):
    """The Hub gives a thousand entries a page."""
    many = tmp_path / "many"
    many.mkdir()
    for place in range(23):
        (many / f"{place:03}.json").write_text(f'{{"place": {place}}}')
    machine.catalog('[[model]]\nname = "many"\nsource = "hf:acme/many"\n')

    with Mirror(page_size=5) as hub:
        hub.add_repo("acme/many", many)
        machine.endpoint = hub.url
        outcome = judged(machine, "provision")

    assert outcome.status == 0, outcome.text
    assert len(outcome.certificate["subject"]) == 23
