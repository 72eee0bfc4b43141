"""A recording as a file: one compact JSON document, compressed when its name ends in .gz."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from muster.errors import MusterError, StateError
from muster.recording.model import Recording
from muster.registry.encoding import Document

_DOCUMENT = Document(Recording)
MAX_BYTES = 2 * 1024**3
"""A recording of 100,000 accounts takes some 200 MB; what grows beyond this is no recording."""


class BadRecording(MusterError):
    """The file cannot be read or written as a recording."""


def write_recording(recording: Recording, file: Path) -> None:
    """Write the file whole or not at all, for its owner's eyes only.

    The same recording gives the same bytes. Raises BadRecording when the disk refuses it.
    """
    data = _DOCUMENT.encode(recording).encode()
    if file.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    part = file.with_name(f"{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        part.replace(file)
    except OSError as error:
        raise BadRecording(f"The recording cannot be written: {file}: {error.strerror}.") from None


def read_recording(file: Path) -> Recording:
    """Read a recording.

    Raises:
        BadRecording: there is none, it is damaged, or another version of Muster wrote it.
    """
    try:
        data = file.read_bytes()
        text = (_unpack(data) if file.suffix == ".gz" else data).decode()
        return _DOCUMENT.decode(text, str(file))
    except OSError as error:
        why = error.strerror or "it is not compressed as its name says"
    except (ValueError, EOFError, zlib.error):
        why = "it is damaged"
    except StateError:
        why = "it is no recording, or another version of Muster made it"
    raise BadRecording(
        f"The recording cannot be read: {file}: {why}. Make it with `muster plan --record`."
    )


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    found = unpacker.decompress(data, MAX_BYTES)
    if not unpacker.eof:
        raise ValueError("cut short, or far too large")
    return found
