"""The mirror offers its large files by Xet, and the real hf_xet takes it for the Hub's own."""

import json
import os
import random
import subprocess
import sys

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Cdn, Mirror, xorbs

REPO = "org/large"
FILE = "model.safetensors"


@pytest.fixture(scope="module")
def content():
    """Give a file of two xorbs."""
    return random.Random(5).randbytes((50 << 20) + 77)


@pytest.fixture
def large(tmp_path, content):
    """Give a folder with a large file, a small one, and an empty one of a large kind."""
    root = tmp_path / "large"
    root.mkdir()
    (root / FILE).write_bytes(content)
    (root / "config.json").write_bytes(b"{}")
    (root / "empty.bin").write_bytes(b"")
    return root


@pytest.fixture
def mirror(large):
    """Give a running mirror that offers Xet."""
    with Mirror(xet=True, token="hf_right") as running:
        running.add_repo(REPO, large)
        yield running


@pytest.fixture
def plan(mirror, ask):
    """Ask Xet's server how the large file is put together."""

    def plan(version=2, **headers):
        token, found = ask(f"/api/models/{REPO}/xet-read-token/main").json(), told(ask)
        bearer = {"Authorization": f"Bearer {token['accessToken']}"}
        address = f"{token['casUrl']}/v{version}/reconstructions/{found['X-Xet-Hash']}"
        return get(address, headers=bearer | headers)

    return plan


def get(address, **options):
    """Ask for an address anywhere."""
    with requests.Session() as session:
        return session.get(address, timeout=30, **options)


def told(ask):
    """Give the headers of the large file."""
    return ask(f"/{REPO}/resolve/main/{FILE}", "HEAD").headers


def built(answer):
    """Put together what an answer describes, from the xorbs it names."""
    whole = b""
    for term in answer["terms"]:
        (fetch,) = answer["xorbs"][term["hash"]]
        (span,) = fetch["ranges"]
        assert span["chunks"] == term["range"]
        part = get(fetch["url"], headers={"Range": f"bytes={span['bytes']['start']}-{span['bytes']['end']}"})
        assert part.status_code == 206
        unpacked = b"".join(chunks(part.content))
        assert len(unpacked) == term["unpacked_length"]
        whole += unpacked
    return whole


def chunks(xorb):
    """Read the chunks of a xorb, as its format says."""
    at = 0
    while at < len(xorb):
        packed, unpacked = (
            int.from_bytes(xorb[at + 1 : at + 4], "little"),
            int.from_bytes(xorb[at + 5 : at + 8], "little"),
        )
        assert (xorb[at], xorb[at + 4], packed) == (0, 0, unpacked)
        yield xorb[at + 8 : at + 8 + packed]
        at += 8 + packed


