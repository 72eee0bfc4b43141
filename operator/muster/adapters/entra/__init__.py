"""Microsoft Entra ID behind the `EntraDirectory` port."""

from muster.adapters.entra.adapter import EntraAdapter as EntraAdapter
from muster.adapters.entra.adapter import open_entra as open_entra
from muster.adapters.entra.login_http import SignInRefused as SignInRefused
