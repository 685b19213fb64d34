"""The Hugging Face Hub: one listing of a repository's tree is all that has to be asked."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from modelready import __version__
from modelready.environment import is_true
from modelready.errors import Gated, NotFound, Offline, Renamed, RequestError, ServerFault, Unauthorised
from modelready.model import HEX_LENGTHS, About, Digest, Manifest, ManifestFile
from modelready.network.access import Access
from modelready.sources.asking import Answer, Asker, Refused

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from modelready.environment import Settings
    from modelready.errors import SourceError
    from modelready.model import Model

#: Pages of a listing hold 1,000 entries; a listing longer than this is no repository.
_MOST_PAGES = 1000
_GATED, _NO_REPOSITORY, _NO_REVISION = "GatedRepo", "RepoNotFound", "RevisionNotFound"


class HubSource:
    """Resolves repositories through the Hub's API, each call with a time-out and retries."""

    def __init__(self, settings: Settings, stop: threading.Event | None = None) -> None:
        self._settings = settings
        self._access = Access(
            endpoint=settings.hf_endpoint,
            token=_token(),
            user_agent=f"modelready/{__version__}",
            timeout_s=settings.read_timeout_s,
            max_retries=settings.max_retries,
        )
        self._asker = Asker(replace(self._access, timeout_s=settings.metadata_timeout_s), stop)

    def access(self) -> Access:
        """Give how the Hub's files are asked for."""
        return self._access

    def resolve(self, model: Model, revision: str | None = None) -> Manifest:
        """
        Give every file of the repository at *revision*, by default the catalog's.

        Raises: NotFound, Gated, Unauthorised, RateLimited, Renamed, Offline, Stalled, ServerFault.
        """
        if self._settings.is_offline:
            raise Offline(
                f"{model.name}: {model.source.text} has to be asked, and HF_HUB_OFFLINE forbids it",
                remedy="unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE) to provision",
            )
        if model.gated and not self._access.token:
            raise self._gated(model)
        repo, wanted = model.source.address, revision or model.source.revision
        commit = wanted if _is_commit(wanted) else self._commit(model, repo, wanted)
        files = tuple(self._files(model, repo, commit))
        return Manifest(source=model.source.text, revision=commit, files=files)

    def about(self, model: Model) -> About | None:
        """
        Give licence, gate and newest commit of the repository as it is now; None where the endpoint does not tell.

        Raises: Gated, Unauthorised, RateLimited, Offline, Stalled, ServerFault.
        """
        try:
            told = self._ask(model, f"/api/models/{model.source.address}").json
        except NotFound:  # a mirror that serves files and listings only
            return None
        return _about(told) if isinstance(told, dict) else None

    def _commit(self, model: Model, repo: str, revision: str) -> str:
        answer = self._ask(model, f"/api/models/{repo}/revision/{quote(revision, safe='')}").json
        commit = answer.get("sha") if isinstance(answer, dict) else None
        if not isinstance(commit, str) or not _is_commit(commit):
            raise ServerFault(
                f"{model.name}: {self._access.endpoint} gives no commit for {repo} at {revision}",
                remedy="check HF_ENDPOINT: this does not speak like a Hub",
            )
        return commit

    def _files(self, model: Model, repo: str, commit: str) -> Iterator[ManifestFile]:
        path = f"/api/models/{repo}/tree/{commit}?recursive=true&expand=false"
        seen: set[str] = set()
        while path not in seen and len(seen) < _MOST_PAGES:
            seen.add(path)
            answer = self._ask(model, path)
            entries = answer.json
            if not isinstance(entries, list):
                raise ServerFault(
                    f"{model.name}: {self._access.endpoint} gives no listing of {repo}",
                    remedy="check HF_ENDPOINT: this does not speak like a Hub",
                )
            yield from (self._file(model, repo, commit, one) for one in entries if not _is_folder(one))
            if answer.next_page is None:
                return
            path = answer.next_page
        raise ServerFault(f"{model.name}: the listing of {repo} does not end", remedy="check HF_ENDPOINT")

    def _file(self, model: Model, repo: str, commit: str, entry: dict[str, Any]) -> ManifestFile:
        try:
            return self._read_entry(repo, commit, entry)
        except (KeyError, TypeError, ValueError) as error:
            raise ServerFault(
                f"{model.name}: {self._access.endpoint} lists a file of {repo} without {error}",
                remedy="check HF_ENDPOINT: this does not speak like a Hub",
            ) from error

    def _read_entry(self, repo: str, commit: str, entry: dict[str, Any]) -> ManifestFile:
        path, blob_id, lfs = entry["path"], entry["oid"], entry.get("lfs")
        size = int(lfs["size"] if lfs else entry["size"])
        digest = Digest("sha256", lfs["oid"], "the Hub") if lfs else Digest("git_sha1", blob_id, "the Hub")
        # Digests become names of files in the cache: what is none must not get there.
        is_whole = _is_hex(digest.hex, HEX_LENGTHS[digest.algorithm]) and _is_hex(blob_id, HEX_LENGTHS["git_sha1"])
        if not isinstance(path, str) or not is_whole or size < 0:
            raise ValueError(f"a path, size and digest ({path!r})")
        url = f"{self._access.endpoint}/{repo}/resolve/{commit}/{quote(path)}"
        xet_hash = entry.get("xetHash")
        if not _is_hex(xet_hash, HEX_LENGTHS["sha256"]):
            xet_hash = None
        return ManifestFile(path, size, (digest,), xet_hash=xet_hash, url=url, blob_id=blob_id)

    def _ask(self, model: Model, path: str) -> Answer:
        url = urljoin(f"{self._access.endpoint}/", path.lstrip("/")) if path.startswith("/") else path
        try:
            reply = self._asker.ask(url)
        except Refused as refused:
            raise self._meaning(model, refused) from None
        if moved := _other_name(model.source.address, urlsplit(reply.url).path):
            raise Renamed(
                f"{model.name}: {model.source.address} is called {moved} now",
                remedy=f'write source = "hf:{moved}@…" in the catalog, after a look at who owns it',
            )
        return reply

    def _meaning(self, model: Model, refused: Refused) -> SourceError:
        """Say what it means that the Hub refused."""
        repo, revision = model.source.address, model.source.revision
        what = f"{model.name}: {self._access.endpoint} answers {refused.status} for {repo}"
        if refused.code == _GATED:
            return self._gated(model)
        if refused.code == _NO_REVISION:
            return NotFound(f"{what}: no revision {revision}", remedy="correct the revision in the catalog")
        if refused.code == _NO_REPOSITORY or refused.status in {401, 404}:
            if self._access.token:
                return NotFound(
                    f"{what}: no such repository, or the token may not see it",
                    remedy="correct the name in the catalog, or give the token in HF_TOKEN access to it",
                )
            return NotFound(
                f"{what}: no such repository, or it is private and no token was sent",
                remedy="correct the name in the catalog, or set HF_TOKEN",
            )
        if refused.status == 403:  # noqa: PLR2004 - forbidden
            return Unauthorised(f"{what}: the token may not read it", remedy="set HF_TOKEN to one that may")
        return ServerFault(what, remedy="try again later, or check HF_ENDPOINT")

    def _gated(self, model: Model) -> Gated:
        page = f"{self._access.endpoint}/{model.source.address}"
        if self._access.token:
            return Gated(
                f"{model.name}: {model.source.address} is gated, and the token of HF_TOKEN has no access",
                remedy=f"accept its licence at {page} with the token's account (fine-grained: tick gated repositories)",
            )
        return Gated(
            f"{model.name}: {model.source.address} is gated, and no token was found",
            remedy=f"accept its licence at {page}, then set HF_TOKEN",
        )


