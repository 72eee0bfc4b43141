"""IT Glue lists that cannot be read to their end."""

from __future__ import annotations

import json

import pytest
import trustme
from werkzeug.wrappers import Request

from muster.adapters.itglue import ItGlueVault
from muster.errors import Unexpected
from muster.lab.http_server import Delivery, LoopbackServer, Reply
from muster.model.connections import ItGlue, SecretRef
from muster.model.secret import Secret
from muster.transport.options import HttpOptions


def test_a_list_that_never_ends_is_given_up() -> None:
    """Pages that name a next one and show nothing new are an error, not a loop."""
    asked: list[str] = []

    def respond(request: Request) -> Delivery:
        asked.append(request.full_path)
        rows = [{"id": "1", "type": "organizations", "attributes": {"name": "Contoso"}}]
        meta = {"total-count": 9, "next-page": len(asked) + 1}
        return Delivery(reply=Reply(body=json.dumps({"data": rows, "meta": meta}).encode()))

    ca = trustme.CA()
    server = LoopbackServer(respond, ca)
    server.start()
    settings = ItGlue(
        endpoint=f"https://localhost:{server.port}", api_key=SecretRef(name="key", key="key")
    )
    vault = ItGlueVault(
        settings, Secret("ITG.key"), HttpOptions(ca_pem=ca.cert_pem.bytes().decode())
    )
    try:
        with pytest.raises(Unexpected, match="nothing new"):
            list(vault.list_organizations())
    finally:
        vault.close()
        server.stop()
    assert len(asked) == 2
