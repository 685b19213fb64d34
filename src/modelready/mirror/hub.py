"""What a well-behaved Hub answers to each call."""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, quote, urlencode

from modelready.mirror import listings
from modelready.mirror.answers import Answer, Stored, of_json, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.mirror.cas import Xet
    from modelready.mirror.repos import Commit, Repository, ServedFile, Shelf
    from modelready.mirror.routes import Asked, Call

_EXPANDED_PAGE = 50


class Elsewhere(Protocol):
    """A place that gives a file's bytes instead of the Hub."""

    def address(self, repo: str, file: ServedFile, asked: Asked) -> str:
        """Give the URL where *file* is to be fetched."""
        ...


class _Refused(Exception):
    """Ends a call with a refusal; never leaves this module."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.status)


class Hub:
    """A Hub over a shelf of repositories; *token* opens those that have none of their own."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        page_size: int,
        token: str | None = None,
        cdn: Elsewhere | None = None,
        xet: Xet | None = None,
    ) -> None:
        self._shelf, self._page_size, self._token, self._cdn, self._xet = shelf, page_size, token, cdn, xet
        self._calls: dict[str, Callable[[Asked, Call], Answer]] = {
            "revision": self._about,
            "tree": self._tree,
            "paths": self._paths,
            "head": self._resolve,
            "get": self._resolve,
            "whoami": self._whoami,
            "harnesses": _harnesses,
        }
        if xet is not None:
            self._calls["xet-token"] = self._xet_token

    def answer(self, asked: Asked, call: Call) -> Answer:
        """Answer one call."""
        if call.kind not in self._calls:
            return refusal(HTTPStatus.NOT_FOUND, "Sorry, we can't find the page you are looking for.")
        if asked.method not in (("POST",) if call.kind == "paths" else ("GET", "HEAD")):
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{asked.method} is not allowed here")
        try:
            return self._calls[call.kind](asked, call)
        except _Refused as refused:
            return refused.answer

    def _about(self, asked: Asked, call: Call) -> Answer:
        repository, commit = self._commit(asked, call)
        return of_json(listings.of_repository(repository, commit, with_blobs=_is_true(call.query.get("blobs"))))

    def _tree(self, asked: Asked, call: Call) -> Answer:
        repository, commit = self._commit(asked, call)
        paths = listings.paths_under(commit, call.path, is_recursive=_is_true(call.query.get("recursive")))
        if paths is None:
            raise _Refused(_no_entry(call))
        is_expanded = _is_true(call.query.get("expand"))
        try:
            limit = self._limit(call.query.get("limit"), is_expanded=is_expanded)
            chosen, cursor = listings.page(paths, commit, after=call.query.get("cursor"), limit=limit)
        except ValueError:
            raise _Refused(refusal(HTTPStatus.BAD_REQUEST, "Invalid limit or cursor")) from None
        headers = {"X-Repo-Commit": commit.sha}
        if cursor is not None:
            headers["Link"] = f'<{_next_page(asked, call, cursor)}>; rel="next"'
        entries = listings.of_tree(commit, chosen, is_expanded=is_expanded)
        return of_json(self._with_hashes(repository, commit, entries), headers=headers)

    def _limit(self, asked: str | None, *, is_expanded: bool) -> int:
        most = min(self._page_size, _EXPANDED_PAGE) if is_expanded else self._page_size
        return max(1, min(int(asked), most)) if asked else most

    def _paths(self, asked: Asked, call: Call) -> Answer:
        repository, commit = self._commit(asked, call)
        try:
            paths, is_expanded = _asked_paths(asked)
        except (ValueError, AttributeError):
            raise _Refused(refusal(HTTPStatus.BAD_REQUEST, "Invalid body: paths and expand are expected")) from None
        entries = listings.of_paths(commit, paths, is_expanded=is_expanded)
        return of_json(self._with_hashes(repository, commit, entries))

    def _with_hashes(
        self, repository: Repository, commit: Commit, entries: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Add to the entries of large files the hashes by which Xet knows them."""
        for entry in entries if self._xet else ():
            file = commit.files.get(entry["path"])
            if self._xet and file and (xet_hash := self._xet.hashes.of(repository, commit, file)):
                entry["xetHash"] = xet_hash
        return entries

    def _resolve(self, asked: Asked, call: Call) -> Answer:
        repository, commit = self._commit(asked, call)
        self._check_licence(repository, asked)
        file = commit.files.get(call.path)
        if file is None or file.place is None:
            raise _Refused(_no_entry(call).with_headers(X_Repo_Commit=commit.sha))
        headers = _file_headers(file, commit)
        if self._xet is not None:
            headers |= self._xet.headers(repository, commit, file, asked)
        if self._cdn is not None and file.is_lfs:
            location = self._cdn.address(repository.name, file, asked)
            return Answer(HTTPStatus.FOUND, {**headers, "Location": location})
        return file_answer(file, headers)

    def _xet_token(self, asked: Asked, call: Call) -> Answer:
        repository, _ = self._commit(asked, call)
        self._check_licence(repository, asked)
        assert self._xet is not None  # noqa: S101 - else there is no such call
        return self._xet.token(asked)

    def _whoami(self, asked: Asked, _: Call) -> Answer:
        tokens = [self._token, *(repository.access.token for repository in self._shelf)]
        if not any(_opens(asked.bearer, token) for token in tokens):
            return refusal(HTTPStatus.UNAUTHORIZED, "Invalid credentials in Authorization header")
        token = {"displayName": "mirror", "role": "read"}
        return of_json({"type": "user", "name": "mirror", "orgs": [], "auth": {"accessToken": token}})

    def _commit(self, asked: Asked, call: Call) -> tuple[Repository, Commit]:
        repository = self._repository(asked, call)
        commit = repository.find(call.revision)
        if commit is None:
            raise _Refused(refusal(HTTPStatus.NOT_FOUND, f"Invalid rev id: {call.revision}", "RevisionNotFound"))
        return repository, commit

    def _repository(self, asked: Asked, call: Call) -> Repository:
        repository = self._shelf.find(call.repo)
        if repository is None and (new := self._shelf.moved_to(call.repo)):
            raise _Refused(_moved(asked, call, new))
        if repository is None or (repository.access.is_private and not self._is_open(repository, asked)):
            # Without a token the Hub does not say whether a repository is private or absent.
            status = HTTPStatus.UNAUTHORIZED if asked.bearer is None else HTTPStatus.NOT_FOUND
            raise _Refused(refusal(status, "Repository not found", "RepoNotFound"))
        return repository

    def _check_licence(self, repository: Repository, asked: Asked) -> None:
        if not repository.access.gated or self._is_open(repository, asked):
            return
        restricted = f"Access to model {repository.name} is restricted"
        if asked.bearer is None:
            message = f"{restricted}. You must have access to it and be authenticated to access it. Please log in."
            raise _Refused(refusal(HTTPStatus.UNAUTHORIZED, message, "GatedRepo"))
        message = f"{restricted} and you are not in the authorized list. Visit its page to ask for access."
        raise _Refused(refusal(HTTPStatus.FORBIDDEN, message, "GatedRepo"))

    def _is_open(self, repository: Repository, asked: Asked) -> bool:
        return _opens(asked.bearer, repository.access.token or self._token)


def file_answer(file: ServedFile, headers: dict[str, str]) -> Answer:
    """Answer with a file, whole; with a conflict when it is not the file that was added any more."""
    if file.place is None or not file.is_unchanged():
        message = f"{file.path} changed on disk since it was added to the mirror: add its repository again"
        return refusal(HTTPStatus.CONFLICT, message)
    headers = {**headers, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    return Answer(HTTPStatus.OK, headers, (Stored(file.place, 0, file.size),), is_file=True)


def _file_headers(file: ServedFile, commit: Commit) -> dict[str, str]:
    name = file.path.rpartition("/")[2]
    headers = {
        "X-Repo-Commit": commit.sha,
        "ETag": f'"{file.etag}"',
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name)}; filename=\"{quote(name)}\";",
    }
    if file.is_lfs:
        headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
    return headers


def _asked_paths(asked: Asked) -> tuple[list[str], bool]:
    if "json" in asked.headers.get("content-type", ""):
        content = json.loads(asked.body)
        paths = content.get("paths", [])
        return [str(path) for path in ([paths] if isinstance(paths, str) else paths)], bool(content.get("expand"))
    form = parse_qs(asked.body.decode(), keep_blank_values=True)
    return form.get("paths", []), _is_true(form.get("expand", ["false"])[-1])


def _next_page(asked: Asked, call: Call, cursor: str) -> str:
    query = urlencode({**call.query, "cursor": cursor})
    return f"http://{asked.headers.get('host', 'localhost')}{asked.target.partition('?')[0]}?{query}"


def _moved(asked: Asked, call: Call, new: str) -> Answer:
    path, mark, query = asked.target.partition("?")
    parts = path.split("/")
    first = 3 if parts[1] == "api" else 1
    parts[first : first + call.repo.count("/") + 1] = [quote(new)]
    location = "/".join(parts) + mark + query
    return Answer(HTTPStatus.TEMPORARY_REDIRECT, {"Location": location, "Content-Type": "text/plain"})


def _no_entry(call: Call) -> Answer:
    return refusal(HTTPStatus.NOT_FOUND, f"Entry not found: {call.path}", "EntryNotFound")


def _harnesses(_asked: Asked, _call: Call) -> Answer:
    return of_json({"standardEnvVars": [], "harnesses": {}})


def _opens(bearer: str | None, token: str | None) -> bool:
    return bearer is not None and token is not None and hmac.compare_digest(bearer.encode(), token.encode())


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in {"true", "1"}
