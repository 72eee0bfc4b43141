"""Secret values from the Secrets of the namespace."""

from __future__ import annotations

import base64
import binascii

from muster.errors import SpecError
from muster.kube.api import KubeApi
from muster.kube.resources import SECRET
from muster.model.connections import SecretRef
from muster.model.secret import Secret


class KubeSecrets:
    """Reads a Secret each time it is asked, so that a changed one is seen."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def read(self, ref: SecretRef) -> Secret:
        """Return a value.

        Raises:
            SpecError: there is no such Secret or key, or its value is no UTF-8 text.
        """
        found = self._api.read(SECRET, self._namespace, ref.name)
        if found is None:
            raise SpecError(
                (
                    f'Secret "{ref.name}" does not exist in {self._namespace}. Create it '
                    f'with the key "{ref.key}".',
                )
            )
        encoded = found.get("data", {}).get(ref.key)
        if not encoded:
            raise SpecError((f'Secret "{ref.name}" has no key "{ref.key}". Add it.',))
        try:
            return Secret(base64.b64decode(encoded).decode().rstrip("\r\n"))
        except (binascii.Error, UnicodeDecodeError):
            problem = f'Secret "{ref.name}", key "{ref.key}": the value is no UTF-8 text.'
        raise SpecError((problem,))
