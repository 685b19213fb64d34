"""Large files by the real hf_xet, from the mirror: right bytes, or HTTP takes over, or an honest error."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from modelready import errors
from modelready.mirror import Mirror
from modelready.model import Digest
from modelready.network.access import Access
from modelready.transfer import Wanted, bring, kept
from modelready.transfer.xet import bring_xet
from modelready.transfer.xet_choice import XetSettings, XetSource, is_worth_xet
from modelready.transfer.xet_many import bring_by_xet
from modelready.transfer.xet_process import XetFailed

FILE = "model.safetensors"
REPO = "org/large"
TOKEN = "hf_secret"
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="session")
def large_bytes():
    """Give a file of several pieces."""
    return random.Random(3).randbytes((24 << 20) + 1234)


@pytest.fixture(scope="session")
def large_folder(tmp_path_factory, large_bytes):
    """Give a repository's folder with that file in it."""
    root = tmp_path_factory.mktemp("large")
    (root / FILE).write_bytes(large_bytes)
    return root


@pytest.fixture
def mirror():
    """Give a running mirror that offers Xet."""
    with Mirror(xet=True, token=TOKEN) as running:
        yield running


@pytest.fixture
def found(mirror, large_folder, tmp_path):
    """Give what a listing tells of the large file: what is wanted, and what Xet calls it."""
    return offer(mirror, large_folder, tmp_path)


@pytest.fixture
def by_xet(mirror, watching):
    """Bring a file by Xet, and give its proof."""

    def run(found, *, stall_s=5.0, stop=None, resume=True, watcher=watching, **access):
        wanted, xet = found
        return bring_xet(
            wanted,
            xet=xet,
            access=Access(**({"endpoint": mirror.url, "token": TOKEN} | access)),
            watcher=watcher,
            stop=stop or threading.Event(),
            resume=resume,
            stall_s=stall_s,
        )

    return run


@pytest.fixture
def by_http(mirror, watching, no_waits):
    """Bring what is left by HTTP."""

    def run(wanted):
        access = Access(endpoint=mirror.url, token=TOKEN, timeout_s=5.0)
        stop = threading.Event()
        bring([wanted], access=access, connections=2, settle=lambda _: None, watcher=watching, stop=stop)

    return run


def offer(mirror, folder, tmp_path, **options):
    """Put a folder on the mirror."""
    content = folder / FILE
    sha = mirror.add_repo(REPO, folder, **options)
    with content.open("rb") as file:
        digest = Digest("sha256", hashlib.file_digest(file, "sha256").hexdigest(), "the test")
    url = f"{mirror.url}/{REPO}/resolve/{sha}/{FILE}"
    wanted = Wanted(url, tmp_path / "x.part", FILE, content.stat().st_size, (digest,))
    headers = requests.head(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).headers
    mirror.forget()
    return wanted, XetSource.of(headers["X-Xet-Hash"], endpoint=mirror.url, repo=REPO, revision=sha)


