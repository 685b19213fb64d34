"""A tokenizer that worked is not loaded again while its bytes and its libraries are the same, and only then."""

import pytest

from modelready import trials
from modelready.inspection.tokenizers import folders
from modelready.ledger import Ledger
from modelready.model import PlacedFile, PlacedModel


@pytest.fixture
def tried(tmp_path, workshop):
    """Give a model with a tokenizer's files (what is in them does not matter here), its folders, and a ledger."""
    place = tmp_path / "tokenizer"
    place.mkdir()
    (place / "tokenizer.json").write_text("{}")
    (place / "model.safetensors").write_bytes(b"weights")
    names = ("tokenizer.json", "model.safetensors")
    (model,) = workshop.asked().selected.values()
    placed = PlacedModel(model, place, None, tuple(PlacedFile(name, place / name) for name in names), "lock")
    return place, folders(placed, lambda _: placed)


def test_what_went_well_is_remembered(tmp_path):
    """An empty file is all it takes."""
    done = trials.Trials(tmp_path / "state" / "tokenizers")

    done.remember("abc")

    assert done.went_well("abc")
    assert not done.went_well("abd")


def test_what_has_no_key_is_never_remembered(tmp_path):
    """A tokenizer that was passed over proves nothing."""
    done = trials.Trials(tmp_path)

    done.remember(None)

    assert not done.went_well(None)
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    """Certifying works where nothing can be written."""
    (tmp_path / "file").touch()
    done = trials.Trials(tmp_path / "file" / "tokenizers")

    done.remember("abc")

    assert not done.went_well("abc")


def test_the_same_bytes_have_the_same_key(tried):
    """Whoever asks, whenever."""
    _, found = tried

    assert trials.key_of(found, Ledger(None)) == trials.key_of(found, Ledger(None)) != None  # noqa: E711 - a chain


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("tokenizer.json", id="the tokenizer"),
        pytest.param("special_tokens_map.json", id="a file that the catalog does not know"),
        pytest.param("additional_chat_templates/other.jinja", id="a template in its folder"),
    ],
)
def test_other_bytes_have_another_key(tried, name):
    """Everything that may be read decides."""
    place, found = tried
    before = trials.key_of(found, Ledger(None))
    (place / name).parent.mkdir(exist_ok=True)

    (place / name).write_text('{"other": 1}')

    assert trials.key_of(found, Ledger(None)) != before


def test_weights_do_not_decide(tried):
    """A tokenizer does not read them, and hashing them takes long."""
    place, found = tried
    before = trials.key_of(found, Ledger(None))

    (place / "model.safetensors").write_bytes(b"others")

    assert trials.key_of(found, Ledger(None)) == before


def test_another_version_of_a_library_tries_again(tried, monkeypatch):
    """What transformers 5.23 loads, 5.24 may refuse."""
    _, found = tried
    before = trials.key_of(found, Ledger(None))

    monkeypatch.setattr(trials.metadata, "version", lambda _: "99")

    assert trials.key_of(found, Ledger(None)) != before


def test_what_is_refused_or_absent_has_no_key(tried):
    """It would be passed over: that is no proof."""
    place, found = tried
    refused = trials.key_of(found, Ledger(None), refused={"tokenizer.json"})
    (place / "tokenizer.json").unlink()

    assert refused is None
    assert trials.key_of(found, Ledger(None)) is None


def test_a_file_that_cannot_be_read_leaves_no_key(tried):
    """What nobody could hash, nobody can vouch for."""
    place, found = tried
    place.rename(place.with_name("gone"))
    alone = [type(one)(one.path, one.folder, one.model) for one in found]

    assert trials.key_of(alone, Ledger(None)) is None
