"""A simulated KV secrets engine, version 2, as OpenBao and HashiCorp Vault have it."""

from muster.lab.key_value.lab import KeyValueLab as KeyValueLab