def children(of):
    """Find the processes of hf_xet whose parent is *of*."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words, state = (place / "cmdline").read_bytes(), (place / "stat").read_text()
        except OSError:
            continue
        if b"xet_child.py" in words and state.rpartition(")")[2].split()[1] == str(of):
            found.append(int(place.name))
    return found


class Doing:
    """Does something once, when the first bytes have arrived."""

    def __init__(self, what):
        self._what, self.count = what, 0

    def received(self, wanted, count):
        self.count += count
        what, self._what = self._what, None
        if what:
            what()

    def __getattr__(self, name):
        return lambda *_: None


def test_a_file_arrives_proved(found, by_xet, watching, large_bytes, mirror):
    """Size and digests are of the bytes in the part, and the watcher hears of each byte once."""
    proof = by_xet(found)

    assert found[0].part.read_bytes() == large_bytes
    assert (proof.size, proof.sha256) == (len(large_bytes), hashlib.sha256(large_bytes).hexdigest())
    assert proof.digests[0].algorithm == "sha256"
    assert watching.count == len(large_bytes)
    assert watching.events == ["started", "verifying"]
    assert {request.kind for request in mirror.requests} == {"xet-token", "reconstruction", "xorb"}


@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(lambda mirror: mirror.drop_after("*", 300_000, kind="xorb", times=1), id="xorb ends early"),
        pytest.param(lambda mirror: mirror.drop_after("*", 300_000, reset=True, kind="xorb", times=1), id="xorb reset"),
        pytest.param(lambda mirror: mirror.drop_after("*", None, kind="xorb", times=1), id="xorb not answered"),
        pytest.param(lambda mirror: mirror.status("*", 503, kind="xorb", times=1), id="xorb 503"),
        pytest.param(lambda mirror: mirror.status("*", 403, kind="xorb", times=1), id="xorb 403"),
        pytest.param(lambda mirror: mirror.stall("*", after=9, kind="xorb", times=1), id="xorb stalls"),
        pytest.param(lambda mirror: mirror.status("*", 500, kind="reconstruction", times=1), id="reconstruction 500"),
        pytest.param(lambda mirror: mirror.drop_after("*", 9, kind="reconstruction", times=1), id="reconstruction cut"),
        pytest.param(lambda mirror: mirror.status("*", 501, kind="reconstruction", times=1), id="second version 501"),
        pytest.param(lambda mirror: mirror.status("*", 503, kind="xet-token", times=1), id="token 503"),
        pytest.param(lambda mirror: mirror.drop_after("*", 9, kind="xet-token", times=1), id="token cut"),
    ],
)
def test_a_passing_fault_ends_in_the_right_bytes(found, by_xet, by_http, mirror, large_bytes, misbehave):
    """By Xet, or by HTTP that takes over from it."""
    misbehave(mirror)

    try:
        by_xet(found, stall_s=2.0)
    except XetFailed:
        by_http(found[0])

    assert found[0].part.read_bytes() == large_bytes


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        pytest.param(lambda mirror: mirror.flip_byte("*", at=70_000, kind="xorb"), "bytes are wrong", id="flipped"),
        pytest.param(lambda mirror: mirror.status("*", 404, kind="xorb"), "404|dropped", id="xorb 404"),
        pytest.param(lambda mirror: mirror.status("*", 503, kind="xorb"), "503|dropped|nothing came", id="xorb 503"),
        pytest.param(lambda mirror: mirror.status("*", 403, kind="xorb"), "403|dropped|nothing came", id="xorb 403"),
        pytest.param(lambda mirror: mirror.stall("*", after=9, kind="xorb"), "nothing came", id="xorb stalls"),
        pytest.param(lambda mirror: mirror.slow("*", 1000, kind="xorb"), "nothing came", id="xorb crawls"),
        pytest.param(
            lambda mirror: mirror.status("*", 404, kind="reconstruction"), "404|did not come", id="reconstruction 404"
        ),
        pytest.param(
            lambda mirror: mirror.stall("*", kind="reconstruction"), "nothing came", id="reconstruction stalls"
        ),
        pytest.param(lambda mirror: mirror.status("*", 401, kind="xet-token"), "401|uthent", id="token 401"),
        pytest.param(lambda mirror: mirror.stall("*", kind="xet-token"), "nothing came", id="token stalls"),
        pytest.param(lambda mirror: mirror.replace_body("*", b"<html>", kind="xet-token"), ".", id="token is a page"),
        pytest.param(
            lambda mirror: mirror.replace_body("*", b"<html>", kind="reconstruction"), ".", id="plan is a page"
        ),
        pytest.param(lambda mirror: mirror.replace_body("*", b"<html>", kind="xorb"), ".", id="xorb is a page"),
    ],
)
def test_a_lasting_fault_is_left_to_http(found, by_xet, by_http, watching, mirror, large_bytes, misbehave, reason):
    """Soon, with a reason; what HTTP then brings is right, and the watcher's count too."""
    misbehave(mirror)

    with pytest.raises(XetFailed, match=reason):
        by_xet(found, stall_s=3.0)
    watching.count = 0
    by_http(found[0])

    assert found[0].part.read_bytes() == large_bytes
    assert watching.events[:2] == ["started", "restarted"] or watching.events[:3] == [
        "started",
        "verifying",
        "restarted",
    ]
    assert watching.count + watching.kept == len(large_bytes)


