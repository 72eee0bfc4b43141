"""A client of bytes, for what a polite client library hides or would never send."""

from __future__ import annotations

import socket
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from muster.lab.directory import ber
from muster.lab.directory.ber import Element, integer, octets, tlv
from muster.lab.directory.server import LdapServer

PRESENT = octets("objectClass", 0x87)


class RawClient:
    """A plain connection; `ask` returns the protocol operations of the answer."""

    def __init__(self, server: LdapServer) -> None:
        address = urlsplit(server.ldap_url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        self._waiting = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def encrypt(self, trust: ssl.SSLContext) -> None:
        """Shake hands as a TLS client."""
        self._socket = trust.wrap_socket(self._socket, server_hostname="localhost")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def ask(self, operation: bytes, number: int = 1) -> list[Element]:
        """Send one request; return all that answers it, the result last."""
        self.send(tlv(ber.SEQUENCE, integer(number) + operation))
        answers: list[Element] = []
        while not answers or answers[-1].tag in {0x64, 0x73}:
            answers.append(self.receive())
        return answers

    def receive(self) -> Element:
        """Return the next protocol operation; raises ConnectionError when there is none."""
        return self.receive_numbered()[1]

    def receive_numbered(self) -> tuple[int, Element]:
        """Return the next message's number and its protocol operation."""
        while True:
            end = ber.element_end(self._waiting)
            if end is not None and end <= len(self._waiting):
                break
            received = self._socket.recv(1 << 20)
            if not received:
                raise ConnectionError("the server hung up")
            self._waiting += received
        message, rest = ber.read_element(self._waiting)
        self._waiting = self._waiting[rest:]
        number, operation, *_ = message.children()
        return number.number(), operation

    def bind(self, name: str, password: str) -> int:
        """Sign in; return the result code."""
        request = integer(3) + octets(name) + octets(password, 0x80)
        return code(self.ask(tlv(0x60, request))[-1])

    def read(self, dn: str, *attributes: str, types_only: bool = False) -> dict[str, int]:
        """Read one entry; return how many values each attribute came with, in order."""
        found, _ = self.ask(search(dn, 0, PRESENT, *attributes, types_only=types_only))
        _, sent = found.children()
        pairs = [tuple(attribute.children()) for attribute in sent.children()]
        return {name.text(): len(list(values.children())) for name, values in pairs}


def search(
    base: str, scope: int, wanted: bytes, *attributes: str, types_only: bool = False
) -> bytes:
    """Return a search request."""
    head = octets(base) + integer(scope, ber.ENUMERATED) + integer(0, ber.ENUMERATED)
    limits = integer(0) + integer(0) + tlv(ber.BOOLEAN, b"\xff" if types_only else b"\x00")
    asked = tlv(ber.SEQUENCE, b"".join(map(octets, attributes)))
    return tlv(0x63, head + limits + wanted + asked)


def code(answer: Element) -> int:
    """Return the result code of a result."""
    return next(answer.children()).number()
