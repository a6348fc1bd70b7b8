#!/usr/bin/env bash
# Makes the root file system that test/packages boots: this machine's Debian, from its
# own mirror, with systemd and what the tests ask with.
#   packaging/root.sh FOLDER
set -euo pipefail
# shellcheck disable=SC1091 # os-release(5)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mapfile -t sources < <(grep -lE "(^|[[:space:]])$suite([[:space:]]|\$)" /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true)
rm -rf "$1"
mkdir -p "$(dirname "$1")"
mmdebstrap --variant=minbase --skip=check/empty \
  --include=systemd,systemd-sysv,dbus,rpm,curl,ca-certificates,procps,iproute2,bash-completion,ansible-core \
  --dpkgopt='path-include=/usr/share/man/man1/dotm*' \
  "$suite" "$1" "${sources[@]}"
# Consoles, which a container has none of.
systemctl --quiet --root "$1" mask getty.target console-getty.service
