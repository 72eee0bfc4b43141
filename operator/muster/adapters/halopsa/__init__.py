"""HaloPSA behind the `Psa` port."""

from muster.adapters.halopsa.psa import HaloPsaAdapter as HaloPsaAdapter
from muster.adapters.halopsa.psa import open_halopsa as open_halopsa
