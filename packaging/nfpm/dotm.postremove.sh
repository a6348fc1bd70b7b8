#!/bin/sh
# What the server keeps stays, unless it is purged (dpkg). The user stays as well, so
# that its number is not given to another.
set -e

case "$1" in
purge)
    rm -rf /var/lib/dotm /var/lib/private/dotm /etc/dotm
    ;;
esac
case "$1" in
purge | remove | 0)
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
    ;;
esac
