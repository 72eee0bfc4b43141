"""Microsoft Entra Connect: one delta cycle after a run has changed passwords in Active Directory.

The trigger is a courtesy: password hashes travel every two minutes by themselves, so that what
fails here is a finding and never fails a reset.
"""

from muster.adapters.entra_connect.trigger import EntraConnectTrigger as EntraConnectTrigger
