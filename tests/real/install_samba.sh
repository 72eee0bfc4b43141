#!/bin/sh
# Install what tests/real needs from the distribution (Debian, Ubuntu); run as root.
# samba-ad-provision is only recommended by samba-ad-dc, yet provisioning needs its files.
set -eu
if command -v samba-tool >/dev/null && command -v samba >/dev/null && command -v ldbadd >/dev/null; then
  echo "Samba is installed: $(samba --version)"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
  samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules python3-samba \
  ldb-tools winbind krb5-config
# Where an init system starts them, they would hold the ports that the tests need.
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
  for service in smbd nmbd winbind samba-ad-dc; do
    systemctl disable --now "$service" 2>/dev/null || true
  done
fi
