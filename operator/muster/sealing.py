"""Seals secret values so that they may lie in a database, a cluster or a backup.

It decides the form of a sealed value and of the key ring that opens it. Where sealed values lie,
and who may see them opened, is left to others. It does no I/O.

Each value has a data key of its own, which is used once and is wrapped with a key of the ring
(envelope encryption). Rotation wraps the data key anew and leaves the value as it is. Both
layers are AES-256-GCM and are bound to the context, so a sealed value that is moved to another
place, or altered in one bit, does not open.

Source: NIST SP 800-38D (GCM, a 96-bit nonce, at most 2**32 random nonces for one key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from muster.errors import AccessDenied, SpecError, Unexpected
from muster.model.secret import Secret

_FORM = "muster1"
"""The first part of every sealed value; another form gets another word."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_PAD_BYTES = 64
"""What is sealed is filled up to a multiple of this, so that its size tells no password's length"""

_KEY_ID = re.compile("[a-z0-9-]{1,40}")
"""It is shown to people, and a store that was tampered with may hold anything in its place."""

_ALPHABET = "one base64 key of 32 bytes per line, as `muster vault key` prints it"


class UnknownKey(AccessDenied):
    """The key that sealed a value is not in the ring: a person must add it."""


class BrokenSeal(Unexpected):
    """A sealed value was altered, moved to another place, or is none."""


def new_key() -> Secret:
    """Draw a key, as a line for the ring's secret."""
    return Secret(base64.b64encode(os.urandom(_KEY_BYTES)).decode())


def context_of(purpose: str, *parts: str) -> str:
    """Return the context of a place; no two places have the same one."""
    return "/".join(quote(part, safe="") for part in (purpose, *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """One key of the ring; its id is public, its value never leaves this module."""

    id: str
    cipher: AESGCM


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    """The parts of a sealed value."""

    key_id: str
    wrapped: bytes
    value: bytes

    def __str__(self) -> str:
        return ".".join((_FORM, self.key_id, _encode(self.wrapped), _encode(self.value)))


class KeyRing:
    """Keys, the newest first: the first seals, all of them open."""

    def __init__(self, keys: tuple[_Key, ...]) -> None:
        self._keys = keys
        self._by_id = {key.id: key for key in keys}

    @classmethod
    def parse(cls, text: Secret, where: str) -> Self:
        """Read a ring from a secret's lines; empty ones do not count.

        Raises:
            SpecError: a line is no key. It names `where` and the line, never what stands there.
        """
        lines = [(n, line.strip()) for n, line in enumerate(text.reveal().splitlines(), start=1)]
        keys = tuple(_parse_key(line, f"{where}, line {n}") for n, line in lines if line)
        if not keys:
            raise SpecError((f"{where} holds no key. It needs {_ALPHABET}.",))
        if len({key.id for key in keys}) < len(keys):
            raise SpecError((f"{where} holds the same key twice. Remove one of the two lines.",))
        return cls(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, the newest first. An id tells nothing about its key."""
        return tuple(key.id for key in self._keys)

    def seal(self, plain: Secret, context: str) -> str:
        """Return a value as text that may be stored; twice the same value gives two texts."""
        data_key = AESGCM.generate_key(bit_length=8 * _KEY_BYTES)
        # A secret may hold halves of surrogate pairs too, and an encoding error would show it.
        padded = _pad(plain.reveal().encode("utf-8", "surrogatepass"))
        value = _encrypt(AESGCM(data_key), padded, _bound("value", context))
        return str(self._wrap(data_key, value, context))

    def open(self, sealed: str, context: str) -> Secret:
        """Return the value.

        Raises:
            UnknownKey: it was sealed with a key that is not in the ring.
            BrokenSeal: it was altered, or was sealed for another context.
        """
        parts = _parse(sealed)
        cipher = AESGCM(self._unwrap(parts, context))
        padded = _decrypt(cipher, parts.value, _bound("value", context))
        return Secret(_unpad(padded).decode("utf-8", "surrogatepass"))

    def reseal(self, sealed: str, context: str) -> str:
        """Return the sealed value with its data key wrapped in the newest key.

        Raises:
            UnknownKey, BrokenSeal: as for `open`; the value itself is not decrypted.
        """
        parts = _parse(sealed)
        return str(self._wrap(self._unwrap(parts, context), parts.value, context))

    def needs_resealing(self, sealed: str) -> bool:
        """Say whether another key than the newest seals the value; raises BrokenSeal."""
        return _parse(sealed).key_id != self._keys[0].id

    def knows_key_of(self, sealed: str) -> bool:
        """Say whether the ring has the key that seals the value; raises BrokenSeal."""
        return _parse(sealed).key_id in self._by_id

    @staticmethod
    def key_id_of(sealed: str) -> str:
        """Return the id of the key that seals the value; raises BrokenSeal."""
        return _parse(sealed).key_id

    def _wrap(self, data_key: bytes, value: bytes, context: str) -> _Sealed:
        newest = self._keys[0]
        wrapped = _encrypt(newest.cipher, data_key, _bound("key", context))
        return _Sealed(key_id=newest.id, wrapped=wrapped, value=value)

    def _unwrap(self, parts: _Sealed, context: str) -> bytes:
        key = self._by_id.get(parts.key_id)
        if key is None:
            raise UnknownKey(
                f"The key {parts.key_id} is not in the key ring, which has "
                f"{', '.join(self.key_ids)}. Put that key back into the secret, below the newest."
            )
        return _decrypt(key.cipher, parts.wrapped, _bound("key", context))


def _parse_key(line: str, where: str) -> _Key:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # Outside the handler: the error's arguments may hold the line.
    if len(raw) != _KEY_BYTES:
        raise SpecError((f"{where} is no key. It needs {_ALPHABET}.",))
    digest = hashlib.sha256(b"muster key id 1\0" + raw).hexdigest()
    return _Key(id=f"k1-{digest[:12]}", cipher=AESGCM(raw))


def _parse(sealed: str) -> _Sealed:
    parts = sealed.split(".")
    if len(parts) == 4 and parts[0] == _FORM and _KEY_ID.fullmatch(parts[1]):
        try:
            return _Sealed(key_id=parts[1], wrapped=_decode(parts[2]), value=_decode(parts[3]))
        except (binascii.Error, ValueError):
            pass
    raise BrokenSeal("The sealed value is damaged: it is none that Muster wrote. Restore it.")


def _bound(layer: str, context: str) -> bytes:
    return "\0".join((_FORM, layer, context)).encode()


def _encrypt(cipher: AESGCM, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound)


def _decrypt(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        pass
    raise BrokenSeal(
        "The sealed value is damaged: it was altered, or moved from another place. Restore it."
    )


def _pad(plain: bytes) -> bytes:
    whole = len(plain).to_bytes(4, "big") + plain
    return whole + bytes(-len(whole) % _PAD_BYTES)


def _unpad(padded: bytes) -> bytes:
    return padded[4 : 4 + int.from_bytes(padded[:4], "big")]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
