#!/usr/bin/env bash
# Builds this commit twice, from two clones in folders of different names, with another
# umask, time zone, language and home, and compares the bytes: npm and Go fetch and
# compile everything anew for the second. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -z $(git status --porcelain --untracked-files=no) ]] || { echo 'Only what is committed is compared: commit first.' >&2; exit 1; }
commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cache=$(cd .cache && pwd)

once() { # FOLDER VARIABLE=VALUE...
  git clone --quiet --no-local --no-checkout . "$work/$1"
  git -C "$work/$1" checkout --quiet --detach "$commit"
  ln -s "$cache" "$work/$1/.cache"
  (cd "$work/$1" && shift && env -u SIGNING_KEY UNSIGNED=1 "$@" make --silent packages >/dev/null)
  echo "$1: $(wc -l <"$work/$1/dist/SHA256SUMS") files"
}
(umask 022 && once here TZ=UTC)
(umask 077 && once a/quite/different/place TZ=Asia/Kathmandu LANG=C.UTF-8 HOSTNAME=other GOCACHE="$work/cache")
diff "$work/here/dist/SHA256SUMS" "$work/a/quite/different/place/dist/SHA256SUMS"
cat "$work/here/dist/SHA256SUMS"
echo 'Both builds have the same bytes.'
