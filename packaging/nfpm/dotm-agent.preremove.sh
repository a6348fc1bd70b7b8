#!/bin/sh
# Stops the agent when the package goes for good; an upgrade restarts it later.
set -e

case "$1" in
remove | 0) # dpkg, rpm
    if [ -d /run/systemd/system ]; then
        systemctl stop dotm-agent.service
    fi
    if command -v systemctl >/dev/null; then
        systemctl --quiet disable dotm-agent.service 2>/dev/null || : # it may never have been enabled
    fi
    ;;
esac
