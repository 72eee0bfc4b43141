"""Active Directory behind the `Directory` and `PasswordDirectory` ports, over LDAP."""

from muster.adapters.active_directory.adapter import (
    ActiveDirectoryAdapter as ActiveDirectoryAdapter,
)
from muster.adapters.active_directory.adapter import login_of as login_of
from muster.adapters.active_directory.passwords import (
    ActiveDirectoryPasswords as ActiveDirectoryPasswords,
)
