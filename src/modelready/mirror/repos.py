"""What is served: repositories, their commits and branches, and the files of each commit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from modelready.errors import RequestError
from modelready.mirror import gitobjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SHORTEST_SHA = 7


@dataclass(frozen=True)
class ServedFile:
    """One file of a commit; its digest is computed when first asked for, unless its keeper named it."""

    path: str
    place: Path | None  # None: the commit has it, this machine has not
    size: int
    is_lfs: bool
    modified_ns: int = 0
    named: str | None = None

    @cached_property
    def etag(self) -> str:
        """Give the sha256 of an LFS file, the git blob id of any other."""
        if self.named is not None or self.place is None:
            return self.named or ""
        return gitobjects.sha256(self.place) if self.is_lfs else gitobjects.blob_id(self.place, self.size)

    @cached_property
    def blob_id(self) -> str:
        """Give what git knows the file by: an LFS file's pointer, any other file itself."""
        return gitobjects.pointer_id(self.etag, self.size) if self.is_lfs else self.etag

    @property
    def pointer_size(self) -> int:
        """Give the length of an LFS file's pointer."""
        return len(gitobjects.pointer(self.etag, self.size))

    def is_unchanged(self) -> bool:
        """Tell whether the file on disk is still the one that was added."""
        if self.place is None:
            return False
        try:
            found = self.place.stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.modified_ns)


@dataclass(frozen=True)
class Commit:
    """The files of a repository at one commit, by path."""

    sha: str
    files: Mapping[str, ServedFile]

    @cached_property
    def folders(self) -> dict[str, str]:
        """Give the git tree id of every folder; the root is ""."""
        return gitobjects.tree_ids({path: file.blob_id for path, file in self.files.items()})

    @cached_property
    def modified_ns(self) -> int:
        """Give when the newest file was written."""
        return max((file.modified_ns for file in self.files.values()), default=0)


@dataclass(frozen=True)
class Access:
    """Who may read a repository: with *gated* or *is_private* only who brings the token."""

    gated: str | bool = False  # False, or "auto" or "manual" as the Hub says
    is_private: bool = False
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Repository:
    """A repository as it stands: every commit ever added, and where its branches point."""

    name: str
    access: Access
    commits: Mapping[str, Commit]
    branches: Mapping[str, str]

    def find(self, revision: str) -> Commit | None:
        """Give the commit of a branch, a full sha, or the beginning of just one sha."""
        if commit := self.commits.get(self.branches.get(revision, revision)):
            return commit
        if len(revision) < _SHORTEST_SHA:
            return None
        begun = [commit for sha, commit in self.commits.items() if sha.startswith(revision)]
        return begun[0] if len(begun) == 1 else None


class Shelf:
    """All repositories of a mirror, safe to change while they are served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._repositories: dict[str, Repository] = {}
        self._moved: dict[str, str] = {}

    def __iter__(self) -> Iterator[Repository]:
        with self._lock:
            return iter(tuple(self._repositories.values()))

    def add(self, name: str, commit: Commit, *, branches: tuple[str, ...], access: Access) -> None:
        """Put *commit* into the repository, new or not, and move the branches to it."""
        with self._lock:
            old = self._repositories.get(name) or Repository(name, access, {}, {})
            self._moved.pop(name, None)
            self._repositories[name] = Repository(
                name,
                access,
                {**old.commits, commit.sha: commit},
                {**old.branches, **dict.fromkeys(branches, commit.sha)},
            )

    def find(self, name: str) -> Repository | None:
        """Give the repository of that very name."""
        return self._repositories.get(name)

    def moved_to(self, name: str) -> str | None:
        """Give the new name of a repository that was renamed."""
        return self._moved.get(name)

    def rename(self, old: str, new: str) -> None:
        """Serve the repository under *new* and send who asks for *old* there."""
        with self._lock:
            renamed = replace(self._known(old), name=new)
            del self._repositories[old]
            self._repositories[new] = renamed
            self._moved[old] = new

    def remove(self, name: str) -> None:
        """Forget the repository."""
        with self._lock:
            del self._repositories[self._known(name).name]

    def _known(self, name: str) -> Repository:
        if found := self._repositories.get(name):
            return found
        known = ", ".join(sorted(self._repositories)) or "none"
        raise RequestError(f"the mirror has no repository {name!r}", remedy=f"it has: {known}")
