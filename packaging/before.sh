#!/usr/bin/env bash
# Builds the packages of the commit before as version 0.0.1 into a folder, for this
# machine's processor and with the UI that is built already: what an upgrade begins with.
#   packaging/before.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(cd "$1" && pwd)
commit=HEAD~1
git cat-file -e "$commit:packaging/build.sh" 2>/dev/null || commit=HEAD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive "$commit" | tar -x -C "$work"
cp -r web/dist "$work/web/"
ln -s "$PWD/web/node_modules" "$work/web/node_modules"
VERSION=0.0.1 ARCHES=$(go env GOHOSTARCH) DARWIN="" DIST=$out SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit") "$work/packaging/build.sh" >/dev/null
