"""What lies in tensors is found by reading: exactly, where all is read, and never wrongly, where samples are."""

import os
import shutil
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from modelready.formats import blankness
from modelready.formats.blankness import Deadline, Run
from modelready.formats.safetensors import BrokenHeader

KIB, MIB = 1024, 2**20
HOWS = [pytest.param(blankness.sample, id="sampled"), pytest.param(blankness.search, id="searched")]


def numbers(*shape, dtype="f4", seed=1):
    """Give weights as training leaves them."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def looked(path, how=blankness.search, deadline=Deadline()):  # noqa: B008 - frozen
    return how(path, deadline)


def by_name(found):
    return {one.span.name: one for one in found.seen}


def zeroed(path, begin, end):
    """Write zeros from *begin* to *end*, as a download that lost its bytes leaves them."""
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(end - begin))


def file_of(write, **tensors):
    return write("model.safetensors", save({name.replace("__", "."): one for name, one in tensors.items()}))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Give a folder that all examples share."""
    return tmp_path_factory.mktemp("any")


# ---- what is counted


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_value_that_is_no_number_is_found(place, data):
    """A tensor with k of them, anywhere, is told with all k; the safetensors library and numpy count the same."""
    kind = data.draw(st.sampled_from(["f2", "f4", "f8"]))
    weights = numbers(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3000)), dtype=kind)
    places = data.draw(st.sets(st.integers(0, weights.size - 1), max_size=5))
    values = [data.draw(st.sampled_from([np.nan, np.inf, -np.inf])) for _ in places]
    weights.flat[list(places)] = values
    path = place / "a.safetensors"
    path.write_bytes(save({"other": numbers(70, 100), "weights": weights}))

    found = by_name(looked(path))["weights"]

    read = load_file(path)["weights"]
    assert found.is_whole
    assert (found.tally.nan, found.tally.plus, found.tally.minus) == (
        np.isnan(read).sum(),
        np.isposinf(read).sum(),
        np.isneginf(read).sum(),
    )
    assert by_name(looked(path))["other"].tally.is_finite


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_samples_say_is_true(place, data):
    """They may miss something; what they tell was read to the end."""
    draw = data.draw
    length = draw(st.integers(1, 60_000))
    weights = draw(
        st.sampled_from([np.zeros(length, "f4"), np.full(length, 0.5, "f4"), numbers(length), -np.zeros(length, "f2")])
    )
    if draw(st.booleans()):
        weights[draw(st.integers(0, length - 1))] = draw(st.sampled_from([1.5, np.nan, -np.inf]))
    path = place / "a.safetensors"
    path.write_bytes(save({"weights": weights}))

    (found,), (exact,) = (looked(path, how).seen for how in (blankness.sample, blankness.search))

    told = found.tally
    assert not told.is_flat or (told.is_zero, told.is_constant) == (exact.tally.is_zero, exact.tally.is_constant)
    assert told.is_finite or told == exact.tally
    assert exact.tally.is_zero == (not weights.any())


@pytest.mark.parametrize("how", HOWS)
def test_whole_tensors_that_are_zero_or_one_value_are_told(write, how):
    """Large and small, with neighbours that are neither."""
    path = file_of(
        write,
        a=numbers(500, 600),
        b=np.zeros((700, 800), "f4"),
        c=np.full((900, 100), 0.25, "f4"),
        d=np.zeros(3, "f4"),
        e=numbers(3),
    )

    found = by_name(looked(path, how))

    assert [name for name, one in found.items() if one.tally.is_zero] == ["b", "d"]
    assert [name for name, one in found.items() if one.tally.is_constant] == ["b", "c", "d"]
    assert all(one.is_whole for one in found.values() if one.tally.is_flat)


@pytest.mark.parametrize("how", HOWS)
def test_one_number_among_zeros_is_enough(write, how):
    """Samples see zeros only; the whole tensor is read before it is called zero."""
    almost = np.zeros((1000, 1000), "f4")
    almost[617, 503] = 1
    path = file_of(write, almost=almost)

    (found,) = looked(path, how).seen

    assert not found.tally.is_flat


@pytest.mark.parametrize("how", HOWS)
def test_masks_are_told_from_weights(write, how):
    """A mask has one finite value beside infinities; a weight that overflowed has many."""
    mask = np.triu(np.full((300, 300), -np.inf, "f4"), 1)
    overflowed = numbers(300, 300)
    overflowed[0, 0] = np.inf
    path = file_of(write, mask=mask, overflowed=overflowed, limit=np.array(-np.inf, "f4"))

    found = by_name(looked(path, how))

    assert {name: one.is_mask for name, one in found.items()} == {"mask": True, "overflowed": False, "limit": True}
    assert found["mask"].tally.minus == 300 * 299 // 2


