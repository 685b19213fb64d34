"""Other programs judge what was written: they find it, offline, as if they had brought it themselves."""

import pytest

from modelready.mirror import Mirror


def names_in(cache, *, but):
    """Tell every name under a cache: what a link says, what a file may; the folders on the way."""
    names = {}
    for place in sorted(cache.rglob("*")):
        path = place.relative_to(cache).as_posix()
        if path != but:
            names[path] = str(place.readlink()) if place.is_symlink() else oct(place.stat().st_mode)
    return names


def test_huggingface_hub_finds_the_snapshot_offline(provisioned, commit, python, contents):
    """What we wrote is complete in the eyes of snapshot_download, by name and by commit."""
    code = f"""
        import json
        from huggingface_hub import snapshot_download
        found = [snapshot_download("org/tiny", revision=r, local_files_only=True) for r in (None, "main", "{commit}")]
        print(json.dumps(found))
    """

    found = python(code, hub=provisioned.cache)

    assert found == [str(provisioned.snapshot(commit))] * 3


def test_huggingface_hub_scans_the_cache_without_a_warning(provisioned, commit, python, contents):
    """The cache is whole: every link leads to a blob, every reference to a snapshot."""
    code = """
        import json
        from huggingface_hub import scan_cache_dir
        cache = scan_cache_dir()
        (repo,) = cache.repos
        (revision,) = repo.revisions
        print(json.dumps([[str(w) for w in cache.warnings], len(cache.incomplete_files), repo.repo_id,
                          revision.commit_hash, sorted(revision.refs), len(revision.files), repo.nb_files]))
    """

    scanned = python(code, hub=provisioned.cache)

    assert scanned == [[], 0, "org/tiny", commit, ["main"], len(contents), len(set(contents.values()))]


def test_huggingface_hub_finds_single_files_offline(provisioned, commit, python, contents):
    """try_to_load_from_cache, which transformers asks first, knows every file."""
    code = f"""
        import json
        from huggingface_hub import try_to_load_from_cache
        print(json.dumps({{path: try_to_load_from_cache("org/tiny", path) for path in {list(contents)!r}}}))
    """

    found = python(code, hub=provisioned.cache)

    assert found == {path: str(provisioned.place(commit, path)) for path in contents}


def test_the_hf_command_lists_the_cache(provisioned, hf):
    """`hf cache ls` shows the repository and warns of nothing."""
    listed = hf("cache", "ls", "--revisions", "--show-warnings", "--format", "json", hub=provisioned.cache)

    assert "org/tiny" in listed
    assert "arning" not in listed


def test_the_hf_command_prunes_our_part_files(provisioned, place_of, listing, hf):
    """A part file that nobody wants any more goes the way of huggingface_hub's own."""
    place = place_of(provisioned, listing[4].path)
    part = provisioned.prepare(listing[4], place)
    part.write_bytes(b"half")

    hf("cache", "prune", "--yes", hub=provisioned.cache)

    assert not part.exists()
    assert place.is_file()


def test_transformers_loads_from_the_cache(provisioned, python):
    """A consumer opens configuration and tokenizer by the repository's name, with no network."""
    code = """
        import json
        from transformers import AutoConfig, AutoTokenizer
        tokenizer = AutoTokenizer.from_pretrained("org/tiny")
        print(json.dumps([AutoConfig.from_pretrained("org/tiny").model_type, tokenizer("hello world")["input_ids"]]))
    """

    loaded = python(code, hub=provisioned.cache)

    assert loaded == ["bert", [1, 2]]


@pytest.fixture
def theirs(tmp_path, contents, commit, run):
    """Let the real huggingface_hub fill a cache from a Hub on loopback."""

    def theirs(revision):
        for path, content in contents.items():
            (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "repo" / path).write_bytes(content)
        code = f"from huggingface_hub import snapshot_download; snapshot_download('org/tiny', revision='{revision}')"
        with Mirror() as mirror:
            rule = ["*.safetensors"]
            mirror.add_repo("org/tiny", tmp_path / "repo", revision=revision, commit=commit, lfs=rule)
            run(code, hub=tmp_path / "theirs", HF_ENDPOINT=mirror.url, HF_HUB_OFFLINE="0")
        return tmp_path / "theirs"

    return theirs


@pytest.mark.parametrize("revision", ["main", "v1.0"])
def test_the_cache_is_the_one_huggingface_hub_would_have_made(cache, listing, provision, theirs, revision):
    """Name by name, link by link, and byte by byte in what is written down: nobody can tell who wrote it."""
    expected = theirs(revision)
    papers = sorted(one.relative_to(expected).as_posix() for one in expected.rglob("*.json") if not one.is_symlink())
    private = papers[0]
    papers += ["CACHEDIR.TAG", f"models--org--tiny/refs/{revision}"]

    provision(cache, listing, revision)

    # huggingface_hub lets nobody but its user read trees/*.json, so others who share the cache get a warning: not ours.
    assert names_in(cache.cache, but=private) == names_in(expected, but=private)
    assert [(cache.cache / path).read_bytes() for path in papers] == [(expected / path).read_bytes() for path in papers]
