"""What a server tells of a whole file in the headers of one byte of it: size, version, digests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from modelready.model import HEX_LENGTHS, Digest
from modelready.network import headers as _headers
from modelready.network import streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import Response

    from modelready.model import Algorithm

_PARTIAL, _UNSATISFIED = 206, 416
_PLAIN = re.compile(r"[A-Za-z0-9._+-]{1,100}(?<!\.)", re.ASCII)
_GOOGLE_MD5 = re.compile(r"(?:^|,)\s*md5=([A-Za-z0-9+/]{22}==)")
_SHA256 = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.IGNORECASE)


def size(response: Response) -> int | None:
    """Give the size of the whole file in bytes; None where the server does not tell it."""
    told = response.headers.get("Content-Range")
    if response.status_code == _PARTIAL:
        given = _headers.content_range(told)
        return given.total if given else None
    if response.status_code == _UNSATISFIED:  # the file is empty: it has no first byte
        return _headers.unsatisfied_total(told)
    return None if streams.is_coded(response) else _headers.count(response.headers.get("Content-Length"))


def revision(headers: Mapping[str, str]) -> str:
    """Give a name for the version that the server has: by its strong ETag, else by its date; nothing for neither."""
    etag = headers.get("ETag", "").strip()
    tag = _readable(etag.removeprefix("W/").strip('"'))
    if etag and not etag.startswith("W/"):
        return f"etag-{tag}"
    try:
        moment = parsedate_to_datetime(headers.get("Last-Modified", "")).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return f"weak-{tag}" if etag else ""
    return f"modified-{moment:%Y%m%dT%H%M%SZ}"


def digests(headers: Mapping[str, str]) -> tuple[Digest, ...]:
    """
    Give the digests of the whole file that the server names.

    An ETag is none of them: S3 makes it an MD5 for some objects, and something that looks like one for others.
    """
    return tuple(_digests(headers))


def _digests(headers: Mapping[str, str]) -> Iterator[Digest]:
    if found := _SHA256.search(headers.get("Repr-Digest", "")):
        yield from _digest("sha256", found[1], "Repr-Digest")
    if headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() == "FULL_OBJECT":
        # Of an object in parts it is a digest of digests, and ends in "-" and their number: no base64.
        yield from _digest("sha256", headers.get("x-amz-checksum-sha256", ""), "x-amz-checksum-sha256")
    is_as_stored = headers.get("x-goog-stored-content-encoding", "identity") == "identity"
    if is_as_stored and (found := _GOOGLE_MD5.search(headers.get("x-goog-hash", ""))):
        yield from _digest("md5", found[1], "x-goog-hash")
    yield from _digest("md5", headers.get("x-ms-blob-content-md5", ""), "x-ms-blob-content-md5")


def _digest(algorithm: Algorithm, text: str, header: str) -> Iterator[Digest]:
    try:
        found = base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return
    if len(found) == HEX_LENGTHS[algorithm]:
        yield Digest(algorithm, found, f"the server's {header}")


def _readable(tag: str) -> str:
    """Give *tag* as it is where it could be the name of a file, else its print."""
    return tag if _PLAIN.fullmatch(tag) else hashlib.sha256(tag.encode(errors="replace")).hexdigest()[:16]
