"""
Messages that pose as a model: error pages, LFS pointers, JSON and XML errors, logins of a captive portal.

A file is judged by its first bytes in regard to what its extension promises: a page named ``.html`` is what it says.
"""

from __future__ import annotations

import html
import json
import re
import zlib
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: How much is read of a file that looks like a model.
HEAD_BYTES = 1024
#: A JSON error longer than this is no error.
_LONGEST_JSON = 65_536


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PAGES = _set(".html .htm .xhtml .xht .md .markdown .rst .xml .svg .ipynb")
_MARKUP = _PAGES - {".md", ".markdown", ".rst", ".ipynb"} | {".plist"}
_JSON = _set(".json .jsonl .ndjson .webmanifest .ipynb")
_ZIPPED = _set(".gz .tgz .gzip .svgz .z")
#: Formats that begin with bytes of their own: text of any kind is wrong there.
_BINARY = _set(
    ".safetensors .sft .gguf .ggml .onnx .pt .pt2 .pth .ckpt .npy .npz .h5 .hdf5 .keras .tflite .engine .plan "
    ".zip .7z .tar .gz .tgz .png .jpg .jpeg .webp .gif .wav .flac .mp3 .mp4 .parquet .arrow"
)
#: Text of some kind is conceivable there, a page is not.
_OPAQUE = _BINARY | _set(".bin .model .spm .pkl .pickle .joblib .msgpack .pb .dat .data .engine .mlmodel")
_TEXTS = (
    _PAGES
    | _JSON
    | _set(".txt .yaml .yml .toml .ini .cfg .csv .tsv .py .js .css .jinja .jinja2 .j2 .sh .tex .bib .log")
    | {""}
)

_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
    rb"<(?:!doctype\s+html|(?:html|head|body|script|meta|title|iframe|form|center|noscript)\b)",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE_PAGE = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\b|\s*<Error\b")
