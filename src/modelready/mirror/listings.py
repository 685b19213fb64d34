"""What the Hub says of a repository in JSON: the repository itself, its tree, some of its paths."""

from __future__ import annotations

import base64
from bisect import bisect_right
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelready.mirror import cards

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelready.mirror.repos import Commit, Repository, ServedFile


def of_repository(repository: Repository, commit: Commit, *, with_blobs: bool) -> dict[str, Any]:
    """Describe a repository at a commit."""
    moment = _moment(commit)
    author, _, _ = repository.name.rpartition("/")
    return {
        "_id": commit.sha[:24],
        "id": repository.name,
        "modelId": repository.name,
        "author": author or None,
        "sha": commit.sha,
        "createdAt": moment,
        "lastModified": moment,
        "private": repository.access.is_private,
        "gated": repository.access.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "usedStorage": sum(file.size for file in commit.files.values()),
        "siblings": [_sibling(file, with_blobs=with_blobs) for file in commit.files.values()],
    } | cards.of_commit(commit)


def of_paths(commit: Commit, paths: Iterable[str], *, is_expanded: bool) -> list[dict[str, Any]]:
    """Describe the files and folders among *paths*; what is not there is passed over."""
    known = (path.strip("/") for path in paths)
    return [_entry(commit, path, is_expanded=is_expanded) for path in known if path and _has(commit, path)]


def of_tree(commit: Commit, paths: Sequence[str], *, is_expanded: bool) -> list[dict[str, Any]]:
    """Describe *paths*, all of which the commit has."""
    return [_entry(commit, path, is_expanded=is_expanded) for path in paths]


def paths_under(commit: Commit, folder: str, *, is_recursive: bool) -> list[str] | None:
    """List what lies in *folder* ("" is all), folders first; None when there is no such folder."""
    if folder and folder not in commit.folders:
        return None
    inside = f"{folder}/" if folder else ""
    found = [
        [path for path in sorted(names) if path and path.startswith(inside)] for names in (commit.folders, commit.files)
    ]
    return [path for names in found for path in names if is_recursive or "/" not in path[len(inside) :]]


def page(paths: Sequence[str], commit: Commit, *, after: str | None, limit: int) -> tuple[list[str], str | None]:
    """Give the paths that follow the cursor, and the cursor of the next page if there is one."""
    order = [(path in commit.files, path) for path in paths]
    first = 0 if after is None else bisect_right(order, _read_cursor(after))
    chosen = list(paths[first : first + limit])
    return chosen, _cursor(order[first + limit - 1]) if first + limit < len(paths) else None


def _cursor(last: tuple[bool, str]) -> str:
    return base64.urlsafe_b64encode(f"{int(last[0])}{last[1]}".encode()).decode()


def _read_cursor(text: str) -> tuple[bool, str]:
    last = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode()
    return bool(int(last[:1])), last[1:]


def _has(commit: Commit, path: str) -> bool:
    return path in commit.files or path in commit.folders


def _entry(commit: Commit, path: str, *, is_expanded: bool) -> dict[str, Any]:
    file = commit.files.get(path)
    entry = _file(file) if file else {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
    if is_expanded:
        entry["lastCommit"] = {"id": commit.sha, "title": "served", "date": _moment(commit)}
    if is_expanded and file:
        entry["securityFileStatus"] = {"status": "unscanned", "avScan": None, "pickleImportScan": None}
    return entry


def _file(file: ServedFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": file.blob_id, "size": file.size, "path": file.path}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.etag, "size": file.size, "pointerSize": file.pointer_size}
    return entry


def _sibling(file: ServedFile, *, with_blobs: bool) -> dict[str, Any]:
    if not with_blobs:
        return {"rfilename": file.path}
    sibling: dict[str, Any] = {"rfilename": file.path, "size": file.size, "blobId": file.blob_id}
    if file.is_lfs:
        sibling["lfs"] = {"sha256": file.etag, "size": file.size, "pointerSize": file.pointer_size}
    return sibling


def _moment(commit: Commit) -> str:
    return datetime.fromtimestamp(commit.modified_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
