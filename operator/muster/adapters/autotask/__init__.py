"""Autotask PSA behind the `Psa` port."""

from muster.adapters.autotask.psa import AutotaskPsa as AutotaskPsa
from muster.adapters.autotask.psa import open_autotask as open_autotask
from muster.adapters.autotask.session import ApiKeys as ApiKeys
from muster.adapters.autotask.zones import ZoneDirectory as ZoneDirectory
