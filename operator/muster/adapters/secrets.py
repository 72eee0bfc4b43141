"""Where secret values come from without a cluster: files, the environment, or both in turn."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from muster.errors import SpecError
from muster.model.connections import SecretRef
from muster.model.secret import Secret
from muster.ports import Secrets

_PREFIX = "MUSTER_SECRET"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
"""What names and keys of Kubernetes secrets may hold; no path leads out of the directory."""


class MissingSecret(SpecError):
    """A source does not have the value; another one may."""


class FileSecrets:
    """Reads DIRECTORY/NAME/KEY, one value in each file, as a mounted Kubernetes secret has it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, ref: SecretRef) -> Secret:
        """Return a file's text without the line break at its end.

        Raises:
            MissingSecret: there is no such file, or nothing in it.
            SpecError: it is readable for everybody, or is no text.
        """
        path = self._path(ref)
        try:
            with path.open("rb") as file:
                _require_private(file.fileno(), path)
                content = file.read()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise missing(ref, self._directory) from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise SpecError(
                (f"{path} cannot be read ({why}); let Muster's user read it.",)
            ) from error
        value = _text(content, path)
        if not value:
            raise missing(ref, self._directory)
        return Secret(value)

    def _path(self, ref: SecretRef) -> Path:
        for part in (ref.name, ref.key):
            if not _PLAIN_NAME.fullmatch(part):
                raise SpecError((f'the secret reference "{ref.name}/{ref.key}" is no plain name.',))
        return self._directory / ref.name / ref.key


class EnvironmentSecrets:
    """Reads MUSTER_SECRET_NAME_KEY, in upper case and with `_` for what is no letter or digit."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def read(self, ref: SecretRef) -> Secret:
        """Return a variable's value; raises MissingSecret when it is not set or empty."""
        value = self._environment.get(variable_of(ref), "")
        if not value:
            raise missing(ref, None)
        return Secret(value)


class ChainedSecrets:
    """Asks several sources in turn; the first that has the value gives it."""

    def __init__(self, *sources: Secrets) -> None:
        self._sources = sources

    def read(self, ref: SecretRef) -> Secret:
        """Return the value of the first source that has it.

        Raises:
            SpecError: no source has it, or one has it but must not be trusted.
        """
        problem: MissingSecret = missing(ref, None)
        for source in self._sources:
            try:
                return source.read(ref)
            except MissingSecret as error:
                # The message that names a directory helps more than the one that names none.
                problem = error if isinstance(source, FileSecrets) else problem
        raise problem


def variable_of(ref: SecretRef) -> str:
    """Return the environment variable that holds a value."""
    return re.sub(r"[^A-Z0-9]", "_", f"{_PREFIX}_{ref.name}_{ref.key}".upper())


def missing(ref: SecretRef, directory: Path | None) -> MissingSecret:
    """Return the error that says both ways to supply a value."""
    path = (directory or Path("SECRETS_DIRECTORY")) / ref.name / ref.key
    return MissingSecret(
        (
            f'the secret "{ref.name}" has no value for "{ref.key}"; put it into the file {path}'
            f" (readable for Muster's user alone), or set {variable_of(ref)}.",
        )
    )


def _require_private(descriptor: int, path: Path) -> None:
    """Refuse a file that every user of the machine can read."""
    if os.name == "posix" and os.fstat(descriptor).st_mode & stat.S_IROTH:
        raise SpecError(
            (
                f"{path} holds a secret and is readable for every user of this machine;"
                f" run: chmod 600 {path} (a mounted Kubernetes secret: defaultMode: 0400)",
            )
        )


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        pass
    # Outside the handler: the decoding error carries the whole content.
    raise SpecError((f"{path} is no UTF-8 text; write the secret again as plain text.",))
