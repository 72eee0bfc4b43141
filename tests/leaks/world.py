"""A lab whose every secret is known, and everything that Muster wrote or said in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.leaks.forms import Leak, find
from werkzeug.wrappers import Request

from muster.lab.http_server import Reply
from muster.lab.hudu.lab import HuduLab
from muster.lab.itglue.lab import ItGlueLab
from muster.lab.lab import Lab

ROTATION = {"every": "30d", "window": {"start": "02:00", "timeZone": "America/Toronto"}}
GIVEN = "secrets"
"""Of the estate's directory: what Muster reads its secrets from."""

_HEADERS = ("authorization", "x-api-key", "secret", "apiintegrationcode")
_FIELDS = frozenset({"password", "access_token", "otp_secret", "client_secret"})


@dataclass(slots=True)
class Known:
    """Every secret there is or was, by a name that may be shown."""

    lab: Lab
    estate: Path
    values: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Listen to what goes over the sockets: tokens, and passwords that live for a moment."""
        for simulator in self.lab.simulators:
            simulator.witness = self._overhear

    def look(self) -> None:
        """Take up what is secret now; what was secret before stays so."""
        for name, value in self._all():
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Take up each line of a secret."""
        for line in set(value.splitlines()) - self._seen:
            self._seen.add(line)
            self.values[f"{name} #{len(self._seen)}"] = line

    def _overhear(self, request: Request, reply: Reply) -> None:
        for header in _HEADERS:
            self.add(f"header {header}", request.headers.get(header, "").rpartition(" ")[2])
        for form in (request.form, _parsed(request.get_data()), _parsed(reply.body)):
            for name, value in _secrets_in(form):
                self.add(f"field {name}", value)

    def _all(self) -> Iterator[tuple[str, str]]:
        for file in (self.estate / "secrets").rglob("*"):
            if file.is_file() and file.suffix != ".crt":
                yield f"{file.parent.name}/{file.name}", file.read_text().strip()
        for name, domain in self.lab.domains.items():
            for planned in self.lab.plan.customer(name).accounts:
                yield f"AD of {name}", domain.password(domain.find(planned.sam)) or ""
        yield from self._of_tenants()
        yield from self._of_vaults()

    def _of_tenants(self) -> Iterator[tuple[str, str]]:
        graph = self.lab.graph
        for name, tenant in self.lab.tenant_ids.items() if graph else ():
            assert graph is not None
            for user in graph.users(tenant):
                yield f"Entra of {name}", graph.password(tenant, user["id"]) or ""

    def _of_vaults(self) -> Iterator[tuple[str, str]]:
        vault = self.lab.vault.simulator
        assert vault is None or isinstance(vault, ItGlueLab | HuduLab)
        for name, number in self.lab.organization_ids.items() if vault else ():
            assert vault is not None
            for entry in vault.passwords(number):
                yield f"vault of {name}", entry["password"] or ""
                yield f"one-time code of {name}", entry.get("otp_secret") or ""


@dataclass(slots=True)
class Search:
    """The places that were written to, and the search of them."""

    known: Known
    places: dict[str, bytes] = field(default_factory=dict)

    def add(self, place: str, content: str | bytes) -> None:
        """Take up what a place holds."""
        raw = content.encode(errors="surrogatepass") if isinstance(content, str) else content
        self.places[place] = self.places.get(place, b"") + raw

    def add_files(self, folder: Path, *, without: str = "") -> None:
        """Take up every file below a folder, and what each is called."""
        for path in folder.rglob("*"):
            within = path.relative_to(folder)
            if within.parts[0] != without and path.is_file():
                self.add(f"file {within}", path.read_bytes())
                self.add("names of files", f"{within}\n")

    def add_logs(self, records: list[logging.LogRecord]) -> None:
        """Take up log records of any level: what they say, and what they were given."""
        shown = logging.Formatter()
        for one in records:
            self.add(f"log of {one.name}", f"{shown.format(one)} {one.args!r}\n")

    def leaks(self) -> list[Leak]:
        """Return what is where it must not be."""
        self.known.look()
        return find(self.places, self.known.values)


def prepare(estate: Path) -> None:
    """Let administrators be rotated, end users be welcomed, and everything missing be created."""
    for file in (*estate.glob("policies/*.yaml"), *estate.glob("customers/*.yaml")):
        resource: Any = yaml.safe_load(file.read_text())
        for body in resource["spec"].get("imports", [resource["spec"]]):
            if "accountType" not in body:
                continue
            options = body.setdefault("options", {})
            body["limits"] = {"create": {"percent": 100, "floor": 100}}
            if body["accountType"] == "Administrator":
                options["rotation"] = ROTATION
            else:
                options["welcomeEmail"] = {"integrationRef": {"name": "mail"}, "maxPerRun": 100}
                options["selfServe"] = True
        file.write_text(yaml.safe_dump(resource))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _secrets_in(body: Any) -> Iterator[tuple[str, str]]:
    """Yield every text below a field whose name says that it is secret."""
    if isinstance(body, list):
        for one in body:
            yield from _secrets_in(one)
    elif isinstance(body, Mapping):
        for name, one in body.items():
            if name in _FIELDS and isinstance(one, str):
                yield name, one
            yield from _secrets_in(one)