_XML_ERROR = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?Error(?:Response)?\b")
_XML_CODE = re.compile(rb"<Code>([^<]{1,60})</Code>")
_POINTER = re.compile(rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v\d\r?\n")
_PHRASE = re.compile(
    rb"\s*(?:error:?\s*)?(?:(?:http\s*)?[45]\d\d[:\s-]+)?(?P<phrase>"
    rb"entry not found|repository not found|revision not found|invalid username or password|"
    rb"invalid credentials in authorization header|access to (?:model|dataset|this) .{0,200}?restricted|"
    rb"access denied|accessdenied|not found|page not found|forbidden|unauthorized|unauthorised|bad request|"
    rb"bad gateway|service unavailable|(?:service )?temporarily unavailable|gateway time-?out|request time-?out|"
    rb"internal server error|too many requests|rate limit(?:ed| exceeded)|gone|link expired|signature expired|"
    rb"authentication required|login required|quota exceeded|upstream (?:connect|request).{0,80}"
    rb")\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ERROR_KEYS = _set("error errors error_message errormessage fault exception")
_COMPANIONS = _ERROR_KEYS | _set(
    "message detail details code status statuscode status_code error_code errorcode errortype error_type "
    "error_description reason title type success ok timestamp time path url instance requestid request_id "
    "documentation_url trace_id"
)


def message_in(path: Path) -> str | None:
    """
    Say what the file is, if it is a message instead of what its name promises; None, if it may be genuine.

    Raises: OSError, where it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        rest = partial(file.read, _LONGEST_JSON)
        return _judged(head, path.suffix.lower(), rest)


def is_binary(path: Path) -> bool:
    """Tell whether the name promises a format that begins with bytes of its own, so that it is never empty or text."""
    return path.suffix.lower() in _BINARY


def _judged(head: bytes, suffix: str, rest: Callable[[], bytes]) -> str | None:
    if suffix not in _ZIPPED and head.startswith(b"\x1f\x8b"):
        return _zipped(head, suffix)
    text = _as_utf8(head)
    return (
        _pointer(text)
        or _http(text)
        or _page(text, suffix)
        or _xml(text, suffix)
        or _json(text, suffix, rest)
        or _phrase(text, suffix)
    )


def _as_utf8(head: bytes) -> bytes:
    """Give *head* without a byte order mark, and in UTF-8 where it is plainly UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return head.removeprefix(b"\xef\xbb\xbf")


def _pointer(head: bytes) -> str | None:
    if not _POINTER.match(head):
        return None
    size = re.search(rb"^size (\d{1,19})\r?$", head, re.MULTILINE)
    return "a git-LFS pointer" + (f" to {int(size[1]):,} bytes that were never fetched" if size else "")


def _http(head: bytes) -> str | None:
    return "an HTTP answer with its headers" if re.match(rb"HTTP/\d(?:\.\d)? \d{3}\b", head) else None


def _page(head: bytes, suffix: str) -> str | None:
    if suffix in _PAGES or suffix == "" or not (start := _HTML.match(head)):
        return None
    # A vocabulary may begin with "<head>".
    if suffix not in _OPAQUE and not _WHOLE_PAGE.search(start.group()):
        return None
    title = _TITLE.search(head)
    words = " ".join(html.unescape(title[1].decode("utf-8", "replace")).split()) if title else ""
    return f"an HTML page, titled {words[:80]!r}" if words else "an HTML page"


def _xml(head: bytes, suffix: str) -> str | None:
    if _XML_ERROR.match(head) and suffix not in _MARKUP - {".xml"}:
        code = _XML_CODE.search(head)
        return "an XML error" + (f" ({code[1].decode('utf-8', 'replace')})" if code else "")
    return "an XML document" if suffix in _BINARY and _XML.match(head) else None


def _json(head: bytes, suffix: str, rest: Callable[[], bytes]) -> str | None:
    if not re.match(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])', head):
        return None
    if (error := _json_error(head, rest)) is not None:
        return f"a JSON error: {error}" if error else "a JSON error"
    return "JSON text" if suffix in _BINARY and _is_text(head) else None


def _json_error(head: bytes, rest: Callable[[], bytes]) -> str | None:
    """Give the words of a JSON document that is an error and nothing else; None if it is not."""
    if not re.search(rb'"(?:error|fault|exception|message|detail|code|status)', head, re.IGNORECASE):
        return None
    text = head if len(head) < HEAD_BYTES else head + rest()
    try:
        found = json.loads(text) if len(text) <= _LONGEST_JSON else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not _is_error({key.lower(): value for key, value in found.items()}):
        return None
    words = next((value for value in found.values() if isinstance(value, str) and value), "")
    return repr(words[:80]) if words else ""


def _is_error(found: dict[str, object]) -> bool:
    if not found or not found.keys() <= _COMPANIONS:
        return False
    if any(_is_telling(found.get(key)) for key in _ERROR_KEYS):
        return True
    words = [found.get(key) for key in ("message", "detail", "title", "reason")]
    is_coded = any(_is_failure(found.get(key)) for key in ("code", "status", "statuscode", "status_code"))
    is_refusal = is_coded or any(found.get(key) is False for key in ("success", "ok"))
    return any(isinstance(one, str) and (is_refusal or _PHRASE.match(one.encode("utf-8", "ignore"))) for one in words)


def _is_failure(code: object) -> bool:
    return re.fullmatch(r"[45]\d\d|error|fail(?:ed|ure)?", str(code), re.IGNORECASE) is not None


def _is_telling(value: object) -> bool:
    """Tell whether *value* says what went wrong; a number could be a measured error."""
    return isinstance(value, str | dict | list | bool) and bool(value)


def _phrase(head: bytes, suffix: str) -> str | None:
    found = _PHRASE.match(head)
    if found is None or not _is_text(head):
        return None
    # A text may begin with such words; it is a message only if it says nothing else.
    if suffix not in _BINARY and (len(head) >= HEAD_BYTES or not _is_last_word(found["rest"])):
        return None
    return f"the message {' '.join(found.group().decode('utf-8', 'replace').split())[:80]!r}"


def _is_last_word(rest: bytes) -> bool:
    return len(rest.strip().splitlines()) <= 1 and len(rest) < 200  # noqa: PLR2004 - a sentence


def _is_text(head: bytes) -> bool:
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", head)


def _zipped(head: bytes, suffix: str) -> str | None:
    """Look into a file that a server sent gzip-encoded and nobody unpacked."""
    try:
        inner = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        inner = b""
    if found := _judged(inner, suffix, bytes):
        return f"gzip-encoded: {found}"
    return "gzip-encoded and was never unpacked" if suffix in (_TEXTS | _BINARY) - {"", ".tar"} else None
