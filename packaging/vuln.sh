#!/usr/bin/env bash
# Looks for known holes in what is used, by govulncheck: 0 there are none that the program
# reaches, 3 there are, 2 it could not ask. It asks vuln.go.dev, or GOVULNDB if set; where
# that isn't reached, the same database as the Go module golang.org/x/vulndb, which is as
# old as it says. Asked from the environment: GO, GOVULNCHECK (programs).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${GO:=go}" "${GOVULNCHECK:=govulncheck}"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
status=0
"$GOVULNCHECK" ./... >"$said" 2>&1 || status=$?
cat "$said"
[[ $status = 1 ]] && grep -q 'vuln.go.dev.*\(lookup\|dial\|timeout\|connect\|proxyconnect\|Bad Gateway\|Forbidden\)' "$said" || exit "$status"

echo 'vuln.go.dev is not reached: the database comes from the Go module proxy.' >&2
found=$(cd / && GOFLAGS=-mod=mod "$GO" mod download -json golang.org/x/vulndb@latest) || {
  echo "Nobody was asked: neither vuln.go.dev nor golang.org/x/vulndb is reached from here. $found" >&2
  exit 2
}
dir=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<<"$found") version=$(sed -n 's/^\t"Version": "\(.*\)",*$/\1/p' <<<"$found")
echo "golang.org/x/vulndb $version: $(find "$dir/data/osv" -name 'GO-*.json' | wc -l) entries, the newest of $(grep -ho '"modified": "[0-9-]*' -r "$dir/data/osv" | sort | tail -n 1 | cut -c14-)"
"$GOVULNCHECK" -db "file://$dir/data/osv" ./...
