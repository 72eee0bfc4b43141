"""The search itself: it finds a secret in every form, in every place, and shows none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from tests.leaks.forms import find
from tests.leaks.world import Known, Search

from muster.lab.lab import Lab

SECRET = 'Zq7&"+/=Pl4nted\\<>ü'
UTF_16 = f'"{SECRET}"'.encode("utf-16-le")

WRITTEN = {
    "as it is": f"password: {SECRET}.".encode(),
    "JSON": json.dumps({"password": SECRET}).encode(),
    "repr": repr({"password": SECRET}).encode(),
    "URL": f"https://svc:{quote(SECRET, safe='')}@host".encode(),
    "a form": urlencode({"a": 1, "client_secret": SECRET}).encode(),
    "HTML": b"<p>Zq7&amp;&quot;+/=Pl4nted\\&lt;&gt;\xc3\xbc</p>",
    "unicodePwd": UTF_16,
    "unicodePwd in LDIF": base64.b64encode(UTF_16),
    "Basic": base64.b64encode(f"user:{SECRET}".encode()),
    "Basic of a company": base64.b64encode(f"company+public:{SECRET}".encode()),
    "PLAIN": base64.b64encode(f"\0me@example\0{SECRET}".encode()),
    "a JWT": base64.urlsafe_b64encode(f'{{"a": "{SECRET}"}}'.encode()),
    "hex": SECRET.encode().hex().encode(),
    "HEX": UTF_16.hex().upper().encode(),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    """Once is enough; and the finding names place and secret, never the value."""
    (first, *_) = leaks = find({"a": b"nothing", "b": WRITTEN[form]}, {"AD #1": SECRET})
    assert {(one.place, one.secret) for one in leaks} == {("b", "AD #1")}
    assert find({"b": repr(first).encode()}, {"AD #1": SECRET}) == []


def test_what_only_looks_alike_is_no_leak() -> None:
    """Another value, in all its forms, is none; nor is a word that is too short to tell."""
    places = {name: one.replace(b"l4n", b"l5n") for name, one in WRITTEN.items()}
    kept = {name: one for name, one in places.items() if one != WRITTEN[name]}
    assert len(kept) >= 6
    assert find(kept, {"AD #1": SECRET, "short": "a"}) == []


def test_every_file_is_searched_but_what_was_given(tmp_path: Path) -> None:
    """Hidden ones, those below, the parts of a database, and the names of files too."""
    with Lab(customers=1, people=3) as lab:
        lab.write_estate(tmp_path)
    known = Known(lab, tmp_path)
    known.look()
    name, key = next((one, value) for one, value in known.values.items() if "apiKey" in one)
    (tmp_path / ".muster").mkdir()
    for file in (".muster/state.sqlite-wal", f"{key}.txt"):
        (tmp_path / file).write_bytes(b"\0" * 5000 + key.encode())
    search = Search(known)
    search.add_files(tmp_path, without="secrets")
    found = {leak.place for leak in search.leaks() if leak.secret == name}
    assert found == {"file .muster/state.sqlite-wal", f"file {key}.txt", "names of files"}
