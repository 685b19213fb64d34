"""Models behind an address: what is learned of them by one byte, how they are brought, and what is never told."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from base64 import b64encode

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as some

from modelready import addresses, errors
from modelready.environment import read
from modelready.model import Digest, FileRule, Model
from modelready.patterns import safe_relative
from modelready.placing import locate
from modelready.sources import Sources, told

AT = "https://files.test/models/a.safetensors"
OLD = 1_600_000_000.0
BODY = os.urandom(1 << 20)


@pytest.fixture
def web():
    """Stand in for the servers of the world."""
    with responses.RequestsMock() as answers:
        yield answers


def resolve(url, *rules, **facts):
    """Ask for the manifest of a model at *url*."""
    sources = Sources(read({"HF_DOWNLOAD_MAX_RETRIES": "0", "HF_HUB_ETAG_TIMEOUT": "2"}))
    source = addresses.parse(url, None)
    model = Model(name="one", source=source, layout="folder", files=rules, **facts)
    return sources.of(model).resolve(model)


def refused(kind, url=AT, *rules):
    """Give what is said where *url* cannot be resolved."""
    with pytest.raises(kind) as caught:
        resolve(url, *rules)
    return str(caught.value)


def part(size, **headers):
    """Give the headers of the first byte of *size*."""
    return {"Content-Range": f"bytes 0-0/{size}"} | {name.replace("_", "-"): value for name, value in headers.items()}


# ---- what is learned


def test_one_byte_tells_size_version_and_name(web):
    """Nothing else is asked for, and nothing of ours is sent along."""
    web.get(AT, status=206, headers=part(42, ETag='"v1"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT"))

    manifest = resolve(AT)

    (file,) = manifest.files
    assert (file.path, file.size, file.digests, file.url) == ("a.safetensors", 42, (), AT)
    assert (manifest.source, manifest.revision) == (AT, "etag-v1")
    asked = web.calls[0].request.headers
    assert asked["Range"] == "bytes=0-0"
    assert "Authorization" not in asked


@pytest.mark.parametrize(
    ("headers", "revision"),
    [
        pytest.param({"ETag": '"5f-abc"'}, "etag-5f-abc", id="strong tag"),
        pytest.param({"ETag": '"../x"'}, f"etag-{hashlib.sha256(b'../x').hexdigest()[:16]}", id="tag that is no name"),
        pytest.param({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, "modified-20151021T072800Z", id="date"),
        pytest.param(
            {"ETag": 'W/"a"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, "modified-20151021T072800Z", id="both"
        ),
        pytest.param({"ETag": 'W/"a"'}, "weak-a", id="weak tag"),
        pytest.param({"Last-Modified": "yesterday"}, "", id="nonsense"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_a_version_has_a_name(web, headers, revision):
    """It goes into the lock, the receipt and the certificate."""
    web.get(AT, status=206, headers=part(1) | headers)

    assert resolve(AT).revision == revision


@given(some.dictionaries(some.sampled_from(["ETag", "Last-Modified"]), some.text(max_size=40)))
@settings(max_examples=200)
def test_any_version_has_a_name_that_a_lock_can_hold(headers):
    """It may become the name of a folder elsewhere."""
    name = told.revision(headers)

    assert name == "" or str(safe_relative(name)) == name


@pytest.mark.parametrize(
    ("status", "headers", "size"),
    [
        pytest.param(206, {"Content-Range": "bytes 0-0/*"}, None, id="a range that tells no size"),
        pytest.param(200, {"Content-Length": "9"}, 9, id="no ranges"),
        pytest.param(200, {"Content-Length": "9", "Content-Encoding": "gzip"}, None, id="packed"),
        pytest.param(416, {"Content-Range": "bytes */0"}, 0, id="empty"),
    ],
)
def test_sizes_of_poor_servers(web, status, headers, size):
    """What is not told stays unknown."""
    web.get(AT, status=status, headers=headers, auto_calculate_content_length=False)

    assert resolve(AT).files[0].size == size


MD5, SHA256 = hashlib.md5(b"x").digest(), hashlib.sha256(b"x").digest()


@pytest.mark.parametrize(
    ("headers", "digest"),
    [
        pytest.param({"x-goog-hash": f"crc32c=AAAAAA==, md5={b64encode(MD5).decode()}"}, ("md5", MD5), id="GCS"),
        pytest.param(
            {"x-goog-hash": f"md5={b64encode(MD5).decode()}", "x-goog-stored-content-encoding": "gzip"},
            None,
            id="GCS, packed",
        ),
        pytest.param({"x-amz-checksum-sha256": b64encode(SHA256).decode()}, ("sha256", SHA256), id="S3"),
        pytest.param({"x-amz-checksum-sha256": f"{b64encode(SHA256).decode()}-3"}, None, id="S3, in parts"),
        pytest.param(
            {"x-amz-checksum-sha256": b64encode(SHA256).decode(), "x-amz-checksum-type": "COMPOSITE"},
            None,
            id="S3, composite",
        ),
        pytest.param({"ETag": f'"{MD5.hex()}"', "Server": "AmazonS3"}, None, id="an ETag is no digest"),
        pytest.param({"x-ms-blob-content-md5": b64encode(MD5).decode()}, ("md5", MD5), id="Azure"),
        pytest.param({"Repr-Digest": f"sha-256=:{b64encode(SHA256).decode()}:"}, ("sha256", SHA256), id="RFC 9530"),
        pytest.param({"x-goog-hash": "md5=short", "x-amz-checksum-sha256": "é"}, None, id="nonsense"),
    ],
)
def test_digests_of_whole_objects_are_taken(web, headers, digest):
    """A digest of a part, or of something else, is none."""
    web.get(AT, status=206, headers=part(1) | headers)

    found = resolve(AT).files[0].digests

    assert [(one.algorithm, one.hex) for one in found] == ([(digest[0], digest[1].hex())] if digest else [])


# ---- names


def test_the_server_names_the_file_only_when_asked_to(web):
    """A name from elsewhere is not taken by itself."""
    web.get(AT, status=206, headers=part(1, Content_Disposition='attachment; filename="../../b.bin"'))

    own = resolve(AT).files[0].path
    theirs = resolve(AT, FileRule("*", name_from="content-disposition")).files[0].path

    assert (own, theirs) == ("a.safetensors", "b.bin")


def test_a_server_that_names_nothing_is_told(web):
    """The catalog asked for a name."""
    web.get(AT, status=206, headers=part(1))

    assert "save_as" in refused(errors.ServerFault, AT, FileRule("*", name_from="content-disposition"))


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        pytest.param(FileRule("*", save_as="vae/x.safetensors"), "x.safetensors", id="a pattern"),
        pytest.param(FileRule("y.bin", save_as="vae/x.safetensors"), "y.bin", id="a path"),
    ],
)
def test_the_catalog_names_the_file_of_an_address_without_a_name(web, rule, path):
    """``https://host/`` ends in none."""
    web.get("https://files.test/", status=206, headers=part(1))

    assert resolve("https://files.test/", rule).files[0].path == path


