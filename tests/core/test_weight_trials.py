"""Weights that were found right are not looked into again while their bytes are the same, and only then."""

import time

import numpy as np
import pytest
from safetensors.numpy import save

from modelready import proving, trials
from modelready.ledger import Ledger
from modelready.model import PlacedFile
from modelready.suite import recalling
from modelready.suite.options import Options
from modelready.suite.state import Suite


def weights(seed=1, zeros=0):
    filled = {f"w{one}": np.random.default_rng(seed + one).standard_normal((80, 90)).astype("f4") for one in range(3)}
    return save(filled | {f"z{one}": np.zeros((80, 90), "f4") for one in range(zeros)})


@pytest.fixture
def placed(tmp_path):
    """Give a function that writes files of weights; a moment later, so that the ledger may remember them."""

    def place(**contents):
        for name, content in contents.items():
            (tmp_path / f"{name}.safetensors").write_bytes(content)
        time.sleep(0.06)
        return tuple(PlacedFile(f"{name}.safetensors", tmp_path / f"{name}.safetensors") for name in contents)

    return place


@pytest.fixture
def suite(workshop):
    """Give what a run knows, with *options*; its ledger has read *files*."""

    def suite(files, **options):
        found = Suite(Options(**options), workshop.asked(), "run")
        proving.prove(files, found.ground.ledger)
        return found

    return suite


@pytest.fixture
def remembered(workshop):
    """Give the names of what is remembered."""
    return lambda: {path.name for path in (workshop.place / "state" / "weights").glob("*")}


def test_a_name_is_made_of_bytes_and_way(placed):
    """Other bytes, or another way of looking, are another trial; weights are never read for a name."""
    files = placed(a=weights(), b=weights(), c=weights(seed=9))
    ledger = Ledger(None)
    unknown = trials.keys_of_weights(files, ledger, "sampled")
    proving.prove(files, ledger)

    sampled, searched = trials.keys_of_weights(files, ledger, "sampled", "searched")

    assert unknown == [{}]
    assert trials.key_of_files(files, Ledger(None)) is None
    assert sampled["a.safetensors"] == sampled["b.safetensors"] != sampled["c.safetensors"]
    assert not set(sampled.values()) & set(searched.values())
    assert trials.key_of_files(files, ledger) != trials.key_of_files(files[:2], ledger) is not None


def test_what_was_found_right_is_not_looked_into_again(placed, suite, remembered):
    """One file changes, one file is looked at: no time is needed for the other."""
    files = placed(a=weights(), b=weights(seed=5))
    first = recalling.blank_weights(suite(files), files)
    changed = placed(b=weights(seed=7))

    again = recalling.blank_weights(suite([*files, *changed], budget_s=1e-9), files)

    assert first.are_none
    assert [one.path for one in again.doubts] == ["b.safetensors"]
    assert len(remembered()) == 2


def test_what_was_searched_needs_no_samples(placed, suite, remembered):
    """But not the other way round: --reread looks again, whatever was remembered."""
    files = placed(a=weights())
    recalling.blank_weights(suite(files), files)
    sampled = remembered()

    assert recalling.blank_weights(suite(files, reread=True), files).are_none
    searched = remembered() - sampled
    assert recalling.blank_weights(suite(files, reread=True, budget_s=1e-9), files).doubts
    assert len(sampled) == len(searched) == 1
    assert recalling.blank_weights(suite(files, budget_s=1e-9), files).are_none


def test_what_was_doubted_is_doubted_again(placed, suite, remembered):
    """Only silence is remembered."""
    files = placed(a=weights(zeros=1))

    found = [recalling.blank_weights(suite(files), files) for _ in range(2)]

    assert [len(one.doubts) for one in found] == [1, 1]
    assert remembered() == set()


def test_partners_that_agreed_are_not_read_again(placed, suite, workshop, tmp_path):
    """A table of labels beside weights; and --reread compares again."""
    (model,) = workshop.asked().selected.values()
    head = save({"head.weight": np.ones((3, 4), "f4")})
    files = placed(model=head)
    labels = tmp_path / "tags.csv"
    labels.write_text("tag_id,name\n1,a\n2,b\n3,c\n")
    time.sleep(0.06)
    files = (*files, PlacedFile("tags.csv", labels))

    found = [recalling.partner_findings(suite(files, reread=one), model, files) for one in (False, False, True)]
    labels.write_text("tag_id,name\n1,a\n")
    other = recalling.partner_findings(suite(files), model, files)

    assert [one.compared for one in found] == [1, 1, 1]
    assert [one.path for one in other.faults] == ["tags.csv"]
    assert len(list((workshop.place / "state" / "partners").iterdir())) == 1
