"""One connection: requests in, answers out, in order.

It holds what belongs to a connection: who signed in, whether it is encrypted, which pages are
open. A connection answers one request at a time, so an abandon always comes too late.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from muster.lab.directory import ber
from muster.lab.directory.ber import MalformedBer
from muster.lab.directory.connection import Connection
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.entry import Entry
from muster.lab.directory.faults import LdapFaults
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.protocol import (
    RESPONSE_TO,
    START_TLS,
    WHO_AM_I,
    Code,
    LdapFailure,
    Message,
    Operation,
    Scope,
    entry_message,
    extended_answer,
    notice_of_disconnection,
    parse_bind,
    parse_extended,
    parse_message,
    parse_modify,
    parse_search,
    result_message,
)
from muster.lab.directory.rootdse import root_dse
from muster.lab.directory.search import Answer, Searches, refuse_unknown
from muster.lab.directory.signin import sign_in

_LONGEST_REQUEST = 10 * 1024 * 1024  # MaxReceiveBuffer (MS-ADTS 3.1.1.3.4.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What all connections of one server share."""

    domain: LabDomain
    limits: LdapLimits
    faults: LdapFaults
    requests: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, operation: str, attributes: tuple[str, ...] = ()) -> None:
        """Remember that a request came, and which attributes it asked for."""
        with self.lock:
            self.requests[operation] += 1
            self.asked.update(attributes)


class HangUp(Exception):
    """The connection is over."""


