"""What is read of other people's files: never a crash, whatever lies in them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from modelready.consumers.mflux import folders

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
INDEXES = JSON.map(json.dumps) | JSON.map(lambda found: json.dumps({"weight_map": found}))


def kept(content, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield path


@settings(deadline=None)  # the disk is shared
@given(st.binary(max_size=200) | INDEXES.map(str.encode))
def test_an_index_names_plain_files_or_is_none(content):
    """Mflux takes the folder for incomplete where an index is none, or leads elsewhere."""
    for path in kept(content, "model.safetensors.index.json"):
        named = folders.shards(path)

        assert named is None or all(Path(one).name == one for one in named)
        assert named is None or json.loads(content)["weight_map"]


@settings(deadline=None)  # the disk is shared
@given(st.binary(max_size=200) | st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=99) | INDEXES.map(str.encode)))
def test_a_header_tells_its_metadata_or_nothing(content):
    """A length that no file has takes no memory."""
    whole = content if isinstance(content, bytes) else content[0].to_bytes(8, "little") + content[1]
    for path in kept(whole, "0.safetensors"):
        assert isinstance(folders.header_metadata(path), dict)


@settings(deadline=None)  # the disk is shared
@given(st.lists(st.from_regex(r"\A[a-z._-]{0,4}-[0-9]{5}-of-[0-9]{5}\.safetensors\Z"), max_size=4))
def test_what_is_counted_is_bounded(names):
    """Model-00001-of-99999 is one file, and no reason to name all the others."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).write_bytes(b"x")

        lost = list(folders.uncounted(Path(folder)))

    assert set(lost).isdisjoint(name for name in names if not name.startswith("._"))
    assert len(lost) <= 1_000 * len(names)
