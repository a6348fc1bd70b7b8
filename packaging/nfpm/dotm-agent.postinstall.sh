#!/bin/sh
# An upgrade restarts the agent if it runs.
set -e

case "$1" in
configure) before=$2 ;; # dpkg: the version before, or nothing
abort-*) exit 0 ;;
*) before=$(($1 - 1)) && before=${before#0} ;; # rpm: how many there are now
esac

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if [ -n "$before" ] && systemctl --quiet is-active dotm-agent.service; then
        systemctl restart dotm-agent.service || echo "dotm-agent doesn't start again: journalctl -u dotm-agent" >&2
    fi
fi
if [ -z "$before" ]; then
    echo "The agent is off. Name the server and a token (dotm token create there) in"
    echo "/etc/default/dotm-agent, then: systemctl enable --now dotm-agent"
fi