def test_a_name_that_the_catalog_does_not_expect_is_told(workshop, depot):
    """The server named it otherwise: what it said is in the error."""
    url = depot.serve("get", BODY, headers={"Content-Disposition": "attachment; filename=b.bin"}, etag='"one"')
    workshop.catalog = catalog(url, rows='[[model.file]]\npath = "*.gguf"\nname_from = "content-disposition"\n')

    assert "matches no file of" in (said := workshop.bring()["one"].error_what)
    assert said.endswith(", which has only b.bin")


# ---- refusals


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        pytest.param(404, errors.NotFound, "gone", id="404"),
        pytest.param(410, errors.NotFound, "gone", id="410"),
        pytest.param(403, errors.Unauthorised, "expired", id="403"),
        pytest.param(401, errors.Unauthorised, "expired", id="401"),
        pytest.param(429, errors.RateLimited, "later", id="429"),
        pytest.param(503, errors.ServerFault, "later", id="503"),
        pytest.param(418, errors.ServerFault, "browser", id="418"),
    ],
)
def test_refusals_have_words_and_never_the_signature(web, status, kind, words):
    """What signs an address is a secret."""
    signed = f"{AT}?X-Amz-Signature=deadbeef&X-Amz-Credential=me"
    web.get(AT, status=status)

    said = refused(kind, signed)

    assert words in said
    assert "a.safetensors" in said or status in {429, 503}
    assert "deadbeef" not in said
    assert "X-Amz" not in said


