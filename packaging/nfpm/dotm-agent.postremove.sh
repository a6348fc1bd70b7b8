#!/bin/sh
# The agent's identity stays, unless it is purged (dpkg). The server goes on knowing
# it until "dotm agents revoke" there.
set -e

case "$1" in
purge)
    rm -rf /var/lib/dotm-agent /var/lib/private/dotm-agent
    ;;
esac
case "$1" in
purge | remove | 0)
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
    ;;
esac