class Session:
    """Serves one client until it leaves."""

    def __init__(self, service: Service, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        self._tls_is_next = False
        self._waiting = bytearray()
        self._account: Entry | None = None
        self._searches = Searches(service.domain, service.limits, service.faults)
        self._operations: dict[int, Callable[[Message], bytes]] = {
            Operation.BIND: self._bind,
            Operation.SEARCH: self._search,
            Operation.MODIFY: self._modify,
            Operation.EXTENDED: self._extended,
        }

    def run(self) -> None:
        """Answer requests until the client leaves, breaks the protocol or meets a fault."""
        try:
            for message in self._messages():
                self._answer(message)
        except ValueError:
            self._send(notice_of_disconnection("the server could not read a request"))
        except HangUp:
            return

    def _messages(self) -> Iterator[Message]:
        waiting = self._waiting
        while True:
            if waiting and waiting[0] != ber.SEQUENCE:
                raise MalformedBer("this is no LDAP message")
            end = ber.element_end(waiting)
            if end is not None and end > _LONGEST_REQUEST:
                raise MalformedBer("the request is too long")
            if end is not None and end <= len(waiting):
                message = parse_message(bytes(waiting[:end]))
                del waiting[:end]
                yield message
                continue
            received = self._connection.receive()
            if not received:
                return
            waiting += received

    def _answer(self, message: Message) -> None:
        if message.tag == Operation.ABANDON:
            self._service.count("abandon")
            return
        if message.tag == Operation.UNBIND:
            self._service.count("unbind")
            raise HangUp
        operation = self._operations.get(message.tag, self._refuse)
        try:
            answer = operation(message)
        except LdapFailure as failure:
            answer = result_message(message.number, _response_tag(message), failure)
        self._wait()
        self._send(answer)
        if self._tls_is_next:  # the client begins once it has been told: RFC 4511, section 4.14
            self._tls_is_next = False
            self._waiting.clear()  # what came before encryption may be anybody's: RFC 4513, 3.1.1
            self._connection.encrypt()

    def _bind(self, message: Message) -> bytes:
        self._service.count("bind")
        request = parse_bind(message.request)
        self._account = None
        failure = self._service.faults.next_bind()
        if failure:
            raise failure
        if request.password is None:
            raise LdapFailure(Code.AUTH_METHOD_NOT_SUPPORTED, "the lab knows simple binds only\n")
        if request.password:  # without one the bind is anonymous: RFC 4513, section 5.1
            self._require_encryption()
            self._account = sign_in(self._service.domain, request.name, request.password)
        return result_message(message.number, _response_tag(message))

    def _require_encryption(self) -> None:
        if self._service.limits.require_encryption and not self._connection.encrypted:
            raise LdapFailure(
                Code.STRONGER_AUTH_REQUIRED,
                "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on "
                "integrity checking if SSL\\TLS are not already active on the connection, "
                "data 0, v4563\0",
            )

    def _search(self, message: Message) -> bytes:
        request = parse_search(message.request)
        self._service.count("search", request.attributes)
        if self._service.faults.next_drop():
            raise HangUp
        failure = self._service.faults.next_search()
        if failure:
            raise failure
        if not request.base and request.scope is Scope.BASE:
            refuse_unknown(message.controls)
            content = root_dse(
                self._service.domain, request.attributes, encrypted=self._connection.encrypted
            )
            found = entry_message(message.number, "", content)
            return found + result_message(message.number, _response_tag(message))
        self._require_account()
        answer = self._searches.answer(message.number, request, message.controls)
        return self._search_result(message, answer)

    def _require_account(self) -> None:
        if self._account is None:
            raise LdapFailure(
                Code.OPERATIONS_ERROR,
                "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a "
                "successful bind must be completed on the connection., data 0, v4563\0",
            )

    def _search_result(self, message: Message, answer: Answer) -> bytes:
        content = b"".join(answer.parts)
        if answer.cut:
            last = len(answer.parts[-1]) if answer.parts else 0
            self._send(content[: len(content) - last // 2])
            raise HangUp
        return content + result_message(
            message.number, _response_tag(message), answer.failure, controls=answer.controls
        )

    def _modify(self, message: Message) -> bytes:
        self._service.count("modify")
        name, changes = parse_modify(message.request)
        fault = self._service.faults.next_modify()
        if fault and fault.failure:
            raise fault.failure
        if fault and not fault.applied:
            raise HangUp
        if not self._connection.encrypted:
            raise LdapFailure(
                Code.UNWILLING_TO_PERFORM,
                "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0",
            )
        self._require_account()
        oids = {control.oid for control in message.controls}
        self._service.domain.modify(self._account, name, changes, controls=oids)
        if fault and not fault.latency_s:
            raise HangUp
        if fault:
            self._service.stopping.wait(fault.latency_s)
        return result_message(message.number, _response_tag(message))

    def _extended(self, message: Message) -> bytes:
        name = parse_extended(message.request)
        self._service.count("extended")
        if name == WHO_AM_I:
            sam = self._account.text("samaccountname") if self._account else ""
            who = f"u:{self._service.domain.netbios_name}\\{sam}" if sam else ""
            extra = extended_answer(value=who.encode())
            return result_message(message.number, _response_tag(message), extra=extra)
        if name != START_TLS:
            raise LdapFailure(Code.PROTOCOL_ERROR, f"there is no extended operation {name}\n")
        if self._connection.encrypted:
            raise LdapFailure(Code.OPERATIONS_ERROR, "TLS is already active\n")
        if not self._connection.can_encrypt:
            raise LdapFailure(Code.UNAVAILABLE, "this server has no certificate\n")
        self._tls_is_next = True
        extra = extended_answer(START_TLS)
        return result_message(message.number, _response_tag(message), extra=extra)

    def _refuse(self, message: Message) -> bytes:
        if message.tag not in RESPONSE_TO:
            raise MalformedBer(f"there is no request with tag {message.tag:#x}")
        self._service.count(Operation(message.tag).name.lower())
        raise LdapFailure(
            Code.UNWILLING_TO_PERFORM,
            "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n",
        )

    def _wait(self) -> None:
        if self._service.faults.latency_s:
            self._service.stopping.wait(self._service.faults.latency_s)

    def _send(self, answer: bytes) -> None:
        self._connection.send(answer)


def _response_tag(message: Message) -> int:
    return RESPONSE_TO[Operation(message.tag)]
