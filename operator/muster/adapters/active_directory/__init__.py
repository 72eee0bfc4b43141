"""Active Directory behind the `Directory` port, over LDAP."""

from muster.adapters.active_directory.adapter import (
    ActiveDirectoryAdapter as ActiveDirectoryAdapter,
)
