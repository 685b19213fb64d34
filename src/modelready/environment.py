"""What the environment says: where state, caches and models lie, and how the network may be used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from modelready.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Found = TypeVar("Found")

_TRUE = frozenset({"1", "true", "yes", "on"})
_HUB = "https://huggingface.co"
_CIVITAI = "https://civitai.com"
#: Where the key for CivitAI may stand; the first that is set counts.
_CIVITAI_TOKENS = ("CIVITAI_TOKEN", "CIVITAI_API_KEY")
_ADDRESS = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?", re.IGNORECASE)
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Settings:
    """The environment variables of modelready and huggingface_hub, read once. Times are in seconds."""

    home: Path
    models_dir: Path
    hf_home: Path
    hf_cache: Path
    hf_endpoint: str = _HUB
    metadata_timeout_s: float = 10
    read_timeout_s: float = 10
    max_retries: int = 5
    disabled_by: str = ""  # the variable that forbids downloads, if one does
    is_offline: bool = False
    is_xet_disabled: bool = False
    has_no_symlinks: bool = False  # HF_HUB_DISABLE_SYMLINKS
    civitai_endpoint: str = _CIVITAI
    civitai_token: str = field(default="", repr=False)
    civitai_token_name: str = _CIVITAI_TOKENS[0]  # the variable that holds it, or should


def read(environ: Mapping[str, str]) -> Settings:
    """
    Read the settings from *environ*.

    Raises: RequestError, for a number or an address that is none.
    """
    hf_home = _hf_home(environ)
    civitai_token_name = next((one for one in _CIVITAI_TOKENS if environ.get(one, "").strip()), _CIVITAI_TOKENS[0])
    return Settings(
        home=_home(environ),
        models_dir=Path(environ.get("MODELS_DIR") or "./models"),
        hf_home=hf_home,
        hf_cache=_hf_cache(environ, hf_home),
        hf_endpoint=_endpoint(environ, "HF_ENDPOINT", _HUB),
        metadata_timeout_s=_number(environ, "HF_HUB_ETAG_TIMEOUT", 10),
        read_timeout_s=_number(environ, "HF_HUB_DOWNLOAD_TIMEOUT", 10),
        max_retries=_number(environ, "HF_DOWNLOAD_MAX_RETRIES", 5),
        disabled_by="DISABLE_MODEL_DOWNLOADS" if is_true(environ.get("DISABLE_MODEL_DOWNLOADS")) else "",
        is_offline=is_true(environ.get("HF_HUB_OFFLINE")) or is_true(environ.get("TRANSFORMERS_OFFLINE")),
        is_xet_disabled=is_true(environ.get("HF_HUB_DISABLE_XET")),
        has_no_symlinks=is_true(environ.get("HF_HUB_DISABLE_SYMLINKS")),
        civitai_endpoint=_endpoint(environ, "CIVITAI_ENDPOINT", _CIVITAI),
        civitai_token=environ.get(civitai_token_name, "").strip(),
        civitai_token_name=civitai_token_name,
    )


def unraced(ask: Callable[[], Found]) -> Found:
    """
    Give what *ask* finds in the environment, also while another thread changes it.

    pytest names the running test in a variable, so walking through os.environ in a thread fails now and then.
    """
    while True:
        try:
            return ask()
        except (KeyError, RuntimeError):  # the variable was there when the walk began
            continue


def is_true(value: str | None) -> bool:
    """Tell whether *value* is one of the words that turn something on: true, 1, yes, on."""
    return (value or "").strip().lower() in _TRUE


def _home(environ: Mapping[str, str]) -> Path:
    if given := environ.get("MODELREADY_HOME"):
        return _of_user(given)
    import platformdirs  # noqa: PLC0415 - not needed where the variable is set

    return Path(platformdirs.user_state_dir("modelready", appauthor=False))


def _hf_home(environ: Mapping[str, str]) -> Path:
    """Give huggingface_hub's home: constants.HF_HOME says the same."""
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expanded(environ.get("HF_HOME") or f"{base}/huggingface", environ)


def _hf_cache(environ: Mapping[str, str], hf_home: Path) -> Path:
    """Give the Hub cache: constants.HF_HUB_CACHE says the same."""
    given = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    return _expanded(given, environ) if given else hf_home / "hub"


def _expanded(path: str, environ: Mapping[str, str]) -> Path:
    """Resolve ``$NAME``, ``${NAME}`` and ``~`` as huggingface_hub does, without looking at another environment."""
    named = re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: environ.get(found[1] or found[2], found[0]), path)
    home = environ.get("HOME")
    if home and (named == "~" or named.startswith("~/")):
        named = home + named[1:]
    return _of_user(named)


def _of_user(path: str) -> Path:
    """Resolve ``~``; where nobody knows a home (a user without a name, as containers have them) it stays."""
    return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111 - Path.expanduser() raises there


def _endpoint(environ: Mapping[str, str], name: str, default: str) -> str:
    given = (environ.get(name) or default).strip().rstrip("/")
    if not _ADDRESS.fullmatch(given):
        raise RequestError(
            f"{name}={given!r} is no address; expected something like {default}", remedy=f"correct or unset {name}"
        )
    return given


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    """Read a whole number: huggingface_hub, which reads the same variables, knows no other."""
    text = (environ.get(name) or "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise RequestError(
            f"{name}={text!r} is no whole number; expected something like {default}", remedy=f"correct or unset {name}"
        )
    return int(text)