def test_a_page_is_told_for_what_it_is(web):
    """A login page comes with status 200."""
    web.get(AT, body="<html>log in</html>", content_type="text/html; charset=utf-8")

    assert "web page instead of a.safetensors" in refused(errors.ServerFault)


def test_a_page_that_a_digest_will_judge_may_be_the_file(workshop, depot):
    """Some servers call everything text/html."""
    url = depot.serve("a.bin", BODY, headers={"Content-Type": "text/html"}, etag='"one"')
    workshop.catalog = catalog(url)
    doubted = workshop.bring()
    rows = f'[[model.file]]\npath = "a.bin"\nsha256 = "{hashlib.sha256(BODY).hexdigest()}"\n'
    workshop.catalog = catalog(url, rows=rows)

    sure = workshop.bring()

    assert "a web page instead of a.bin" in doubted["one"].error_what
    assert states(sure) == {"one": ("completed", "")}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        pytest.param("http://files.test/a", "no encrypted address", id="http"),
        pytest.param("file:///etc/passwd", "no encrypted address", id="file"),
        pytest.param(AT, "in a circle", id="itself"),
    ],
)
def test_redirects_lead_nowhere_dangerous(web, target, words):
    """Encryption is not given up, and no file of this machine is read."""
    web.get(AT, status=302, headers={"Location": target})

    assert words in refused(errors.ServerFault)


def test_loopback_does_not_lead_into_the_open(web):
    """``http://`` is for this machine only, and so is where it leads."""
    web.get("http://127.0.0.1:1/a.bin", status=302, headers={"Location": "http://files.test/a.bin"})
    web.get("http://files.test/a.bin", status=206, headers=part(1))

    assert "not encrypted" in refused(errors.ServerFault, "http://127.0.0.1:1/a.bin")


def test_a_server_that_cannot_be_reached_is_asked_once(web):
    """A hundred models of one server that is down cost one wait; others are asked all the same."""
    other = "https://other.test/b.bin"
    web.get(AT, body=ConnectionRefusedError(111, "refused"))
    web.get(other, status=206, headers=part(1))
    sources = Sources(read({"HF_DOWNLOAD_MAX_RETRIES": "0"}))
    models = [
        Model(name=f"m{place}", source=addresses.parse(url, None), layout="folder")
        for place, url in enumerate([AT, AT, other])
    ]

    for model in models[:2]:
        with pytest.raises(errors.Offline):
            sources.of(model).resolve(model)

    assert sources.of(models[2]).resolve(models[2]).files[0].size == 1
    assert len(web.calls) == 2


# ---- brought


def catalog(url, *lines, name="one", rows=""):
    """Give the catalog of one model at *url*."""
    own = "".join(f"{line}\n" for line in lines)
    return f'[[model]]\nname = "{name}"\nsource = "{url}"\n{own}{rows}'


