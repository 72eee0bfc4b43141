"""A door in front of the API server that can let every watch die without a word.

Requests pass through, also new ones. A connection that carries a watch stays open and simply
delivers nothing any more, as behind a firewall that has forgotten it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme
from tests.kube.cluster import Cluster

_CHUNK = 65536


class WatchProxy:
    """Serves from a thread of its own; a context manager."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._folder = folder
        self._upstream = cluster
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._silent = False
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def silence(self) -> None:
        """Deliver nothing more on connections that carry a watch."""
        self._silent = True

    def speak(self) -> None:
        """Deliver again what new watches say; those that were silenced are cut off."""
        self._silent = False
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    def kubeconfig(self, user: str) -> Path:
        """Write a user's kubeconfig that leads here."""
        content = json.loads(self._upstream.kubeconfig(user).read_text())
        (cluster,) = content["clusters"]
        cluster["cluster"] = {
            "server": f"https://127.0.0.1:{self._port}",
            "certificate-authority": str(self._folder / "proxy-ca.pem"),
        }
        path = self._folder / "kubeconfig-proxy"
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path

    async def _start(self) -> None:
        authority = trustme.CA()
        (self._folder / "proxy-ca.pem").write_bytes(authority.cert_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        place = urlsplit(self._upstream.url)
        with suppress(OSError, asyncio.CancelledError):
            there = await asyncio.open_connection(
                place.hostname, place.port, ssl=self._upstream.tls()
            )
            connection = _Connection()
            pumps = (
                asyncio.ensure_future(self._forward(reader, there[1], connection)),
                asyncio.ensure_future(self._back(there[0], writer, connection)),
            )
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                there[1].close()
        writer.close()
        self._tasks.discard(task)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        while data := await reader.read(_CHUNK):
            connection.watches = connection.watches or b"watch=" in data.partition(b"\r\n")[0]
            writer.write(data)
            await writer.drain()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        while data := await reader.read(_CHUNK):
            if not (self._silent and connection.watches):
                writer.write(data)
                await writer.drain()


class _Connection:
    """What one connection is used for."""

    watches = False
