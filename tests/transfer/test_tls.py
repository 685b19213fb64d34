"""Encrypted connections are received from as straight as plain ones, and nobody's certificate is taken on trust."""

import shutil
import ssl
import subprocess

import pytest

from modelready import errors


@pytest.fixture
def encrypted(tmp_path, server):
    """Let the server speak TLS with a certificate made for it; give the certificate."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    asked += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(asked, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.encrypt = context
    server.url = server.url.replace("http://127.0.0.1", "https://localhost")
    return certificate


def test_large_and_small_files_arrive(server, want, fetch, encrypted, monkeypatch, small, large):
    """With cuts and stalls, as ever."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted))
    server.serve("large", large, server.cut(3_000_000), server.stall(40_000))
    server.serve("small", small)

    assert fetch(want("large"), want("small"), timeout_s=0.5) == [large, small]
    assert len(server.requests) == 6


def test_an_unknown_certificate_is_refused(server, want, fetch, encrypted, small):
    """At once, with the way to make it known."""
    server.serve("small", small)

    with pytest.raises(errors.Untrusted, match="REQUESTS_CA_BUNDLE"):
        fetch(want("small"))
