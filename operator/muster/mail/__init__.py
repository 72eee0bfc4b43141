"""What people are told by e-mail: templates, welcomes and the digest. Pure; it sends nothing."""