def test_wrong_bytes_are_thrown_away(found, by_xet, mirror):
    """Nothing is left that a later run could take for a beginning."""
    mirror.flip_byte("*", at=70_000, kind="xorb")

    with pytest.raises(XetFailed, match="sha256"):
        by_xet(found)

    assert not found[0].part.exists()


def test_http_goes_on_where_xet_stopped(found, by_xet, by_http, mirror, large_bytes):
    """How much Xet brought before it failed is up to its streams; HTTP brings the rest, never more than the file."""
    mirror.status("*", 404, kind="xorb", skip=6)

    with pytest.raises(XetFailed):
        by_xet(found)
    there = kept(found[0])
    by_http(found[0])

    asked = sum(request.bytes_sent for request in mirror.requests if request.kind == "get")
    assert found[0].part.read_bytes() == large_bytes
    assert len(large_bytes) - there <= asked <= len(large_bytes)


def test_xet_goes_on_where_http_stopped(found, by_xet, by_http, mirror, large_bytes):
    """And the other way round, whatever the order of the pieces was."""
    stop = threading.Event()
    access = Access(endpoint=mirror.url, token=TOKEN)
    mirror.slow("*", 8e6, kind="get")
    with pytest.raises(errors.Interrupted):
        bring([found[0]], access=access, connections=1, settle=print, watcher=Doing(stop.set), stop=stop)
    there = kept(found[0])

    proof = by_xet(found)

    assert found[0].part.read_bytes() == large_bytes
    assert 0 < there < len(large_bytes)
    assert proof.size == len(large_bytes)
    sent = sum(request.bytes_sent for request in mirror.requests if request.kind == "xorb")
    assert sent < len(large_bytes) - there + (8 << 20)  # the chunks at the edges of pieces come twice


def test_a_whole_part_is_proved_without_a_process(found, by_xet, mirror, large_bytes):
    """What an earlier run brought whole, and could not name any more, is only read."""
    found[0].part.write_bytes(large_bytes)

    proof = by_xet(found)

    assert proof.sha256 == found[0].digests[0].hex
    assert mirror.requests == ()


def test_without_resume_it_begins_anew(found, by_xet, large_bytes, watching):
    """Nothing of an earlier part is used."""
    found[0].part.write_bytes(b"x" * len(large_bytes))

    by_xet(found, resume=False)

    assert found[0].part.read_bytes() == large_bytes
    assert watching.kept == 0


@linux
def test_a_killed_process_is_left_to_http(found, by_xet, by_http, mirror, large_bytes):
    """Whoever kills it, nothing is lost and nothing is wrong."""
    mirror.slow("*", 4e6, kind="xorb")

    def kill():
        os.kill(children(os.getpid())[0], signal.SIGKILL)

    with pytest.raises(XetFailed, match="killed by signal 9"):
        by_xet(found, watcher=Doing(kill))
    by_http(found[0])

    assert found[0].part.read_bytes() == large_bytes


@linux
def test_a_stopped_transfer_keeps_what_arrived(found, by_xet, mirror, large_bytes):
    """No process is left, and the next run asks only for the rest."""
    mirror.slow("*", 4e6, kind="xorb")
    stop = threading.Event()

    with pytest.raises(errors.Interrupted):
        by_xet(found, stop=stop, watcher=Doing(stop.set))

    there = kept(found[0])
    assert children(os.getpid()) == []
    assert 0 < there < len(large_bytes)
    mirror.heal()
    mirror.forget()
    by_xet(found)
    assert found[0].part.read_bytes() == large_bytes
    assert sum(request.bytes_sent for request in mirror.requests if request.kind == "xorb") < len(large_bytes)


PARENT = """
import sys, threading
from pathlib import Path
from modelready.model import Digest
from modelready.network.access import Access
from modelready.transfer import Wanted
from modelready.transfer.xet import bring_xet
from modelready.transfer.xet_choice import XetSource

class Telling:
    def received(self, wanted, count): print("received", flush=True)
    def __getattr__(self, name): return lambda *_: None

url, part, size, digest, name, token_url, endpoint = sys.argv[1:]
bring_xet(
    Wanted(url, Path(part), "model.safetensors", int(size), (Digest("sha256", digest),)),
    xet=XetSource(name, token_url), access=Access(endpoint=endpoint), watcher=Telling(), stop=threading.Event(),
)
"""


