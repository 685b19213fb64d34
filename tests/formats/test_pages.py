"""Messages that pose as a model."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready.formats import pages

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 90868376\n"
PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in &amp; go</title></head><body>…</body></html>"
S3 = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("model.safetensors", POINTER, "git-LFS pointer to 90,868,376 bytes", id="pointer"),
        pytest.param("merges.txt", POINTER, "git-LFS pointer", id="pointer as text"),
        pytest.param("README.md", POINTER, "git-LFS pointer", id="pointer as README"),
        pytest.param("a.bin", POINTER.split("size", maxsplit=1)[0], "a git-LFS pointer", id="pointer without size"),
        pytest.param("model.safetensors", PAGE, "an HTML page, titled 'Sign in & go'", id="page"),
        pytest.param("model.gguf", "\ufeff \n<!-- proxy --><HTML><body>", "an HTML page", id="page behind a comment"),
        pytest.param("vocab.txt", PAGE, "an HTML page", id="page as text"),
        pytest.param("config.json", PAGE, "an HTML page", id="page as JSON"),
        pytest.param("model.bin", "<script>location='/login'</script>", "an HTML page", id="captive portal"),
        pytest.param("model.onnx", PAGE.encode("utf-16"), "an HTML page", id="page in UTF-16"),
        pytest.param("model.pt", S3, "an XML error (AccessDenied)", id="S3"),
        pytest.param("vocab.txt", S3, "an XML error", id="S3 as text"),
        pytest.param("model.xml", S3, "an XML error", id="S3 as XML"),
        pytest.param("config.json", "<Error><Message/></Error>", "an XML error", id="XML without a code"),
        pytest.param("model.pth", "<?xml version='1.0'?><net/>", "an XML document", id="XML as weights"),
        pytest.param(
            "model.safetensors", '{"error":"Repository not found"}', "'Repository not found'", id="JSON error"
        ),
        pytest.param("config.json", '{"error": "Invalid credentials"}', "a JSON error", id="JSON error as JSON"),
        pytest.param("config.json", {"error": {"code": 404}}, "a JSON error", id="JSON error in a table"),
        pytest.param("config.json", {"message": "Forbidden"}, "a JSON error", id="JSON message"),
        pytest.param("config.json", {"detail": "no", "status": 404}, "a JSON error", id="JSON detail and status"),
        pytest.param("config.json", {"message": "no", "success": False}, "a JSON error", id="JSON refusal"),
        pytest.param("a.bin", json.dumps({"error": "x" * 3000}), "a JSON error", id="long JSON error"),
        pytest.param("model.ckpt", [{"a": 1}], "JSON text", id="JSON as weights"),
        pytest.param("model.safetensors", "Entry not found", "the message 'Entry not found'", id="Entry not found"),
        pytest.param("a.bin", "Invalid username or password.", "the message", id="Invalid username"),
        pytest.param("a.pt", "Access to model x/y is restricted. You must…", "the message", id="restricted"),
        pytest.param("merges.txt", "Entry not found", "the message", id="Entry not found as text"),
        pytest.param("LICENSE", "404: Not Found", "the message", id="404 without extension"),
        pytest.param(
            "a.gguf", "error: 503 Service Unavailable\n" + "x" * 2000, "the message", id="of the right length"
        ),
        pytest.param("a.bin", "HTTP/1.1 302 Found\r\nLocation: /login\r\n", "an HTTP answer", id="HTTP headers"),
        pytest.param("a.safetensors", gzip.compress(PAGE.encode()), "gzip-encoded: an HTML page", id="zipped page"),
        pytest.param("a.bin", gzip.compress(b"Entry not found"), "gzip-encoded: the message", id="zipped message"),
        pytest.param(
            "config.json", gzip.compress(b'{"a": 1}'), "gzip-encoded and was never unpacked", id="zipped JSON"
        ),
        pytest.param("a.safetensors", b"\x1f\x8bnothing", "gzip-encoded and was never", id="broken gzip"),
    ],
)
def test_a_message_is_told(write, name, content, words):
    """The status was 200, the length may be right: only the first bytes tell."""
    assert words in pages.message_in(write(name, content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("model.safetensors", b"\x7b\x22\0\0\0\0\0\0{}", id="a header length that reads like JSON"),
        pytest.param("a.gguf", b"GGUF\x03\0\0\0", id="GGUF"),
        pytest.param("empty.txt", b"", id="empty"),
        pytest.param("config.json", {"model_type": "bert"}, id="config"),
        pytest.param("eval.json", {"error": 0.01, "status": 0}, id="a measured error"),
        pytest.param("results.json", {"error": "none", "loss": 1}, id="error among others"),
        pytest.param("card.json", {"title": "A model", "status": "released", "detail": ""}, id="a card"),
        pytest.param("card.json", {"title": "A model", "status": "released", "message": "hello"}, id="a greeting"),
        pytest.param("list.json", '[{"error": "x"}]', id="a list"),
        pytest.param("half.json", '{"error": "x"', id="half of JSON"),
        pytest.param("long.json", json.dumps({"error": "x" * 70_000}), id="longer than any error"),
        pytest.param("a.html", PAGE, id="a real page"),
        pytest.param("README.md", "<!DOCTYPE html>\n<h1>Model</h1>", id="a README in HTML"),
        pytest.param("LICENSE", "<html>…", id="a licence in HTML"),
        pytest.param("a.svg", "<?xml version='1.0'?><svg/>", id="a drawing"),
        pytest.param("openvino_model.xml", "<?xml version='1.0'?><net name='x'/>", id="OpenVINO"),
        pytest.param("vocab.txt", "<head>\n<title>\nnot found\n", id="a vocabulary of tags"),
        pytest.param("vocab.txt", "gone\nforbidden\n" + "word\n" * 300, id="a vocabulary of such words"),
        pytest.param("notes.txt", "Not found in other models:\nlayer norm\n", id="a text that begins so"),
        pytest.param("a.bin", {"weights": [1, 2]}, id="JSON under a name that promises nothing"),
        pytest.param("a.bin", gzip.compress(b"\0" * 50), id="zipped bytes under such a name"),
        pytest.param("a.tar.gz", gzip.compress(PAGE.encode()), id="an archive"),
        pytest.param("a.safetensors", b"gone\0\0\0\0{", id="a word, then bytes"),
    ],
)
def test_what_may_be_genuine_is_not_accused(write, name, content):
    """A README in HTML and an error rate in JSON are what they should be."""
    assert pages.message_in(write(name, content)) is None


@given(head=st.binary(max_size=80), suffix=st.sampled_from(["", ".json", ".safetensors", ".txt", ".bin"]))
def test_any_bytes_are_judged_without_a_crash(tmp_path_factory, head, suffix):
    """Files hold anything."""
    place = tmp_path_factory.getbasetemp() / f"any{suffix}"
    for start in (b"", b"\xff\xfe", b"\x1f\x8b\x08", b"{", b'{"error":'):
        place.write_bytes(start + head)

        pages.message_in(place)


def test_little_is_read(tmp_path):
    """A model of 40 GB costs no more than one of 1 kB."""
    place = tmp_path / "huge.safetensors"
    with place.open("wb") as file:
        file.write(b"{" * 10)
        file.truncate(10**12)

    assert pages.message_in(place) is None
