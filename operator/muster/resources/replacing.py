"""Puts new content in a file's place. What it is, and whether it may, is left to others."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def replace_file(file: Path, data: bytes) -> None:
    """Write a file that is there anew, so that a crash leaves the old content or the new one.

    A link stays a link; the file that it leads to is written. Raises OSError.
    """
    real = file.resolve()
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(data)
        shutil.copymode(real, name)
        Path(name).replace(real)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
