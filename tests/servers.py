"""A small web server on 127.0.0.1 whose every answer a test can spoil."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Self

REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 404: "Not Found", 503: "Busy"}


class Exchange:
    """One request, and the means to answer it well or badly."""

    def __init__(self, server: Server, link: socket.socket, head: str, number: int) -> None:
        self.server = server
        self.number = number
        lines = head.split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        pairs = [line.partition(":") for line in lines[1:] if line]
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.body = b""
        self.keep = True
        self._link = link

    @property
    def range(self) -> tuple[int, int] | None:
        """First byte and the byte after the last one that are asked for, cut at the file's end."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        if found is None:
            return None
        return int(found[1]), min(int(found[2]) + 1, len(self.server.body))

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self._link.sendall(data)

    def head(self, status: int, headers: Mapping[str, object]) -> None:
        """Send a status line and headers."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def reply(self, status: int, body: bytes = b"", **headers: object) -> None:
        """Answer with a status, headers (underscores become dashes) and a body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.head(status, {"Content-Length": len(body)} | named)
        self.send(body)

    def right(self, **headers: object) -> None:
        """Answer as a sound server does: the range that was asked for, or the whole."""
        if self.range is None:
            self.reply(200, self.server.body, ETag='"one"', **headers)
            return
        start, stop = self.range
        total = len(self.server.body)
        if start >= stop:
            self.reply(416, Content_Range=f"bytes */{total}")
            return
        given = {"ETag": '"one"', "Content_Range": self._describe(start, stop), **headers}
        self.reply(206, self.server.body[start:stop], **given)

    def part(self, shift: int = 0, less: int = 0, more: int = 0, **headers: object) -> None:
        """Answer with a range that is shifted, too short or too long, or described otherwise."""
        start, stop = self.range or (0, 0)
        data = self.server.body[start : stop - less] + b"\0" * more
        given = {"Content_Range": self._describe(start + shift, stop + shift), **headers}
        self.reply(206, data, **{name: value for name, value in given.items() if value})

    def _describe(self, start: int, stop: int) -> str:
        return f"bytes {start}-{stop - 1}/{len(self.server.body)}"

    def cut(self) -> None:
        """State the right length and close half way."""
        data = self._begin_part()
        self.send(data[: len(data) // 2])
        self.drop()

    def drip_part(self) -> None:
        """Send the right range a byte at a time."""
        self.drip(self._begin_part())

    def _begin_part(self) -> bytes:
        start, stop = self.range or (0, 0)
        named = {"Content-Length": stop - start, "Content-Range": self._describe(start, stop)}
        self.head(206, named)
        return self.server.body[start:stop]

    def chunked(self) -> None:
        """Answer with the whole file in chunks."""
        self.head(200, {"Transfer-Encoding": "chunked", "ETag": '"one"'})
        for at in range(0, len(self.server.body), 10_000):
            piece = self.server.body[at : at + 10_000]
            self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.send(b"0\r\n\r\n")

    def endless(self, **headers: object) -> None:
        """Answer with the whole file without its length, or with another, and close."""
        self.head(200, {name.replace("_", "-"): value for name, value in headers.items()})
        self.send(self.server.body)
        self.drop()

    def drop(self) -> None:
        """Close the connection after this answer."""
        self.keep = False

    def hang(self) -> None:
        """Say nothing until the server closes."""
        self.server.closing.wait(30)
        self.drop()

    def drip(self, data: bytes, every_s: float = 0.05) -> None:
        """Send a byte at a time until the server closes or the reader has gone."""
        for at in range(len(data)):
            self.send(data[at : at + 1])
            if self.server.closing.wait(every_s):
                break
        self.drop()


class Server:
    """Serves one body at every path; `answer` decides how. Used as a context manager."""

    def __init__(
        self,
        body: bytes = b"",
        answer: Callable[[Exchange], None] = Exchange.right,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.body = body
        self.answer = answer
        self.requests: list[Exchange] = []
        self.connections = 0
        self.closing = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def url(self, path: str = "/scene.tif") -> str:
        """Address of a path on this server."""
        return self.origin + path

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            with self._lock:
                self.connections += 1
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        try:
            link.settimeout(5)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                link = self._tls.wrap_socket(link, server_side=True)
            while self._serve_one(link):
                pass
        except OSError:
            pass  # the reader has gone, or was refused by TLS
        finally:
            link.close()

    def _serve_one(self, link: socket.socket) -> bool:
        link.settimeout(0.05)
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                more = link.recv(65536)
            except TimeoutError:
                if self.closing.is_set():
                    return False
                continue
            if not more:
                return False
            data += more
        link.settimeout(5)
        with self._lock:
            head = data.partition(b"\r\n\r\n")[0].decode("latin-1")
            exchange = Exchange(self, link, head, len(self.requests) + 1)
            self.requests.append(exchange)
        exchange.body = data.partition(b"\r\n\r\n")[2]
        while len(exchange.body) < int(exchange.headers.get("content-length", 0)):
            exchange.body += link.recv(65536)
        self.answer(exchange)
        return exchange.keep

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
