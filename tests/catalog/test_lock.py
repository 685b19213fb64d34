"""``models.lock.json``."""

import json
import stat
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import drifts, lock
from modelready.errors import NotWritable, RequestError
from modelready.model import Digest, Manifest, ManifestFile, Model, Source

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
WEIGHTS = ManifestFile("model.bin", 7, (Digest("sha256", "a" * 64, "lock"),), xet_hash="e" * 64, blob_id="f" * 40)
CONFIG = ManifestFile("sub/config.json", 2, (Digest("git_sha1", "b" * 40, "lock"),))
ENTRY = lock.LockEntry("hf:org/tiny", ("*.bin", "sub/*"), ("*.md",), COMMIT, (WEIGHTS, CONFIG))
MODEL = Model("tiny", Source("hf:org/tiny", "hf", "org/tiny"), "hub-cache")


def hexes(length):
    return st.text(alphabet="0123456789abcdef", min_size=length, max_size=length)


DIGESTS = st.fixed_dictionaries(
    {}, optional={"sha256": hexes(64), "git_sha1": hexes(40), "sha1": hexes(40), "md5": hexes(32)}
).map(
    lambda told: tuple(
        Digest(name, told[name], "lock") for name in ("sha256", "git_sha1", "sha1", "md5") if name in told
    )
)
PATHS = st.lists(st.text(alphabet="aé_-1", min_size=1, max_size=3), min_size=1, max_size=2).map("/".join)
FILES = st.builds(
    ManifestFile,
    PATHS,
    st.none() | st.integers(0, 2**63 - 1),
    DIGESTS,
    xet_hash=st.none() | hexes(64),
    blob_id=st.none() | hexes(40),
)
ENTRIES = st.builds(
    lock.LockEntry,
    st.just("hf:org/tiny"),
    st.lists(PATHS, max_size=2).map(tuple),
    st.lists(PATHS, max_size=2).map(tuple),
    st.sampled_from([COMMIT, "", "v1"]),
    st.lists(FILES, max_size=3, unique_by=lambda file: file.path).map(
        lambda files: tuple(sorted(files, key=lambda file: file.path))
    ),
)


@pytest.fixture
def path(tmp_path):
    """Give where a lock may lie."""
    return tmp_path / "models.lock.json"


@given(st.dictionaries(st.sampled_from(["a", "b-1", "c.d"]), ENTRIES))
def test_what_is_written_is_read_again(tmp_path_factory, entries):
    """The lock loses nothing that placing files needs."""
    path = tmp_path_factory.mktemp("lock") / "models.lock.json"

    lock.write(path, entries)

    assert lock.read(path) == entries


def test_the_same_entries_give_the_same_bytes(path):
    """Diffs in version control show what changed and nothing else."""
    lock.write(path, {"b": ENTRY, "a": ENTRY})
    first = path.read_bytes()

    lock.write(path, dict(reversed(lock.read(path).items())))

    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert list(json.loads(first)["models"]) == ["a", "b"]


def test_digests_of_a_lock_say_so(path):
    """A certificate names where the expected digest came from."""
    told = replace(ENTRY, files=(replace(CONFIG, digests=(Digest("git_sha1", "b" * 40, "hub"),)),))
    lock.write(path, {"tiny": told})

    manifest = lock.read(path)["tiny"].manifest

    assert manifest.revision == COMMIT
    assert manifest.by_path["sub/config.json"].digests == (Digest("git_sha1", "b" * 40, "lock"),)


def test_a_lock_that_is_not_there_is_empty(path):
    """Most catalogs have none."""
    assert lock.read(path) == {}


def test_the_lock_lies_beside_the_first_catalog(tmp_path):
    """A folder and a file in it share one lock."""
    (tmp_path / "a.toml").touch()

    assert lock.default_path([tmp_path, tmp_path / "other"]) == tmp_path / "models.lock.json"
    assert lock.default_path([tmp_path / "a.toml"]) == tmp_path / "models.lock.json"