def placed(workshop, name="one"):
    """Give the files of the model as bytes, by their path in its folder."""
    folder = workshop.place / "models" / name
    found = (path for path in folder.rglob("*") if path.is_file() and ".modelready" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def states(jobs):
    return {name: (job.state, job.error_what) for name, job in jobs.items()}


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"etag": '"one"'}, id="etag"),
        pytest.param({"modified": OLD}, id="date"),
        pytest.param({}, id="no version"),
        pytest.param({"has_ranges": False}, id="no ranges"),
        pytest.param({"headers": {"Content-Disposition": "attachment; filename=other.bin"}}, id="another name"),
    ],
)
def test_a_file_comes_whatever_its_server_tells(workshop, depot, facts):
    """One file, under the name that its address ends in, and a receipt that knows its digest."""
    workshop.catalog = catalog(depot.serve("dir/a%20b.bin".replace("%20", " "), BODY, **facts).replace(" ", "%20"))
    depot.items["dir/a%20b.bin"] = depot.items.pop("dir/a b.bin")

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a b.bin": BODY}
    receipt = json.loads((workshop.place / "models/one/.modelready/one.json").read_text())
    assert receipt["files"][0]["digests"] == {"sha256": hashlib.sha256(BODY).hexdigest()}
    assert receipt["files"][0]["learned"] is True


def test_redirects_are_followed_and_secrets_stay(workshop, depot, caplog):
    """What is signed leads to the bytes, and stands nowhere: not in the receipt, the rows, or a log."""
    depot.serve("real.bin", BODY, etag='"one"')
    depot.serve("a.bin", status=302, headers={"Location": f"{depot.url}/real.bin?X-Amz-Signature=deadbeef"})
    workshop.catalog = catalog(f"{depot.url}/a.bin?sig=deadbeef&token=cafe&v=2")
    caplog.set_level(logging.DEBUG)

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert any("?sig=deadbeef" in one.path for one in depot.asked)
    written = [path for path in workshop.place.rglob("*") if path.is_file() and path.suffix != ".toml"]
    for text in (caplog.text, *(path.read_bytes().decode("latin-1") for path in written)):
        assert "deadbeef" not in text
        assert "cafe" not in text
    assert '"GET /a.bin?… HTTP/1.1" 302' in caplog.text
    assert json.loads((workshop.place / "models/one/.modelready/one.json").read_text())["source"].endswith("/a.bin?v=2")


@pytest.mark.parametrize(("hops", "state"), [(5, "completed"), (11, "failed")])
def test_redirects_are_bounded(workshop, depot, hops, state):
    """Ten are enough for anybody."""
    depot.serve("0/a.bin", BODY, etag='"one"')
    for hop in range(hops):
        depot.serve(f"{hop + 1}/a.bin", status=302, headers={"Location": f"/{hop}/a.bin"})
    workshop.catalog = catalog(f"{depot.url}/{hops}/a.bin")

    job = workshop.bring()["one"]

    assert job.state == state
    assert ("redirects more than 10 times" in job.error_what) is (state == "failed")


def test_a_size_of_the_catalog_is_held_against_the_server(workshop, depot):
    """Before a byte of the body is taken."""
    rows = '[[model.file]]\npath = "a.bin"\nsize = 7\n'
    workshop.catalog = catalog(depot.serve("a.bin", BODY, etag='"one"'), rows=rows)

    job = workshop.bring()["one"]

    assert f"offers {len(BODY)} bytes instead of 7" in job.error_what
    assert placed(workshop) == {}


def test_an_address_signed_anew_is_the_same_source(workshop, depot):
    """Nothing is fetched again because a signature expired."""
    url = depot.serve("a.bin", BODY, etag='"one"')
    workshop.catalog = catalog(f"{url}?X-Amz-Signature=one")
    workshop.bring()
    depot.asked.clear()
    workshop.catalog = catalog(f"{url}?X-Amz-Signature=two")

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert depot.asked == []


