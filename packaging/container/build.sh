#!/usr/bin/env bash
# Lays out the folder that the Containerfile is built in, from a program of dist/:
#   packaging/container/build.sh [amd64|arm64]
# The system's CA certificates go along: receivers and monitoring systems are asked by
# HTTPS.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=${1:-$(go env GOHOSTARCH)}
cas=${CA_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
out=dist/container
[[ -f $cas ]] || { echo "finds no CA certificates at $cas (Debian: apt install ca-certificates; else set CA_CERTIFICATES)" >&2; exit 1; }
archives=(dist/dotm_*_linux_"$arch".tar.gz)
[[ -f ${archives[0]} ]] || { echo "finds no archive for $arch: make packages" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out"/root/{etc/ssl/certs,usr/share/doc/dotm} "$out/data"
mkdir -m 1777 "$out/root/tmp"
tar -xzf "${archives[0]}" --strip-components=1 -C "$out/root" --wildcards '*/dotm' '*/copyright'
mv "$out/root/copyright" "$out/root/usr/share/doc/dotm/"
install -m 644 "$cas" "$out/root/etc/ssl/certs/ca-certificates.crt"
echo 'dotm:x:65532:65532:DevOps Trouble Map:/data:/nologin' >"$out/root/etc/passwd"
echo 'dotm:x:65532:' >"$out/root/etc/group"