def test_an_entry_holds_what_the_model_wants(a_model):
    """Sorted, and without signed URLs, which expire."""
    manifest = Manifest(
        "hf:org/tiny",
        COMMIT,
        (
            ManifestFile("b.bin", url="https://signed"),
            ManifestFile("a.bin"),
            ManifestFile("a.md"),
            ManifestFile("c.txt"),
        ),
    )

    entry = lock.entry(a_model(include=("*.bin", "*.md"), exclude=("*.md",)), manifest)

    assert entry == lock.LockEntry(
        "hf:org/tiny", ("*.bin", "*.md"), ("*.md",), COMMIT, (ManifestFile("a.bin"), ManifestFile("b.bin"))
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({}, "", id="as locked"),
        pytest.param({"name": "other"}, "the lock does not know this model", id="not locked"),
        pytest.param(
            {"source": Source("hf:org/tiny@v2", "hf", "org/tiny", "v2")},
            "the lock is of hf:org/tiny, the catalog says hf:org/tiny@v2",
            id="another source",
        ),
        pytest.param({"include": ("*.bin",)}, "the catalog wants other files (include, exclude) than", id="include"),
        pytest.param({"exclude": ()}, "the catalog wants other files (include, exclude) than", id="exclude"),
        pytest.param(
            {"source": Source("hf:org/tiny", "hf", "org/tiny", "0" * 40)},
            "the lock is of revision c9745ed1d9f2, the catalog pins 000000000000",
            id="another pin",
        ),
    ],
)
def test_an_entry_counts_only_while_it_answers_the_catalog(a_model, values, reason):
    """A catalog that was changed makes its lock stale, and says why."""
    model = replace(a_model(include=ENTRY.include, exclude=ENTRY.exclude), **values)

    found, told = lock.entry_for(model, {"tiny": ENTRY})

    assert found == (None if reason else ENTRY)
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


def good():
    """Give the document of a good lock."""
    files = {"a.bin": {"size": 1, "sha256": "a" * 64}}
    row = {"source": "hf:a/b", "include": [], "exclude": [], "revision": "main", "files": files}
    return {"format_version": 1, "models": {"tiny": row}}


def without(key):
    document = good()
    del document["models"]["tiny"][key]
    return document


def with_file(path="a.bin", **values):
    document = good()
    document["models"]["tiny"]["files"] = {path: values}
    return document


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param("", ":1: column 1: no JSON", id="empty"),
        pytest.param('{\n<<<<<<< HEAD\n"', ":2: column 1: no JSON", id="left in the middle of a merge"),
        pytest.param(b'{"a": "\xff"}', "is no JSON text", id="no text"),
        pytest.param("[" * 100_000, "is no JSON text", id="nested"),
        pytest.param([], "format_version is None; expected 1", id="a list"),
        pytest.param({"models": {}}, "format_version is None; expected 1", id="no version"),
        pytest.param({"format_version": 2, "models": {}}, "format_version is 2; expected 1", id="a later version"),
        pytest.param({"format_version": True, "models": {}}, "format_version is True", id="no number"),
        pytest.param({"format_version": 1}, "models: field required", id="no models"),
        pytest.param({"format_version": 1, "models": {"tiny": 3}}, "models.tiny: ", id="no row"),
        pytest.param(without("revision"), "models.tiny.revision: field required", id="no revision"),
        pytest.param(without("files"), "models.tiny.files: field required", id="no files"),
        pytest.param(with_file(size="1"), "models.tiny.files.a.bin.size: ", id="size is text"),
        pytest.param(with_file(size=-1), "models.tiny.files.a.bin.size: ", id="negative size"),
        pytest.param(with_file(sha256="A" * 64), "files.a.bin.sha256: ", id="capital digits"),
        pytest.param(with_file(git_sha1="a" * 39), "files.a.bin.git_sha1: ", id="too short"),
        pytest.param(with_file(md5="a" * 32 + "\n"), "files.a.bin.md5: ", id="newline after the digits"),
        pytest.param(with_file("../a"), "'../a' leaves its folder", id="path leaves"),
        pytest.param(with_file("/a"), "'/a' is absolute", id="path is absolute"),
        pytest.param(
            {**good(), "models": {"tiny": {**good()["models"]["tiny"], "revision": "../x"}}},
            "models.tiny.revision: '../x' leaves its folder",
            id="revision leaves",
        ),
    ],
)
def test_a_lock_that_makes_no_sense_costs_one_line(path, document, told):
    """It comes from version control: merged, edited, or from a stranger."""
    content = document if isinstance(document, str | bytes) else json.dumps(document)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(RequestError) as caught:
        lock.read(path)

    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)
    assert "delete it and write a new one with `modelready lock`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_keys_of_a_later_version_are_passed_over(path):
    """A later modelready may add what this one does not need."""
    path.write_text(json.dumps({**good(), "later": 1}))

    assert list(lock.read(path)) == ["tiny"]


