"""Which products a lab is made of: one word each for directories, vault and PSA."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Self


class DirectoryMix(StrEnum):
    """What the customers' people stand in."""

    ACTIVE_DIRECTORY = "ad"
    ENTRA = "entra"
    HYBRID = "hybrid"
    """Active Directory, synchronized to Entra."""


class VaultMix(StrEnum):
    """Where the MSP keeps passwords."""

    IT_GLUE = "itglue"
    HUDU = "hudu"
    NATIVE = "native"


class PsaMix(StrEnum):
    """Where the MSP keeps contacts."""

    CONNECT_WISE = "connectwise"
    AUTOTASK = "autotask"
    HALO_PSA = "halopsa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The products of one lab, written such as `hybrid-hudu-autotask`."""

    directory: DirectoryMix = DirectoryMix.ACTIVE_DIRECTORY
    vault: VaultMix = VaultMix.IT_GLUE
    psa: PsaMix = PsaMix.CONNECT_WISE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a mix.

        Raises:
            ValueError: it is none of `MIXES`.
        """
        for mix in MIXES:
            if str(mix) == text:
                return cls(directory=mix.directory, vault=mix.vault, psa=mix.psa)
        raise ValueError(
            f'"{text}" is no estate; write DIRECTORY-VAULT-PSA with one of '
            f"{', '.join(DirectoryMix)}; one of {', '.join(VaultMix)}; one of {', '.join(PsaMix)}."
        )

    def __str__(self) -> str:
        return f"{self.directory}-{self.vault}-{self.psa}"

    @property
    def has_domain(self) -> bool:
        """Whether the customers have Active Directory."""
        return self.directory is not DirectoryMix.ENTRA

    @property
    def has_tenant(self) -> bool:
        """Whether the customers have an Entra tenant."""
        return self.directory is not DirectoryMix.ACTIVE_DIRECTORY


MIXES = tuple(
    Mix(directory=directory, vault=vault, psa=psa)
    for directory, vault, psa in product(DirectoryMix, VaultMix, PsaMix)
)
"""Every combination."""