@linux
def test_no_process_outlives_a_killed_parent(found, by_xet, mirror, large_bytes, tmp_path):
    """After a kill -9 of ours hf_xet is gone too, its folder with it, and the next run goes on from what is there."""
    mirror.slow("*", 4e6, kind="xorb")
    wanted, xet = found
    words = [wanted.url, wanted.part, wanted.size, wanted.digests[0].hex, xet.hash, xet.token_url, mirror.url]
    source, temporary = Path(errors.__file__).parents[1], tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, words)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(source), "TMPDIR": str(temporary)},
    ) as parent:
        assert parent.stdout.readline() == b"received\n"
        (child,) = children(parent.pid)
        parent.kill()

    while is_alive(child):
        time.sleep(0.01)
    mirror.heal()
    by_xet(found)

    assert wanted.part.read_bytes() == large_bytes
    assert list(temporary.iterdir()) == []


def is_alive(number):
    """Tell whether a process runs."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


FULL = """
import errno, os
_pwrite = os.pwrite

def pwrite(descriptor, view, offset):
    if offset + len(view) > {room}:
        raise OSError({number}, os.strerror({number}))
    return _pwrite(descriptor, view, offset)

os.pwrite = pwrite
"""


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, errors.DiskFull), (errno.EDQUOT, errors.DiskFull), (errno.EIO, errors.NotWritable)],
)
def test_a_full_disk_is_told_and_not_left_to_http(found, by_xet, monkeypatch, tmp_path, number, error):
    """HTTP would meet the same disk."""
    (tmp_path / "sitecustomize.py").write_text(FULL.format(room=9 << 20, number=number))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(error, match=r"x\.part"):
        by_xet(found)

    assert kept(found[0]) > 0


def test_a_part_that_vanishes_is_told(found, by_xet, mirror):
    """Somebody else removed it: what is hashed is the file under that name, or nothing."""
    mirror.slow("*", 4e6, kind="xorb")

    with pytest.raises(errors.NotWritable, match=r"x\.part"):
        by_xet(found, watcher=Doing(found[0].part.unlink))


@linux
def test_the_token_is_seen_by_nobody(mirror, large_folder, tmp_path, by_xet, monkeypatch, large_bytes):
    """A private repository is opened by it, and it is in no argument and no variable of the process."""
    found = offer(mirror, large_folder, tmp_path, private=True)
    mirror.slow("*", 8e6, kind="xorb")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    seen = []

    def look():
        (child,) = children(os.getpid())
        seen.extend(Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ"))

    by_xet(found, watcher=Doing(look))

    assert found[0].part.read_bytes() == large_bytes
    assert len(seen) == 2
    assert not any(TOKEN.encode() in one for one in seen)
    assert not any(request.has_authorization for request in mirror.requests if request.kind == "xorb")


def test_the_token_stays_with_its_origin(found, by_xet, mirror):
    """Another host that hands out Xet's tokens does not get ours."""
    by_xet(found, endpoint="http://localhost:1")

    assert [request.has_authorization for request in mirror.requests if request.kind == "xet-token"] == [False]


def test_nothing_is_left_behind(found, by_xet, monkeypatch, tmp_path):
    """No cache, no log, no temporary folder; and nobody is told."""
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))

    by_xet(found)

    assert list((tmp_path / "home").rglob("*")) == []
    assert list((tmp_path / "temporary").rglob("*")) == []


@linux
def test_memory_stays_flat(mirror, tmp_path, by_xet):
    """Whatever the size of the file, the process of hf_xet stays below 300 MB."""
    folder = tmp_path / "sparse"
    folder.mkdir()
    with (folder / FILE).open("wb") as file:
        file.truncate(320 << 20)
    found = offer(mirror, folder, tmp_path)
    seen = {}

    class Looking(Doing):
        def received(self, wanted, count):
            if not self.count:
                (self.child,) = children(os.getpid())
            self.count += count
            status = Path(f"/proc/{self.child}/status").read_text()
            seen.update(line.split(":") for line in status.splitlines() if "VmHWM" in line)

    by_xet(found, watcher=Looking(None))

    assert 0 < int(seen["VmHWM"].split()[0]) < 300_000


