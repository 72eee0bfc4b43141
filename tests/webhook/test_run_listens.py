"""`muster run` as people start it: a call of IT Glue's reaches the directory."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
import yaml

from muster.audit import verify
from muster.lab.lab import Lab
from muster.model.names import LINKED_STATES, CustomerName
from muster.registry.sqlite import SqliteRegistry

NEW = "Freshly-Chosen-79-words"
TOKEN = "planted-token-of-the-webhook"


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of one customer."""
    with Lab(customers=1, people=8) as running:
        yield running


def write_estate(lab: Lab, estate: Path) -> None:
    """Write an estate whose IT Glue listens and whose policies follow edits."""
    lab.write_estate(estate)
    for file in estate.rglob("*.yaml"):
        bodies = list(yaml.safe_load_all(file.read_text()))
        for body in bodies:
            spec = body["spec"]
            if body["kind"] == "AutomaticImportPolicy":
                spec["options"].setdefault("vault", {})["followEdits"] = True
            if "itGlue" in spec:
                token = {"name": "hook", "key": "token"}
                spec["itGlue"]["webhook"] = {"tokenRef": token}
        file.write_text(yaml.safe_dump_all(bodies))
    (estate / "secrets" / "hook").mkdir()
    token_file = estate / "secrets" / "hook" / "token"
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)


def test_a_call_reaches_the_directory(lab: Lab, tmp_path: Path) -> None:
    """Over TLS with the token; afterwards the person signs in with what stands in the entry."""
    estate, tls, ca = tmp_path / "estate", tmp_path / "tls", trustme.CA()
    write_estate(lab, estate)
    tls.mkdir()
    certificate = ca.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tls / "tls.crt"))
    certificate.private_key_pem.write_to_path(str(tls / "tls.key"))
    port = free_port()
    command = "from muster.cli.main import main; main()"
    arguments = ("run", str(estate), "--receiver-port", str(port), "--receiver-certificates", tls)
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stderr is not None
            heard: list[str] = []
            sam = ""
            for line in running.stderr:
                heard.append(line)
                if line.startswith("contoso: ") and not sam:
                    sam = call(lab, estate, port, ca)
                if "Followed an edit" in line:
                    break
            assert "Followed an edit" in heard[-1], heard
            running.terminate()
            assert NEW not in "".join(heard) + running.stderr.read()
            assert running.wait(20) == 0
        finally:
            running.kill()
    domain = lab.domains["contoso"]
    assert domain.password(domain.find(sam)) == NEW
    verify(estate / ".muster" / "audit.jsonl")


def call(lab: Lab, estate: Path, port: int, ca: trustme.CA) -> str:
    """Edit a person's entry, tell it as IT Glue does, and return whose it is."""
    with SqliteRegistry.open_for_reading(estate / ".muster" / "state.sqlite") as registry:
        records = registry.load(CustomerName("contoso")).records
    linked = next(one for one in records if one.vault.state in LINKED_STATES)
    _, _, organization = linked.vault.place.rpartition("/")
    lab.itglue.edit_password(str(linked.vault.id), password=NEW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    with httpx.Client(verify=context, trust_env=False) as client:
        said = client.post(
            f"https://localhost:{port}/webhooks/it-glue/it-glue?token={TOKEN}",
            json={
                "resource_url": f"https://x.itglue.com/{organization}/passwords/{linked.vault.id}"
            },
        )
    assert said.status_code == 202
    return linked.identity.sam