def _about(told: dict[str, Any]) -> About:
    gated, head = told.get("gated"), told.get("sha")
    return About(
        licence=_licence(told),
        gated=None if gated is None else bool(gated),
        head=head if isinstance(head, str) and _is_commit(head) else "",
    )


def _licence(told: dict[str, Any]) -> str:
    """Give the licence that a repository's card names; ``other`` has a name of its own, or says nothing."""
    card, tags = told.get("cardData"), told.get("tags")
    card = card if isinstance(card, dict) else {}
    named = card.get("license") or next(
        (tag.removeprefix("license:") for tag in tags or () if isinstance(tag, str) and tag.startswith("license:")), ""
    )
    names = [one for one in (named if isinstance(named, list) else [named]) if isinstance(one, str) and one]
    if [name.lower() for name in names] == ["other"]:
        names = [name for name in [card.get("license_name")] if isinstance(name, str)]
    return ", ".join(names)[:200]


def _token() -> str | None:
    """Give the token that huggingface_hub would send."""
    from huggingface_hub import get_token  # noqa: PLC0415 - only where something is asked for

    if is_true(os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN")):
        return None
    token = get_token()
    if token is not None and not (token.isascii() and token.isprintable()):
        raise RequestError("HF_TOKEN holds characters no token has", remedy="set it anew, without quotes or line ends")
    return token


def _is_commit(revision: str) -> bool:
    return _is_hex(revision, HEX_LENGTHS["git_sha1"])


def _is_hex(text: object, length: int) -> bool:
    return isinstance(text, str) and len(text) == length and set(text) <= set("0123456789abcdef")


def _is_folder(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("type") != "file"


def _other_name(repo: str, path: str) -> str | None:
    """Give the repository that *path* of the API speaks of, where it is not *repo*."""
    parts = path.split("/api/models/", 1)[-1].split("/")
    name = "/".join(parts[: repo.count("/") + 1]) if "/api/models/" in path else repo
    return name if name.lower() != repo.lower() else None
