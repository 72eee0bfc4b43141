"""Muster keeps an MSP's directories, password vaults and PSAs in agreement with git."""

__all__ = ["__version__"]

__version__ = "0.1.0"