def test_a_machine_without_hf_xet_uses_http(found, by_xet, monkeypatch, tmp_path):
    """An import that fails is one more reason that is told."""
    (tmp_path / "hf_xet.py").write_text("raise ImportError('no hf_xet here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(XetFailed, match="no hf_xet here"):
        by_xet(found)


def test_a_process_that_cannot_start_or_talks_nonsense_is_left_to_http(found, by_xet, monkeypatch, tmp_path):
    """Whatever stands where Python should be."""
    (tmp_path / "sitecustomize.py").write_text("print('hello', flush=True)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(XetFailed, match="hello"):
        by_xet(found)

    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(XetFailed, match="exit code 0"):
        by_xet(found)

    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(XetFailed, match="no process can be started"):
        by_xet(found)


def test_of_several_files_those_that_fail_are_left(found, mirror, watching, tmp_path, large_bytes):
    """Each is settled when it is proved; after two failures Xet is not asked again."""
    wanted, xet = found
    none = XetSource("0" * 64, xet.token_url)
    many = [
        (Wanted(wanted.url, tmp_path / f"{name}.part", name, wanted.size, wanted.digests), source)
        for name, source in (("one", xet), ("two", none), ("three", none), ("four", xet))
    ]
    access = Access(endpoint=mirror.url)
    settled = []

    left = bring_by_xet(
        many, access=access, settle=settled.append, watcher=watching, stop=threading.Event(), stall_s=2.0
    )

    assert [proof.wanted.path for proof in settled] == ["one"]
    assert [one.wanted.path for one in left] == ["two", "three", "four"]
    assert left[0].reason
    assert left[2].reason == left[1].reason
    assert watching.proofs == settled
    assert (tmp_path / "one.part").read_bytes() == large_bytes


@pytest.mark.parametrize(
    ("changes", "xet_hash", "settings", "expected"),
    [
        pytest.param({}, "ab" * 32, XetSettings(), True, id="large and provable"),
        pytest.param({}, None, XetSettings(), False, id="not on Xet"),
        pytest.param({"size": (16 << 20) - 1}, "ab" * 32, XetSettings(), False, id="too small"),
        pytest.param({"size": 1}, "ab" * 32, XetSettings(from_size=1), True, id="another threshold"),
        pytest.param({"size": None}, "ab" * 32, XetSettings(), False, id="size unknown"),
        pytest.param({"digests": ()}, "ab" * 32, XetSettings(), False, id="no digest"),
        pytest.param({"digests": (Digest("sha1", "a" * 40),)}, "ab" * 32, XetSettings(), False, id="another digest"),
        pytest.param({}, "ab" * 32, XetSettings(is_disabled=True), False, id="disabled"),
        pytest.param({}, "ab" * 32, XetSettings(is_available=False), False, id="not installed"),
    ],
)
def test_xet_is_used_where_it_is_worth_it(changes, xet_hash, settings, expected):
    """A large file, with a hash that Xet knows it by and a sha256 that proves it."""
    told = {"size": 16 << 20, "digests": (Digest("sha256", "a" * 64),)} | changes

    wanted = Wanted("https://hub/x", Path("x.part"), "x", **told)

    assert is_worth_xet(wanted, xet_hash, settings) is expected


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("", False)])
def test_the_environment_can_switch_xet_off(value, expected):
    """By huggingface_hub's own variable, read as it reads it."""
    assert XetSettings.of({"HF_HUB_DISABLE_XET": value}) == XetSettings(is_disabled=expected)
    assert XetSettings.of({}) == XetSettings()


def test_names_are_quoted_in_the_address_of_the_token():
    """A branch may have a slash in it."""
    xet = XetSource.of("ab", endpoint="https://hub/", repo="org/name", revision="refs/pr/1")

    assert xet.token_url == "https://hub/api/models/org/name/xet-read-token/refs%2Fpr%2F1"
