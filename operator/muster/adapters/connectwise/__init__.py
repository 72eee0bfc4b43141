"""ConnectWise PSA behind the `Psa` port."""

from muster.adapters.connectwise.psa import ApiKeys as ApiKeys
from muster.adapters.connectwise.psa import ConnectWisePsa as ConnectWisePsa
from muster.adapters.connectwise.psa import open_connectwise as open_connectwise
