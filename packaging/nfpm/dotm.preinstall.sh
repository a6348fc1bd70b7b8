#!/bin/sh
# Makes the user as which the server runs, before files come that its group may
# read. The line is that of /usr/lib/sysusers.d/dotm.conf, which isn't there yet.
set -e

if ! getent passwd dotm >/dev/null; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers --inline 'u dotm - "DevOps Trouble Map" /var/lib/dotm'
    else
        useradd --system --user-group --home-dir /var/lib/dotm --no-create-home \
            --shell /usr/sbin/nologin --comment "DevOps Trouble Map" dotm
    fi
fi