def run(tmp_path, *words, url, **settings):
    """Run the real huggingface_hub, with Xet."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    ours = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    return subprocess.run(  # noqa: PLW1510 - the caller looks at the code
        [sys.executable, "-c", "from huggingface_hub.cli.hf import main; main()", *words],
        env=mine | ours | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )


def hash_of(place, tmp_path):
    """Let hf_xet itself hash a file."""
    code = "import sys; from hf_xet import hash_files; print(hash_files(sys.argv[1:])[0].hash)"
    environment = os.environ | {"HF_HOME": str(tmp_path / "hashing"), "HF_XET_CACHE": str(tmp_path / "hashing")}
    words = [sys.executable, "-c", code, str(place)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def downloaded(tmp_path):
    """Give the large file as `hf download` left it."""
    (place,) = (tmp_path / "home" / "hub").rglob(f"snapshots/*/{FILE}")
    return place.read_bytes()


def test_hf_download_reads_the_large_file_by_xet(mirror, tmp_path, content):
    """All of it in two xorbs, the small files by HTTP as ever."""
    done = run(tmp_path, "download", REPO, url=mirror.url)

    assert done.returncode == 0, done.stderr
    assert downloaded(tmp_path) == content
    kinds = [request.kind for request in mirror.requests if request.file == FILE]
    assert sorted(kinds) == ["reconstruction", "xorb", "xorb"]
    assert mirror.bytes_sent(FILE) == len(content) + 8 * -(-len(content) // xorbs.CHUNK_BYTES)


def test_hf_download_reads_from_both_origins(large, tmp_path, content):
    """Xet beside a CDN, for clients with and without hf_xet."""
    with Mirror(xet=True, cdn=True) as mirror:
        mirror.add_repo(REPO, large)

        first = run(tmp_path / "one", "download", REPO, url=mirror.url)
        second = run(tmp_path / "two", "download", REPO, url=mirror.url, HF_HUB_DISABLE_XET="1")

        kinds = {request.kind for request in mirror.requests if request.file == FILE}
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert downloaded(tmp_path / "one") == downloaded(tmp_path / "two") == content
    assert {"xorb", "cdn"} <= kinds


def test_hf_download_falls_back_to_the_first_version(mirror, tmp_path, content):
    """As before an older server."""
    mirror.status("*", 501, kind="reconstruction", times=1)

    done = run(tmp_path, "download", REPO, url=mirror.url)

    asked = [request.path[:3] for request in mirror.requests if request.kind == "reconstruction"]
    assert done.returncode == 0, done.stderr
    assert downloaded(tmp_path) == content
    assert asked == ["/v2", "/v1"]


def test_hf_download_renews_an_expired_address(large, tmp_path, content):
    """An address that is good for no second request is asked for again."""
    with Mirror(xet=True, cdn=Cdn(uses=1)) as mirror:
        mirror.add_repo(REPO, large)
        mirror.drop_after(FILE, 100_000, kind="xorb", times=1)

        done = run(tmp_path, "download", REPO, url=mirror.url, HF_XET_CLIENT_RETRY_BASE_DELAY="100ms")

        statuses = [request.status for request in mirror.requests if request.kind == "xorb"]
    assert done.returncode == 0, done.stderr
    assert downloaded(tmp_path) == content
    assert 403 in statuses


def test_hf_download_takes_a_wrong_byte_for_right(mirror, tmp_path, content):
    """The fault that no client of today sees is made as it happens."""
    mirror.flip_byte(FILE, at=1000, kind="xorb")

    done = run(tmp_path, "download", REPO, url=mirror.url)

    arrived = downloaded(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [at for at in range(2000) if arrived[at] != content[at]] == [1000 - 8]


def test_the_hash_is_the_one_that_xet_itself_gives(mirror, ask, large, tmp_path):
    """In the headers and in the listings; small and empty files have none."""
    real = hash_of(large / FILE, tmp_path)

    tree = {entry["path"]: entry.get("xetHash") for entry in ask(f"/api/models/{REPO}/tree/main").json()}
    paths = ask(f"/api/models/{REPO}/paths-info/main", "POST", json={"paths": [FILE, "config.json"]}).json()

    assert told(ask)["X-Xet-Hash"] == real
    assert tree == {FILE: real, "config.json": None, "empty.bin": None}
    assert [entry.get("xetHash") for entry in paths] == [real, None]
    assert "X-Xet-Hash" not in ask(f"/{REPO}/resolve/main/config.json").headers


def test_the_headers_lead_to_a_token(mirror, ask):
    """By both names that clients of today and of yesterday look for, in headers and in JSON."""
    found = ask(f"/{REPO}/resolve/main/{FILE}", "HEAD")

    answer = ask(found.links["xet-auth"]["url"].removeprefix(mirror.url))

    assert found.headers["X-Xet-Refresh-Route"] == found.links["xet-auth"]["url"]
    assert found.links["xet-reconstruction-info"]["url"].endswith(found.headers["X-Xet-Hash"])
    assert answer.json() == {
        "casUrl": answer.headers["X-Xet-Cas-Url"],
        "accessToken": answer.headers["X-Xet-Access-Token"],
        "exp": int(answer.headers["X-Xet-Token-Expiration"]),
    }


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        pytest.param(None, 0, None, id="all"),
        pytest.param("bytes=0-0", 0, 1, id="the first byte"),
        pytest.param(f"bytes={98304 - 1}-{98304}", 98303, 98305, id="over the edge of a chunk"),
        pytest.param(f"bytes={511 * 98304 - 5}-{511 * 98304 + 5}", 511 * 98304 - 5, 511 * 98304 + 6, id="of a xorb"),
        pytest.param("bytes=52000000-", 52_000_000, None, id="to the end"),
        pytest.param("bytes=52000000-99999999999", 52_000_000, None, id="beyond the end"),
    ],
)
def test_a_range_is_put_together_from_just_its_chunks(plan, content, asked, start, stop):
    """Cut at chunks, with the offset of the first byte asked for."""
    answer = plan(**({"Range": asked} if asked else {})).json()

    stop = len(content) if stop is None else stop
    whole, offset = built(answer), answer["offset_into_first_range"]
    assert whole[offset:][: stop - start] == content[start:stop]
    assert len(whole) < stop - start + 2 * xorbs.CHUNK_BYTES


@pytest.mark.parametrize("asked", ["bytes=52428877-", "bytes=9-3", "bytes=-9", "lines=1-2"])
def test_a_range_that_makes_no_sense_is_refused(plan, asked):
    """With the status that ends a client's reading."""
    assert plan(Range=asked).status_code == 416


