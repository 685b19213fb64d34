"""Modal's server on loopback, a commit keeps what lies there, a reload gives what was kept."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import threading
import time
from typing import TYPE_CHECKING

import grpclib
from google.protobuf import empty_pb2
from grpclib.server import Server
from modal_proto import api_grpc, api_pb2

if TYPE_CHECKING:
    from pathlib import Path


def _token() -> str:
    """Give a token in the form of a JWT that is valid for a day."""
    parts = ({"alg": "none"}, {"exp": int(time.time()) + 86_400})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


async def _unimplemented(_self, stream):
    raise grpclib.GRPCError(grpclib.const.Status.UNIMPLEMENTED, "not needed here")


_CALLS = dict.fromkeys(api_grpc.ModalClientBase.__abstractmethods__, _unimplemented)
_Nothing = type("_Nothing", (api_grpc.ModalClientBase,), _CALLS)


class _Service(_Nothing):
    """The calls that a Volume makes."""

    def __init__(self, owner: ModalServer) -> None:
        self._owner = owner

    async def ClientHello(self, stream) -> None:  # noqa: N802 - Modal's name
        await stream.recv_message()
        await stream.send_message(api_pb2.ClientHelloResponse())

    async def AuthTokenGet(self, stream) -> None:  # noqa: N802 - Modal's name
        await stream.recv_message()
        await stream.send_message(api_pb2.AuthTokenGetResponse(token=_token()))

    async def VolumeGetOrCreate(self, stream) -> None:  # noqa: N802 - Modal's name
        asked = await stream.recv_message()
        is_created = asked.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        if not is_created and asked.deployment_name not in self._owner.volumes:
            raise grpclib.GRPCError(grpclib.const.Status.NOT_FOUND, f"Volume '{asked.deployment_name}' not found")
        self._owner.volumes.add(asked.deployment_name)
        await stream.send_message(api_pb2.VolumeGetOrCreateResponse(volume_id=f"vo-{asked.deployment_name}"))

    async def VolumeCommit(self, stream) -> None:  # noqa: N802 - Modal's name
        asked = await stream.recv_message()
        self._owner.commit(asked.volume_id)
        await stream.send_message(api_pb2.VolumeCommitResponse(skip_reload=True))

    async def VolumeReload(self, stream) -> None:  # noqa: N802 - Modal's name
        asked = await stream.recv_message()
        self._owner.reload(asked.volume_id)
        await stream.send_message(empty_pb2.Empty())


class ModalServer:
    """
    One Volume. ``mount`` is where the container that runs now sees it; only what it commits, others get by a reload.

    ``calls`` are what was asked of the Volume, each commit with the files that it kept.
    """

    def __init__(self, place: Path) -> None:
        self.kept = place / "kept"
        self.kept.mkdir(parents=True)
        self.mount = place / "nowhere"
        self.volumes: set[str] = set()
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(30)
        self.port = self._server._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self):
        server = Server([_Service(self)])
        await server.start("127.0.0.1", 0)
        return server

    async def _end(self):
        self._server.close()
        await self._server.wait_closed()

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables by which the real client finds this server."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}",
            "MODAL_TOKEN_ID": "ak-test",
            "MODAL_TOKEN_SECRET": "as-test",
        }

    def names(self, call: str) -> list[tuple[str, ...]]:
        """Give the files of each *call*, in order."""
        return [files for name, files in self.calls if name == call]

    def commit(self, volume: str) -> None:
        assert volume == "vo-qwen3-tts-models"
        self._copy(self.mount, self.kept)
        self.calls.append(("commit", _files(self.kept)))

    def reload(self, volume: str) -> None:
        assert volume == "vo-qwen3-tts-models"
        self._copy(self.kept, self.mount)
        self.calls.append(("reload", _files(self.mount)))

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()))