def test_a_lock_that_cannot_be_read_is_told(tmp_path):
    """A folder in its place, for one."""
    with pytest.raises(RequestError, match="cannot be read: Is a directory; mend it, or name --lock FILE"):
        lock.read(tmp_path)


def test_a_lock_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    """The old lock stays as it was."""
    (tmp_path / "models.lock.json").mkdir()

    with pytest.raises(NotWritable, match=r"models\.lock\.json: Is a directory; choose a place you may write"):
        lock.write(tmp_path / "models.lock.json", {"tiny": ENTRY})

    assert [path.name for path in tmp_path.iterdir()] == ["models.lock.json"]


def test_a_lock_has_the_permissions_of_any_file_and_links_stay_links(tmp_path):
    """It is committed and shared; a link to it is somebody's arrangement."""
    real = tmp_path / "real.json"
    real.touch()
    (tmp_path / "models.lock.json").symlink_to(real)

    lock.write(tmp_path / "models.lock.json", {})

    (tmp_path / "plain").touch()
    assert (tmp_path / "models.lock.json").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert lock.read(real) == {}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        pytest.param(ENTRY, [], id="nothing"),
        pytest.param(
            replace(ENTRY, source="hf:a/b", include=(), exclude=("x", "y")),
            [
                "tiny: catalog: source was hf:org/tiny, is hf:a/b",
                "tiny: catalog: include was *.bin, sub/*, is empty",
                "tiny: catalog: exclude was *.md, is x, y",
            ],
            id="another wish",
        ),
        pytest.param(
            replace(ENTRY, revision="0" * 40),
            [f"tiny: moved: from {COMMIT} to {'0' * 40}, with the same content"],
            id="moved",
        ),
        pytest.param(
            replace(ENTRY, files=(CONFIG, ManifestFile("new", 1))),
            ["tiny: deleted: model.bin: is gone", "tiny: added: new: is new"],
            id="files come and go",
        ),
        pytest.param(
            replace(ENTRY, files=(replace(WEIGHTS, size=9_000), CONFIG)),
            ["tiny: changed: model.bin: 7 bytes (7 B) before, 9000 (9.0 KB) now"],
            id="another size",
        ),
        pytest.param(
            replace(ENTRY, files=(replace(WEIGHTS, digests=(Digest("sha256", "0" * 64, "hub"),)), CONFIG)),
            ["tiny: changed: model.bin: sha256 aaaaaaaaaaaa before, 000000000000 now"],
            id="other bytes",
        ),
        pytest.param(
            replace(ENTRY, files=(replace(WEIGHTS, digests=(Digest("md5", "0" * 32, "hub"),)), CONFIG)),
            [],
            id="another kind of digest says nothing",
        ),
    ],
)
def test_drift_is_told_in_words(new, words):
    """`lock --check` says what moved, file by file."""
    assert [str(one) for one in drifts.between(MODEL, ENTRY, new)] == words


def test_a_model_that_is_not_locked_is_told():
    """There is nothing to hold it against."""
    assert [one.kind for one in drifts.between(MODEL, None, ENTRY)] == ["unlocked"]


@pytest.mark.parametrize(
    ("new", "digests"),
    [
        pytest.param(ENTRY, WEIGHTS.digests, id="the same version"),
        pytest.param(replace(ENTRY, revision="0" * 40), (), id="another version"),
        pytest.param(replace(ENTRY, source="hf:a/b"), (), id="another source"),
        pytest.param(replace(ENTRY, files=(replace(WEIGHTS, size=8), CONFIG)), (), id="another size"),
    ],
)
def test_what_was_learned_is_carried_on_with_its_version(new, digests):
    """A digest that no source names is of the bytes that came then."""
    silent = replace(new, files=tuple(replace(file, digests=()) for file in new.files))

    assert lock.carried(ENTRY, silent).manifest.by_path["model.bin"].digests == digests
