"""A domain controller for the lab: LDAPv3 over real sockets, with Active Directory's habits."""
