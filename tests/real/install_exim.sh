#!/bin/sh
# Install the mail server that tests/real sends to (Debian, Ubuntu); run as root.
set -eu
if command -v exim4 >/dev/null; then
  echo "Exim is installed: $(exim4 -bV | head -n 1)"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends exim4-daemon-light
# The tests start one of their own.
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
  systemctl disable --now exim4 2>/dev/null || true
fi
