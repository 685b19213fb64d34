"""The mirror as its users see it: a Hub on this machine, started, filled, made to misbehave, and asked what it saw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from modelready.errors import RequestError
from modelready.mirror import caches, folders
from modelready.mirror.cas import Cas, Tokens, Xet
from modelready.mirror.cdn import Cdn, Origin, Tickets
from modelready.mirror.hub import Hub
from modelready.mirror.log import Log, Request
from modelready.mirror.misbehaviour import Misbehaviour
from modelready.mirror.repos import Access, Shelf
from modelready.mirror.server import Server
from modelready.mirror.sites import CasSite, CdnSite, HubSite
from modelready.mirror.xorbs import Hashes

if TYPE_CHECKING:
    import os

    from modelready.mirror.folders import LfsRule

_PAGE_SIZE = 1000


class Options(TypedDict, total=False):
    """What a mirror can be told when it is made."""

    host: str
    port: int
    token: str | None
    cdn: bool | Cdn
    xet: bool
    page_size: int


class Mirror(Misbehaviour):
    """
    A Hugging Face Hub served from this machine.

    *token* opens gated and private repositories that name no token of their own. With *cdn* the large files come from
    a second origin by signed addresses, as they do from the real Hub; a `Cdn` says when those expire. With *xet* they
    are offered by Xet too, from an origin of its own; that wants hf_xet to be installed.
    """

    def __init__(  # noqa: PLR0913 - all by keyword, all with defaults
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        cdn: bool | Cdn = False,
        xet: bool = False,
        page_size: int = _PAGE_SIZE,
    ) -> None:
        super().__init__()
        self._address, self._token, self._page_size = (host, port), token, page_size
        self._terms = Cdn() if cdn is True else cdn or None
        self._shelf, self._log = Shelf(), Log()
        self._tickets = Tickets(self._terms or Cdn())
        self._hashes = Hashes(self._shelf) if xet else None
        self._servers: list[Server] = []
        self._left_out: list[Path] = []

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], *, name: str | None = None, **options: Unpack[Options]) -> Self:
        """
        Make a mirror of a Hub cache, of a folder of org/name folders, or of one repository called *name*.

        Without *name* a folder with files in it is one repository of the folder's own name.
        """
        mirror = cls(**options)
        for found in caches.find(Path(path), name=name):
            mirror._shelf.add(found.repo, found.commit, branches=found.branches, access=Access())
            mirror._left_out.extend(found.left_out)
        return mirror

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Give the endpoint, as HF_ENDPOINT wants it."""
        host = self._address[0]
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
        return f"http://{shown}:{self._servers[0].port if self._servers else self._address[1]}"

    @property
    def repositories(self) -> tuple[str, ...]:
        """Give the names of all repositories."""
        return tuple(sorted(repository.name for repository in self._shelf))

    @property
    def left_out(self) -> tuple[Path, ...]:
        """Give what is not served: links to nowhere or out of the folder, and what cannot be read or named."""
        return tuple(self._left_out)

    @property
    def requests(self) -> tuple[Request, ...]:
        """Give what was asked, in the order it came, as far as each has come."""
        return self._log.requests()

    def start(self) -> None:
        """Serve, until `stop`."""
        if self._servers:
            return
        servers: list[Server] = []
        try:
            self._open(servers)
        except OSError as error:
            for server in servers:
                server.server_close()
            host, port = self._address
            remedy = "choose another host or port"
            raise RequestError(f"cannot listen on {host} port {port}: {error.strerror}", remedy=remedy) from error
        self._servers, self._address = servers, (self._address[0], servers[0].port)
        for server in servers:
            server.start()

    def _open(self, servers: list[Server]) -> None:
        """Listen on all addresses, the Hub's first among *servers*."""
        (host, port), origin, xet = self._address, None, None
        if self._terms is not None:
            servers.append(Server((host, 0), site=CdnSite(self._tickets, self._log, self.faults), log=self._log))
            origin = Origin(self._tickets, servers[-1].port)
        if self._hashes is not None:
            cas = Cas(self._hashes, Tokens(), self._tickets)
            servers.append(Server((host, 0), site=CasSite(cas, self._log, self.faults), log=self._log))
            xet = Xet(self._hashes, cas.tokens, servers[-1].port)
        hub = Hub(self._shelf, page_size=self._page_size, token=self._token, cdn=origin, xet=xet)
        servers.insert(0, Server((host, port), site=HubSite(hub, self._log, self.faults), log=self._log))

    def stop(self) -> None:
        """Stop serving; a later `start` takes the same port."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.stop()

    def add_repo(  # noqa: PLR0913 - all but two by keyword, all with defaults
        self,
        repo_id: str,
        folder: str | os.PathLike[str],
        *,
        revision: str = "main",
        gated: bool | str = False,
        private: bool = False,
        token: str | None = None,
        commit: str | None = None,
        lfs: LfsRule = None,
    ) -> str:
        """
        Serve the files of *folder* as a new commit of the repository, move *revision* to it and give its sha.

        The files stay where they are and are read when asked for; what has changed on disk since is refused with 409
        until it is added again, so two commits that differ need two folders.
        """
        contents = folders.read(Path(folder), lfs=lfs)
        made = folders.commit_of(contents.files, commit)
        access = Access("auto" if gated is True else gated, private, token)
        self._shelf.add(repo_id, made, branches=(revision,), access=access)
        self._left_out.extend(contents.left_out)
        return made.sha

    def rename(self, old: str, new: str) -> None:
        """Call a repository otherwise, and send who asks for the old name to the new one."""
        self._shelf.rename(old, new)

    def remove(self, repo_id: str) -> None:
        """Serve a repository no more."""
        self._shelf.remove(repo_id)

    def expire_urls(self) -> None:
        """Let every signed address given out so far be expired."""
        self._tickets.expire()

    def bytes_sent(self, glob: str = "*") -> int:
        """Give how many bytes of files were sent, for files whose path, or repo/path, matches."""
        return self._log.bytes_sent(glob)

    def forget(self) -> None:
        """Forget what was asked so far."""
        self._log.forget()
