#!/usr/bin/env bash
# Makes a key that signs what make test-packages builds, and nothing else: FILE is secret.
#   packaging/testkey.sh FILE
set -euo pipefail
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all 2>/dev/null || :; rm -rf "$GNUPGHOME"' EXIT
gpg --batch --quiet --passphrase "${SIGNING_PASSPHRASE:-}" --pinentry-mode loopback --quick-generate-key 'dotm test <test@dotm.invalid>' rsa3072 sign never
umask 077
mkdir -p "$(dirname "$1")"
gpg --batch --quiet --yes --passphrase "${SIGNING_PASSPHRASE:-}" --pinentry-mode loopback --armor --output "$1" --export-secret-keys