def test_a_tensor_larger_than_what_a_thread_takes_is_counted_once(write):
    """Parts of a tensor are added up."""
    weights = numbers(33 * MIB // 4)
    weights[[0, 8 * MIB - 1, 8 * MIB, -1]] = np.nan
    path = file_of(write, weights=weights, after=numbers(7))

    found = by_name(looked(path))

    assert found["weights"].tally.nan == 4
    assert all(one.is_whole for one in found.values())


def test_a_file_without_tensors_says_nothing(write):
    """Nor do tensors without elements."""
    path = file_of(write, empty=np.zeros((0, 5), "f4"))

    assert [looked(path, how.values[0]) for how in HOWS] == [blankness.Looked()] * 2


# ---- time


@pytest.mark.parametrize("how", HOWS)
def test_no_time_is_told(write, how):
    """Nothing was looked at: that is no silence."""
    path = file_of(write, a=numbers(100, 100), b=numbers(100, 100))

    found = looked(path, how, Deadline.within(0))

    assert found.seen == ()
    assert found.unfinished in {"0 of 2 tensors were looked into", "0 B of 80.0 KB were read"}


def test_time_is_shared():
    """What one file leaves, the next may use; without an end there is nothing to share."""
    whole = Deadline.within(100)

    assert whole.at - 50.1 < whole.share(2).at < whole.at - 49
    assert Deadline().share(3) == Deadline()
    assert not Deadline().is_over


def test_every_tensor_is_looked_into_before_any_is_looked_into_twice(write):
    """With little time, all of them are seen a little."""
    path = file_of(write, **{f"t{one}": numbers(200, 200) for one in range(4)})

    with blankness._opened(path, Deadline()) as reading:
        plan = sorted(blankness._samples(reading.spans), key=lambda one: (one[0], one[2]))

    assert [span.name for _, span, _, _ in plan[:4]] == ["t0", "t1", "t2", "t3"]
    assert len(plan) == 4 * 8


@settings(max_examples=50)
@given(size=st.integers(1, 40 * MIB), name=st.text(max_size=5))
def test_samples_cover_a_tensor_from_end_to_end(size, name):
    """The first bytes, the last ones, and never more than eight MiB without any."""
    span = blankness.Span(name, "F16", (size,), 1001, 1001 + 2 * size)

    parts = sorted((begin, end) for _, _, begin, end in blankness._samples([span]))

    assert parts[0][0] == span.begin
    assert parts[-1][1] == span.end
    assert all((begin - span.begin) % 2 == 0 and end <= span.end for begin, end in parts)
    assert all(later[0] - earlier[1] <= 8 * MIB for earlier, later in pairwise(parts))


# ---- tears


@pytest.fixture
def model(write):
    """Give a file of three matrices and a bias, and where they lie."""
    path = file_of(
        write,
        a=numbers(500, 700),
        b=numbers(500),
        c=numbers(64, 48, 3, 3),
        d=numbers(900, 640, dtype="f2"),
    )
    with blankness._opened(path, Deadline()) as reading:
        return path, {span.name: span for span in reading.spans}


@pytest.mark.parametrize(
    ("begin", "end", "how"),
    [
        pytest.param(200 * KIB, 220 * KIB, blankness.search, id="inside a tensor"),
        pytest.param(200 * KIB + 1234, 328 * KIB + 777, blankness.search, id="between any two bytes"),
        *(
            pytest.param(begin, end, *how.values, id=f"{where}, {how.id}")
            for how in HOWS
            for begin, end, where in [
                (400 * KIB, 1200 * KIB, "most of a tensor"),
                (1024 * KIB, 2048 * KIB, "across tensors"),
                (1000 * KIB + 1234, None, "from anywhere to the end"),
            ]
        ),
    ],
)
def test_bytes_that_never_arrived_are_told(model, begin, end, how):
    """From where to where, whatever they cut through."""
    path, _ = model
    end = end or path.stat().st_size
    zeroed(path, begin, end)

    (tear,) = looked(path, how).tears

    assert begin - 8 <= tear.begin <= begin
    assert end <= tear.end <= end + 8


@pytest.mark.parametrize("how", HOWS)
def test_a_hole_costs_no_reading(model, how):
    """Where the file system keeps account, a hole of one page's neighbours is found between two samples."""
    path, _ = model
    sparse = path.with_name("sparse.safetensors")
    begin, end = 400 * KIB, 424 * KIB
    content = path.read_bytes()
    with sparse.open("wb") as file:
        file.truncate(len(content))
        file.write(content[:begin])
        file.seek(end)
        file.write(content[end:])

    tears = looked(sparse, how).tears

    assert [(-tear.begin % 4096 <= 8, tear.end - tear.begin >= end - begin) for tear in tears] == [(True, True)]


def padded(rows, columns, *, of):
    """Give numbers in the upper left corner of zeros."""
    matrix = np.zeros(of, "f4")
    matrix[:rows, :columns] = numbers(rows, columns)
    return matrix


RIGHT = {
    "rows of padding": np.vstack([numbers(300, 512), np.zeros((200, 512), "f4")]),
    "columns of padding": np.hstack([numbers(300, 512), np.zeros((300, 3000), "f4")]),
    "a corner of numbers": padded(200, 300, of=(900, 1024)),
    "pruned rows": np.where(np.arange(600)[:, None] % 3 == 0, numbers(600, 700), 0).astype("f4"),
    "pruned channels": np.where(np.arange(64)[:, None, None, None] < 9, numbers(64, 64, 3, 3), 0).astype("f4"),
    "experts of padding": np.concatenate([numbers(4, 90, 256), np.zeros((4, 70, 256), "f4")], axis=1),
    "a triangle": np.tril(np.ones((2000, 1500), "f4"), -1),
    "the other triangle": np.triu(numbers(900, 1500), 3),
    "a diagonal": np.eye(1500, dtype="f4"),
    "blocks on a diagonal": np.kron(np.eye(5), np.ones((300, 300))).astype("f2"),
    "sparse numbers": np.where(np.random.default_rng(3).random((1500, 1500)) < 0.001, 1, 0).astype("f4"),
    "sparse rows": np.where(
        (np.random.default_rng(4).random((1500, 1500)) < 0.05) & (np.arange(1500)[:, None] % 9 < 2), 1, 0
    ).astype("f4"),
    "all of it": np.zeros((900, 700), "f4"),
    "a vector of few": np.where(np.arange(200_000) < 9000, 1, 0).astype("f4"),
    "a mask of texts": np.arange(40_000).reshape(200, 200) // 20_000 > 0,
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("order", ["a{}", "z{}"])
def test_zeros_that_belong_there_are_no_tear(write, how, name, order):
    """First or last in the file: zeros that begin and end with rows, or go on from row to row."""
    key = order.format(name.replace(" ", "_"))
    path = write("model.safetensors", save({"b": numbers(130, 515), key: RIGHT[name], "y": numbers(77, 999)}))
    shutil.copy(path, path.with_name("copy.safetensors"))
    os.system(f"cp --sparse=always {path} {path.with_name('sparse.safetensors')}")  # as careful people copy

    found = [looked(path.with_name(one), how) for one in ("model.safetensors", "sparse.safetensors")]

    assert [one.tears for one in found] == [(), ()]


@given(begin=st.integers(0, 300), length=st.integers(16, 300), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_run_is_widened_to_its_ends(place, begin, length, data):
    """Whatever was seen of it first."""
    content = bytes([7]) * begin + bytes(length) + bytes([9]) * data.draw(st.integers(0, 300))
    path = place / "a"
    path.write_bytes(content)
    inner = begin + data.draw(st.integers(0, length - 1))

    with path.open("rb", buffering=0) as file:
        found = blankness.zeros.widened(file, Run(inner, inner + 1), 0, len(content), lambda: False)
        late = blankness.zeros.widened(file, Run(inner, inner + 1), 0, len(content), lambda: True)

    assert found == Run(begin, begin + length)
    assert late in {None, Run(0, len(content))}


def test_a_file_system_without_account_of_holes_is_no_fault(model, monkeypatch):
    """Samples remain."""
    path, _ = model
    zeroed(path, 200 * KIB, 1200 * KIB)

    def refuse(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "lseek", refuse)

    assert len(looked(path, blankness.sample).tears) == 1


def test_a_file_that_shrinks_meanwhile_is_not_called_whole(model):
    """The file's own checks tell it; nothing is said of what was not there."""
    path, spans = model
    with blankness._opened(path, Deadline()) as reading:
        os.truncate(path, spans["d"].begin + 100)
        found = reading.counter.count(*spans["d"].part)

    assert found.looked < spans["d"].size


def test_a_broken_header_is_no_crash(write):
    """In words, as for every reader of the format."""
    with pytest.raises(BrokenHeader):
        looked(write("a.safetensors", b"12345678{}"))
