"""CivitAI: its API tells the files of a version, and asking for the first byte tells how long each one is."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from modelready import __version__
from modelready.errors import (
    DigestMismatch,
    Gated,
    ModelreadyError,
    Offline,
    RequestError,
    ServerFault,
    SourceError,
)
from modelready.model import Digest, Manifest, ManifestFile
from modelready.network import headers, reasons, streams, words
from modelready.network.access import Access
from modelready.network.faults import Passing
from modelready.rules import rule_for
from modelready.sources import civitai_versions as versions
from modelready.sources.asking import Asker, Refused
from modelready.sources.civitai_refusals import Refusals, page

if TYPE_CHECKING:
    import threading

    from modelready.environment import Settings
    from modelready.model import Model
    from modelready.network.http import Reply
    from modelready.sources.civitai_versions import VersionFile

_FIRST_BYTE = {"Range": "bytes=0-0"}
_TOLD_BY = "CivitAI"


class CivitaiSource:
    """Resolves versions through CivitAI's API; the token goes there, and never to the host that it redirects to."""

    def __init__(self, settings: Settings, stop: threading.Event | None = None) -> None:
        self._settings = settings
        self._access = Access(
            endpoint=settings.civitai_endpoint,
            token=settings.civitai_token or None,
            user_agent=f"modelready/{__version__}",
            timeout_s=settings.read_timeout_s,
            max_retries=settings.max_retries,
            token_name=settings.civitai_token_name,
            endpoint_name="CIVITAI_ENDPOINT",
            meaning=Refusals(settings.civitai_endpoint, settings.civitai_token, settings.civitai_token_name),
        )
        self._asker = Asker(replace(self._access, timeout_s=settings.metadata_timeout_s), stop)

    def access(self) -> Access:
        """Give how CivitAI's files are asked for."""
        return self._access

    def resolve(self, model: Model, revision: str | None = None) -> Manifest:  # noqa: ARG002 - a version never moves
        """
        Give the files of the version that *model* means. Its revision is the version's id; files are told by sha256.

        Raises: NotFound, Gated, Unauthorised, RateLimited, Offline, Stalled, ServerFault, RequestError, DigestMismatch.
        """
        self._check_may_ask(model)
        try:
            files = tuple(self._file(model, one) for one in versions.choose(model, self._listed(model)))
        except (SourceError, RequestError, DigestMismatch) as error:
            raise _about(model, error) from error.__cause__
        return Manifest(source=model.source.text, revision=model.source.address, files=files)

    def _check_may_ask(self, model: Model) -> None:
        token, name = self._settings.civitai_token, self._settings.civitai_token_name
        if self._settings.is_offline:
            raise Offline(
                f"{model.name}: {model.source.text} has to be asked for, and HF_HUB_OFFLINE forbids the network",
                remedy="unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE) to provision",
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise RequestError(f"{name} holds characters no token has", remedy="set it anew, without quotes or spaces")
        if model.gated and not token:
            where = reasons.host(self._access.endpoint)
            raise Gated(
                f"{model.name}: {model.source.text} is gated, and there is no token",
                remedy=f"set {name} to an API key of an account at {where} that may load it",
            )

    def _listed(self, model: Model) -> tuple[VersionFile, ...]:
        version = model.source.address
        url = f"{self._access.endpoint}/api/v1/model-versions/{version}"
        try:
            return versions.read(self._asker.ask(url).json, version)
        except Refused as refused:
            what = f"{reasons.host(url)} answers {refused.status} for version {version}"
            raise ServerFault(what, remedy="provision again later, or check CIVITAI_ENDPOINT") from None
        except versions.Unlike as error:
            raise ServerFault(
                f"{reasons.host(url)} answers for version {version} without {error}",
                remedy="check CIVITAI_ENDPOINT: this does not speak like CivitAI",
            ) from error

    def _file(self, model: Model, one: VersionFile) -> ManifestFile:
        # The address that the API lists selects by type and format, and answers 404 where several files have the same.
        url = f"{self._access.endpoint}/api/download/models/{model.source.address}?fileId={one.id}"
        _check_digest(model, one)
        size = self._asker.put(url, _FIRST_BYTE, lambda reply, _: _measure(reply, one))
        _check_size(model, one, size)
        digests = (Digest("sha256", one.sha256, _TOLD_BY),) if one.sha256 else ()
        return ManifestFile(one.name, size, digests, url=url)


def _measure(reply: Reply, one: VersionFile) -> int | None:
    """Give the size of the file whose first byte *reply* carries: HEAD is mishandled there."""
    response = reply.response
    if words.is_page(response):
        raise Passing(page(reply, words.title(words.beginning(response))), is_answer=True)
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        found = headers.content_range(response.headers.get("Content-Range"))
        return found.total if found else None
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return headers.unsatisfied_total(response.headers.get("Content-Range"))
    if response.status_code != HTTPStatus.OK:
        raise ServerFault(
            f"{reasons.host(reply.url)} answers {response.status_code} for {one.name}, where {_TOLD_BY} sends for it",
            remedy="provision again later, or choose another version",
        )
    return None if streams.is_coded(response) else headers.count(response.headers.get("Content-Length"))


def _check_digest(model: Model, one: VersionFile) -> None:
    """Refuse before gigabytes travel what the catalog would refuse after them."""
    rule = rule_for(model, one.name)
    wanted = next((digest.hex for digest in (rule.digests if rule else ()) if digest.algorithm == "sha256"), None)
    if wanted and one.sha256 and wanted != one.sha256:
        raise DigestMismatch(
            f"{one.name}: {_TOLD_BY} has a file of sha256 {one.sha256[:12]}…, the catalog says {wanted[:12]}…",
            remedy="look at what changed there, then correct the catalog",
        )


def _check_size(model: Model, one: VersionFile, size: int | None) -> None:
    """Refuse another file than the one listed, where neither a digest nor the catalog will tell."""
    rule = rule_for(model, one.name)
    is_known = one.sha256 or (rule and (rule.digests or rule.size is not None))
    if size is not None and not is_known and one.differs_from(size):
        raise ServerFault(
            f"{one.name}: its host has {size} bytes, {_TOLD_BY} lists about {one.size_kb:.0f} KiB and no digest",
            remedy="look at the model's page; if it is right all the same, name the size or sha256 in the catalog",
        )


def _about(model: Model, error: ModelreadyError) -> ModelreadyError:
    """Give *error* with the name of the model, and of its source."""
    where = "" if model.source.text in error.what else f"{model.source.text}: "
    return type(error)(f"{model.name}: {where}{error.what}", remedy=error.remedy)
