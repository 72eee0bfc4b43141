"""A server that speaks enough of WS-Management and PowerShell remoting for the real client.

It has one constrained endpoint in NoLanguage mode, three commands, and a scheduler that tests
set. It signs callers in with NTLM over TLS, as Windows does. Its messages are written out here,
and not by the client's own library.

Sources: MS-WSMV and MS-PSRP (learn.microsoft.com/openspecs/windows_protocols).
"""

from __future__ import annotations

import base64
import re
import ssl
import struct
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import spnego
import trustme

USER, PASSWORD = "CONTOSO\\muster-sync", "planted-Remoting-77"
ENDPOINT = "Muster.ADSync"

_SESSION_CAPABILITY, _POOL_STATE, _PRIVATE_DATA = 0x00010002, 0x00021005, 0x00021009
_OUTPUT, _ERROR, _PIPELINE_STATE = 0x00041004, 0x00041005, 0x00041006
_OPENED, _COMPLETED, _FAILED = 2, 4, 5

_ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
    'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
    'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">'
    "<s:Header><a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{text}</s:Text>"
    '</s:Reason><s:Detail><f:WSManFault Code="{code}" Machine="sync1"><f:Message>{text}'
    "</f:Message></f:WSManFault></s:Detail></s:Fault>"
)


@dataclass(slots=True)
class Connect:
    """How Entra Connect is, and what was asked of it."""

    properties: dict[str, bool] = field(
        default_factory=lambda: {
            "SyncCycleEnabled": True,
            "StagingModeEnabled": False,
            "SchedulerSuspended": False,
            "SyncCycleInProgress": False,
        }
    )
    start_error: str = ""
    module_loaded: bool = True
    silent: threading.Event | None = None
    """While it is set, nobody is answered."""
    cycles: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class RemotingServer:
    """Serves on loopback until `stop`."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.connect = Connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost").configure_cert(context)
        handler = type("Handler", (_Handler,), {"connect": self.connect})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    connect: Connect
    protocol_version = "HTTP/1.1"
    timeout = 20

    def setup(self) -> None:
        super().setup()
        self.context: Any = None
        self.session = _Session(self.connect)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self._signed_in():
            return
        if self.connect.silent is not None:
            self.connect.silent.wait(20)
        status, text = self.session.answer(body.decode())
        self._say(status, text.encode(), "application/soap+xml;charset=UTF-8")

    def _signed_in(self) -> bool:
        if self.context is not None and self.context.complete:
            return True
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        said = b""
        if kind == "Negotiate" and token:
            self.context = self.context or spnego.server(protocol="negotiate")
            try:
                said = self.context.step(base64.b64decode(token)) or b""
            except spnego.exceptions.SpnegoError:
                self.context = None
            else:
                if self.context.complete:
                    return True
        answer = f"Negotiate {base64.b64encode(said).decode()}".strip()
        self.send_response(401)
        self.send_header("WWW-Authenticate", answer)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _say(self, status: int, content: bytes, media: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Session:
    """One connection: a shell and its pipelines."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._pool = uuid.uuid4()
        self._sent = 0
        self._waiting: defaultdict[str, list[bytes]] = defaultdict(list)

    def answer(self, text: str) -> tuple[int, str]:
        """Answer one envelope."""
        action = _find(r"<(?:\w+:)?Action[^>]*>([^<]+)<", text).rsplit("/", 1)[-1]
        name = _find(r"<(?:\w+:)?ResourceURI[^>]*>([^<]+)<", text).rsplit("/", 1)[-1]
        if name != ENDPOINT:
            fault = _FAULT.format(
                code=2150858843, text=f"Cannot find the {name} session configuration."
            )
            return 500, self._envelope(text, fault)
        body = getattr(self, f"_{action.lower()}")(text)
        return 200, self._envelope(text, body)

    def _envelope(self, text: str, body: str) -> str:
        return _ENVELOPE.format(id=_find(r"<(?:\w+:)?MessageID[^>]*>([^<]+)<", text), body=body)

    def _create(self, text: str) -> str:
        self._pool = uuid.UUID(_find(r'ShellId="([^"]+)"', text))
        capability = (
            '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version><Version '
            'N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version>'
            "</MS></Obj>"
        )
        private = '<Obj RefId="0"><MS><Nil N="ApplicationPrivateData" /></MS></Obj>'
        opened = f'<Obj RefId="0"><MS><I32 N="RunspaceState">{_OPENED}</I32></MS></Obj>'
        for kind, data in (
            (_SESSION_CAPABILITY, capability),
            (_PRIVATE_DATA, private),
            (_POOL_STATE, opened),
        ):
            self._waiting[""].append(self._message(kind, data))
        shell = str(self._pool).upper()
        return (
            "<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector "
            f'Name="ShellId">{shell}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId></rsp:Shell>"
        )

    def _receive(self, text: str) -> str:
        command = _find(r'DesiredStream[^>]*CommandId="([^"]+)"', text)
        messages, self._waiting[command] = self._waiting[command], []
        of = f' CommandId="{command}"' if command else ""
        content = base64.b64encode(b"".join(messages)).decode()
        done = (
            f"<rsp:CommandState{of} "
            'State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done" />'
        )
        return (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout"{of}>{content}</rsp:Stream>'
            f"{done if command else ''}</rsp:ReceiveResponse>"
        )

    def _command(self, text: str) -> str:
        command = _find(r'CommandLine[^>]*CommandId="([^"]+)"', text)
        fragment = base64.b64decode(_find(r"<(?:\w+:)?Arguments>([^<]+)<", text))
        pipeline = fragment[21:][40:].decode("utf-8-sig")
        name = _find(r'<S N="Cmd">([^<]+)</S>', pipeline)
        parameters = dict(re.findall(r'<S N="N">-?([^<]+?):?</S>\s*<S N="V">([^<]*)</S>', pipeline))
        script = '<B N="IsScript">true</B>' in pipeline
        self._connect.commands.append(" ".join([name, *parameters.values()]))
        output, problem = self._run(name, parameters, script=script)
        pid = uuid.UUID(command)
        if output:
            self._waiting[command].append(self._message(_OUTPUT, output, pid))
        if problem:
            self._waiting[command].append(self._message(_ERROR, _error(problem), pid))
        state = f'<Obj RefId="0"><MS><I32 N="PipelineState">{_COMPLETED}</I32></MS></Obj>'
        self._waiting[command].append(self._message(_PIPELINE_STATE, state, pid))
        return (
            f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"
        )

    def _run(self, name: str, parameters: dict[str, str], *, script: bool) -> tuple[str, str]:
        if script:
            return "", "The syntax is not supported by this runspace."
        if name not in ("Get-ADSyncScheduler", "Start-ADSyncSyncCycle") or (
            not self._connect.module_loaded
        ):
            return "", f"The term '{name}' is not recognized as the name of a cmdlet."
        if name == "Get-ADSyncScheduler":
            values = self._connect.properties.items()
            rows = "".join(f'<B N="{one}">{str(on).lower()}</B>' for one, on in values)
            return f'<Obj RefId="0"><Props>{rows}</Props></Obj>', ""
        if parameters.get("PolicyType") != "Delta":
            return "", "The argument does not belong to the set that ValidateSet names."
        if self._connect.start_error:
            return "", self._connect.start_error
        self._connect.cycles.append(parameters["PolicyType"])
        return '<Obj RefId="0"><Props><S N="Result">Success</S></Props></Obj>', ""

    def _signal(self, _: str) -> str:
        return "<rsp:SignalResponse />"

    def _delete(self, _: str) -> str:
        return ""

    def _message(self, kind: int, data: str, pid: uuid.UUID | None = None) -> bytes:
        ids = self._pool.bytes_le + (pid.bytes_le if pid else bytes(16))
        content = struct.pack("<II", 1, kind) + ids + b"\xef\xbb\xbf" + data.encode()
        self._sent += 1
        return struct.pack(">QQBI", self._sent, 0, 3, len(content)) + content


def _error(problem: str) -> str:
    return (
        '<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T>'
        f"<T>System.Object</T></TN><ToString>{problem}</ToString><MS>"
        '<Obj N="Exception" RefId="1"><TN RefId="1"><T>System.Exception</T></TN>'
        f'<ToString>System.Exception: {problem}</ToString><Props><S N="Message">{problem}</S>'
        '</Props></Obj><Nil N="TargetObject" /><S N="FullyQualifiedErrorId">E</S>'
        '<Nil N="InvocationInfo" /><I32 N="ErrorCategory_Category">7</I32>'
        '<S N="ErrorCategory_Activity"></S><S N="ErrorCategory_Reason">Exception</S>'
        '<S N="ErrorCategory_TargetName"></S><S N="ErrorCategory_TargetType"></S>'
        '<S N="ErrorCategory_Message">E</S><B N="SerializeExtendedInfo">false</B></MS></Obj>'
    )


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