@pytest.mark.parametrize(
    ("facts", "resumed"),
    [
        pytest.param({"etag": '"one"'}, True, id="etag"),
        pytest.param({"modified": OLD}, True, id="date"),
        pytest.param({"modified": OLD, "names_part": False}, True, id="date, and parts that name none"),
        pytest.param({}, False, id="no version"),
        pytest.param({"etag": '"one"', "has_ranges": False}, False, id="no ranges"),
        pytest.param({"modified": time.time() + 86400}, False, id="a date too new to be sure of"),
    ],
)
def test_a_download_that_broke_off_goes_on_where_that_is_safe(workshop, depot, facts, resumed):
    """Half of it came in an earlier run; without a version nobody could tell whether it is half of the same file."""
    half = len(BODY) // 2
    workshop.catalog = catalog(depot.serve("a.bin", BODY, most=half, **facts))
    broken = workshop.bring()
    depot.change("a.bin", most=None)
    depot.asked.clear()
    workshop.variables["HF_DOWNLOAD_MAX_RETRIES"] = "3"

    jobs = workshop.bring()

    assert broken["one"].state == "failed"
    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": BODY}
    assert (jobs["one"].bytes_fetched < len(BODY)) is resumed
    assert any(one.headers.get("if-range") for one in depot.asked) is resumed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"etag": '"one"'}, {"etag": '"two"'}, id="etag"),
        pytest.param({"modified": OLD}, {"modified": OLD + 3600}, id="date"),
        pytest.param({"etag": '"one"'}, {"etag": None, "modified": None}, id="no version any more"),
    ],
)
def test_two_versions_are_never_mixed(workshop, depot, before, after):
    """The file changed between two runs, and kept its size."""
    other = os.urandom(len(BODY))
    workshop.catalog = catalog(depot.serve("a.bin", BODY, most=len(BODY) // 2, **before))
    workshop.bring()
    depot.change("a.bin", content=other, most=None, **after)
    workshop.variables["HF_DOWNLOAD_MAX_RETRIES"] = "3"

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": other}


def test_a_server_that_hides_the_version_of_a_part_is_asked_for_the_whole(workshop, depot):
    """It forgets If-Range, and sends the rest of another version."""
    other = os.urandom(len(BODY))
    workshop.catalog = catalog(depot.serve("a.bin", BODY, etag='"one"', most=len(BODY) // 2))
    workshop.bring()
    depot.change("a.bin", content=other, most=None, names_part=False)
    workshop.variables["HF_DOWNLOAD_MAX_RETRIES"] = "3"

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": other}


@pytest.mark.parametrize(
    ("facts", "is_divided"),
    [
        pytest.param({"etag": '"one"'}, True, id="etag"),
        pytest.param({"modified": OLD}, True, id="date"),
        pytest.param({}, False, id="no version"),
        pytest.param({"etag": '"one"', "has_ranges": False}, True, id="no ranges"),
        pytest.param({"etag": '"one"', "names_part": False}, False, id="parts that hide theirs"),
    ],
)
def test_a_large_file_is_divided_only_where_versions_are_told_apart(workshop, depot, facts, is_divided):
    """Its parts come over several connections: nobody else would notice that they are of two files."""
    body = BODY * 33
    workshop.catalog = catalog(depot.serve("a.bin", body, **facts))
    workshop.variables["HF_DOWNLOAD_MAX_RETRIES"] = "3"

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": body}
    assert any(depot.ranges("a.bin")) is is_divided


def test_a_version_that_came_between_is_not_taken_for_the_one_looked_at(workshop, depot):
    """The server changes after it was asked for one byte; receipt and lock would call it by the wrong version."""
    workshop.catalog = catalog(depot.serve("a.bin", BODY, etag='"one"'))
    other = os.urandom(len(BODY))
    depot.after_look = lambda: depot.change("a.bin", content=other, etag='"two"')

    between = workshop.bring()
    settled = workshop.bring()

    assert "changes while it is fetched" in between["one"].error_what
    assert states(settled) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": other}


def test_a_digest_of_the_catalog_is_held_against_what_comes(workshop, depot):
    """Wrong bytes get no name."""
    rows = f'[[model.file]]\npath = "a.bin"\nsha256 = "{"0" * 64}"\n'
    workshop.catalog = catalog(depot.serve("a.bin", BODY, etag='"one"'), rows=rows)

    jobs = workshop.bring()

    assert jobs["one"].error_kind == "digest_mismatch"
    assert placed(workshop) == {}


def test_a_damaged_file_is_brought_again(workshop, depot):
    """The receipt knows what came first, where nobody else names a digest."""
    workshop.catalog = catalog(depot.serve("a.bin", BODY, etag='"one"'))
    workshop.bring()
    path = workshop.place / "models/one/a.bin"
    path.write_bytes(bytes(len(BODY)))

    jobs = workshop.bring()

    assert states(jobs) == {"one": ("completed", "")}
    assert placed(workshop) == {"a.bin": BODY}


def test_a_body_that_tells_no_length_needs_a_digest(workshop, depot):
    """Else nothing would prove that it is whole."""
    url = depot.serve("a.bin", BODY, has_length=False, has_ranges=False)
    workshop.catalog = catalog(url)
    unsure = workshop.bring()
    row = f'[[model.file]]\npath = "a.bin"\nsha256 = "{hashlib.sha256(BODY).hexdigest()}"\n'
    workshop.catalog = catalog(url, rows=row)

    jobs = workshop.bring()

    assert "nothing proves the end" in unsure["one"].error_what
    assert states(jobs) == {"one": ("completed", "")}


def test_the_end_of_an_address_is_a_name_the_catalog_knows(workshop, depot):
    """So a file that was carried here by hand is judged with nobody asked."""
    workshop.catalog = catalog(f"{depot.url}/a.bin")
    path = workshop.place / "models/one/a.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    asked = workshop.asked()

    (file,) = locate(asked.selected["one"], asked.ground).files

    assert (file.place, file.is_named) == (path, True)
    assert depot.asked == []


def test_a_locked_version_is_held_against_the_server(workshop, depot):
    """Where the lock knows no digest its revision decides; where it knows one, that does."""
    url = depot.serve("a.bin", BODY, etag='"two"')
    workshop.catalog = catalog(url)
    row = {"source": url, "include": [], "exclude": []}
    path = workshop.place / "catalogs" / "models.lock.json"
    path.parent.mkdir(parents=True)

    def bring(revision, **file):
        models = {"one": row | {"revision": revision, "files": {"a.bin": file}}}
        path.write_text(json.dumps({"format_version": 1, "models": models}))
        return workshop.bring()["one"].error_kind

    assert bring("etag-one", size=len(BODY)) == "moved_revision"
    assert bring("etag-two", size=7) == "moved_revision"
    assert bring("etag-one", sha256="0" * 64) == "digest_mismatch"
    assert bring("etag-one", sha256=hashlib.sha256(BODY).hexdigest()) == ""
    assert (
        Digest("sha256", hashlib.sha256(BODY).hexdigest(), "lock")
        in locate(workshop.asked().selected["one"], workshop.asked().ground).files[0].digests
    )


# ---- the whole command


def until(is_so):
    """Wait until *is_so*."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_provision_killed_goes_on_and_certifies(machine, depot, tmp_path):
    """An address and a medium: brought by one command, killed, brought by the next, and proved without them."""
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "config.json").write_text("{}")
    url = depot.serve("a.bin", BODY, etag='"one"', most=700_000, stalls=True)
    signed = f"{url}?X-Amz-Signature=deadbeef"
    machine.catalog(catalog(signed) + catalog(f"file:{tmp_path / 'stick'}", name="two"))
    part = machine.place / "models" / "one" / "a.bin.part"
    first = machine.start("provision")
    until(lambda: part.exists() and part.stat().st_size > len(BODY))
    first.kill()
    first.communicate(timeout=60)
    depot.change("a.bin", most=None)
    depot.asked.clear()

    second = machine.run("provision")
    depot.close()
    third = machine.run("certify", "--certificate", "proof.json", "-vv")
    said = second.stdout + third.stdout + (machine.place / "proof.json").read_text()

    assert (second.returncode, third.returncode) == (0, 0), second.stdout + second.stderr + third.stdout
    (resumed,) = depot.ranges("a.bin")
    assert int(resumed.partition("=")[2].partition("-")[0]) > 0
    assert (machine.place / "models" / "one" / "a.bin").read_bytes() == BODY
    assert "no source names a digest" in third.stdout
    assert f'"source": "{url}"' in said
    assert "deadbeef" not in said
    assert not part.exists()