def test_both_versions_say_the_same(plan):
    """In two forms."""
    first, second = plan(1).json(), plan(2).json()

    assert first["terms"] == second["terms"]
    for name, (fetch,) in first["fetch_info"].items():
        (other,) = second["xorbs"][name]
        assert other["ranges"] == [{"chunks": fetch["range"], "bytes": fetch["url_range"]}]


def test_xets_server_wants_its_own_token(mirror, plan, ask):
    """Neither none nor the Hub's; and its xorbs want none at all."""
    answer = plan().json()
    address = next(iter(answer["xorbs"].values()))[0]["url"]

    assert plan(Authorization="Bearer hf_right").status_code == 401
    assert get(address, headers={"Authorization": "Bearer x"}).status_code == 400
    assert get(address.replace("Signature=", "Signature=0")).status_code == 403
    mirror.expire_urls()
    assert get(address).status_code == 403


def test_a_private_repository_gives_its_token_to_who_may_read_it(mirror, large, ask):
    """As the Hub does."""
    mirror.add_repo("org/private", large, private=True)
    mirror.add_repo("org/gated", large, gated=True)
    right = {"Authorization": "Bearer hf_right"}

    for repo in ("org/private", "org/gated"):
        assert ask(f"/api/models/{repo}/xet-read-token/main").status_code == 401
        assert ask(f"/api/models/{repo}/xet-read-token/main", headers=right).status_code == 200


def test_what_is_not_there_is_told(mirror, ask, plan, large):
    """An unknown hash, a file that changed, an address of nothing."""
    token = ask(f"/api/models/{REPO}/xet-read-token/main").json()
    bearer = {"Authorization": f"Bearer {token['accessToken']}"}
    answer = plan().json()
    address = next(iter(answer["xorbs"].values()))[0]["url"]

    assert get(f"{token['casUrl']}/v2/reconstructions/{'0' * 64}", headers=bearer).status_code == 404
    assert get(f"{token['casUrl']}/v1/nothing").status_code == 404
    (large / FILE).write_bytes(b"other")
    assert get(address).status_code == 409
    assert "X-Xet-Hash" not in told(ask)


def test_a_hash_from_elsewhere_is_found(mirror, ask, large, tmp_path):
    """A client that has the hash from a lock never asked for a listing."""
    name = hash_of(large / FILE, tmp_path)
    token = ask(f"/api/models/{REPO}/xet-read-token/main").json()
    bearer = {"Authorization": f"Bearer {token['accessToken']}"}

    found = get(f"{token['casUrl']}/v2/reconstructions/{name}", headers=bearer)

    assert found.status_code == 200


def test_without_xet_nothing_speaks_of_it(large, session):
    """No header, no hash, no token."""
    with Mirror() as mirror:
        mirror.add_repo(REPO, large)

        headers = session.head(f"{mirror.url}/{REPO}/resolve/main/{FILE}", timeout=30).headers
        tree = session.get(f"{mirror.url}/api/models/{REPO}/tree/main", timeout=30).json()
        token = session.get(f"{mirror.url}/api/models/{REPO}/xet-read-token/main", timeout=30)

    assert not [name for name in headers if "xet" in name.lower()]
    assert "xetHash" not in json.dumps(tree)
    assert token.status_code == 404


def test_hashing_without_hf_xet_says_what_to_do(tmp_path, monkeypatch, large):
    """The mirror needs it to know the hashes."""
    (tmp_path / "hf_xet.py").write_text("raise ImportError('no hf_xet here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(RequestError, match=r"no hf_xet here.*install hf_xet"):
        xorbs._hashes([str(large / FILE)])
    monkeypatch.setattr(xorbs, "find_spec", lambda _: None)
    with pytest.raises(RequestError, match="hf_xet is not installed"):
        Mirror(xet=True)


def test_faults_know_the_calls_of_xet(mirror, ask, plan):
    """Each kind on its own, or all three as "xet"."""
    mirror.status(REPO, 500, kind="xet-token", times=1)
    mirror.status(FILE, 500, kind="reconstruction", times=1)

    assert ask(f"/api/models/{REPO}/xet-read-token/main").status_code == 500
    assert plan().status_code == 500
    mirror.status("*", 503, kind="xet")
    assert ask(f"/api/models/{REPO}/xet-read-token/main").status_code == 503


def test_a_flipped_byte_is_never_in_a_header(mirror, plan, content):
    """By default it is in the middle of a xorb, in the bytes of the file, whatever its size."""
    mirror.flip_byte(FILE, kind="xorb")

    whole = built(plan().json())

    blocks = range(0, len(content), xorbs.CHUNK_BYTES)
    wrong = [at for at in blocks if whole[at : at + xorbs.CHUNK_BYTES] != content[at : at + xorbs.CHUNK_BYTES]]
    assert len(whole) == len(content)
    assert len(wrong) == 2
