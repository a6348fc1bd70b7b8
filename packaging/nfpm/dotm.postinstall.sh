#!/bin/sh
# An upgrade restarts what runs with the program: server and agent. What was never
# started stays so: systemctl enable --now dotm.
set -e

case "$1" in
configure) before=$2 ;; # dpkg: the version before, or nothing
abort-*) exit 0 ;;
*) before=$(($1 - 1)) && before=${before#0} ;; # rpm: how many there are now
esac

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if [ -n "$before" ]; then
        for unit in dotm.service dotm-agent.service; do
            if systemctl --quiet is-active "$unit"; then
                systemctl restart "$unit" || echo "dotm: $unit doesn't start again: journalctl -u $unit" >&2
            fi
        done
    fi
fi
if [ -z "$before" ]; then
    echo "The server is off. To have it on http://127.0.0.1:4849: systemctl enable --now dotm"
    echo "To serve other machines set DOTM_LISTEN in /etc/default/dotm first."
fi
