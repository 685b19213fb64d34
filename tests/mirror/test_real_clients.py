"""The real huggingface_hub, installed beside us, takes the mirror for the Hub."""

import hashlib
from pathlib import Path

import pytest

from modelready.mirror import Mirror

REPO = "org/tiny"


def contents(folder):
    """Give what a folder holds, by path; what huggingface_hub keeps there for itself is passed over."""
    places = (place for place in Path(folder).rglob("*") if place.is_file() and ".cache" not in place.parts)
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in places}


@pytest.mark.parametrize("cdn", [pytest.param(False, id="one origin"), pytest.param(True, id="two origins")])
def test_hf_download_and_hf_cache_verify_accept_it(hf, hub, folder, files, cdn):
    """The two commands people use find every file, and every digest right."""
    with Mirror(cdn=cdn) as mirror:
        mirror.add_repo(REPO, folder)

        download = hf("download", REPO, url=mirror.url)
        verify = hf("cache", "verify", REPO, "--fail-on-missing-files", "--fail-on-extra-files", url=mirror.url)
        snapshot = hub(f"print(json.dumps(snapshot_download('{REPO}', local_files_only=True)))", url=mirror.url)

    assert download.returncode == 0, download.stderr
    assert verify.returncode == 0, verify.stderr
    assert f"Verified {len(files)} file(s)" in verify.stdout
    assert contents(snapshot) == files


def test_hf_download_fills_a_folder(hf, mirror, sha, files, tmp_path):
    """The other way to download works too."""
    done = hf("download", REPO, "--revision", sha, "--local-dir", str(tmp_path / "local"), url=mirror.url)

    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "local") == files


def test_single_files_with_difficult_names_arrive(hub, mirror, sha, files):
    """A name with a space, an umlaut, a hash and a percent sign is one name all the way."""
    name = "sub folder/ü #%41+&?.json"

    path = hub(f"print(json.dumps(hf_hub_download('{REPO}', {name!r})))", url=mirror.url)

    assert Path(path).read_bytes() == files[name]
    assert path.endswith(f"/snapshots/{sha}/{name}")


def test_model_info_knows_sizes_and_digests(hub, mirror, sha, files):
    """What provisioning resolves a model with: commit, sizes, sha256 of LFS files, blob ids of the others."""
    code = f"""
info = HfApi().model_info('{REPO}', files_metadata=True)
files = {{s.rfilename: [s.size, s.blob_id, s.lfs and s.lfs.sha256] for s in info.siblings}}
print(json.dumps([info.id, info.sha, info.private, info.gated, files]))
"""
    name, commit, is_private, gated, found = hub(code, url=mirror.url)

    assert (name, commit, is_private, gated) == (REPO, sha, False, False)
    assert {path: size for path, (size, _, _) in found.items()} == {path: len(body) for path, body in files.items()}
    assert found["model.safetensors"][2] == hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert found["empty.txt"] == [0, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", None]


def test_trees_are_listed_over_many_pages(hub, folder, files):
    """The client follows the Link header, page after page, and gets each entry once."""
    code = f"""
api = HfApi()
entries = [[e.path, getattr(e, 'size', None)] for e in api.list_repo_tree('{REPO}', recursive=True)]
below = [e.path for e in api.list_repo_tree('{REPO}', 'sub folder')]
expanded = [e.last_commit.oid for e in api.list_repo_tree('{REPO}', expand=True)]
print(json.dumps([entries, below, expanded]))
"""
    with Mirror(page_size=3) as mirror:
        sha = mirror.add_repo(REPO, folder)

        entries, below, expanded = hub(code, url=mirror.url)
        pages = [request for request in mirror.requests if request.kind == "tree"]

    sizes = {path: len(body) for path, body in files.items()}
    assert dict(entries) == {**sizes, "sub folder": None, "sub folder/deep": None}
    assert len(entries) == len(sizes) + 2
    assert below == ["sub folder/deep", "sub folder/ü #%41+&?.json"]
    assert set(expanded) == {sha}
    assert len(pages) == 6


def test_paths_info_gives_what_is_there(hub, mirror, sha):
    """Files and folders among the paths are told, others passed over."""
    code = f"""
found = HfApi().get_paths_info('{REPO}', ['config.json', 'sub folder', 'absent'], expand=True)
print(json.dumps([[type(e).__name__, e.path] for e in found]))
"""
    found = hub(code, url=mirror.url)

    assert found == [["RepoFile", "config.json"], ["RepoFolder", "sub folder"]]


def test_gated_and_private_repositories_want_the_token(hub, mirror, folder):
    """The client raises what it raises before the real Hub: no token, another's token, the right one."""
    mirror.add_repo("org/gated", folder, gated=True)
    mirror.add_repo("org/manual", folder, gated="manual")
    mirror.add_repo("org/private", folder, private=True)
    mirror.add_repo("org/own", folder, private=True, token="hf_own")
    code = """
def result(repo, token):
    try: hf_hub_download(repo, 'config.json', token=token)
    except Exception as error: return type(error).__name__
    return 'served'
print(json.dumps({f'{repo} {token}': result(repo, token)
    for repo in ('org/gated', 'org/manual', 'org/private', 'org/own') for token in (False, 'hf_wrong', 'hf_right')}))
"""
    assert hub(code, url=mirror.url) == {
        "org/gated False": "GatedRepoError",
        "org/gated hf_wrong": "GatedRepoError",
        "org/gated hf_right": "served",
        "org/manual False": "GatedRepoError",
        "org/manual hf_wrong": "GatedRepoError",
        "org/manual hf_right": "served",
        "org/private False": "RepositoryNotFoundError",
        "org/private hf_wrong": "RepositoryNotFoundError",
        "org/private hf_right": "served",
        "org/own False": "RepositoryNotFoundError",
        "org/own hf_wrong": "RepositoryNotFoundError",
        "org/own hf_right": "RepositoryNotFoundError",
    }


def test_what_is_not_there_is_told_apart(hub, mirror, sha):
    """Repository, revision and file missing are three errors."""
    code = f"""
def fails(*words, **options):
    try: hf_hub_download(*words, **options)
    except Exception as error: return type(error).__name__
print(json.dumps([fails('org/none', 'x'), fails('{REPO}', 'x', revision='none'), fails('{REPO}', 'x')]))
"""
    expected = ["RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError"]

    assert hub(code, url=mirror.url) == expected


def test_a_renamed_repository_is_found_by_its_old_name(hub, mirror, sha, files):
    """The client follows the Hub's redirects, for the listing and for the files."""
    mirror.rename(REPO, "other/name")

    snapshot = hub(f"print(json.dumps(snapshot_download('{REPO}')))", url=mirror.url)

    assert contents(snapshot) == files
    assert mirror.repositories == ("other/name",)


def test_a_cache_the_client_filled_can_be_served_again(hf, mirror, sha, files, tmp_path):
    """A Hub cache on one machine is a Hub for the next: same commit, same branch, same files."""
    hf("download", REPO, url=mirror.url)

    with Mirror.from_path(tmp_path / "home" / "hub") as second:
        done = hf("download", REPO, "--local-dir", str(tmp_path / "local"), url=second.url)
        asked = [request.path for request in second.requests if request.kind == "get"]

    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "local") == files
    assert all(path.startswith(f"/{REPO}/resolve/{sha}/") for path in asked)
    assert second.left_out == ()
