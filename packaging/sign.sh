#!/usr/bin/env bash
# Signs the checksums of a release, by OpenPGP: SHA256SUMS.asc, and the public key in
# dotm.asc, beside SHA256SUMS. The packages themselves are signed by nfpm, with the same key.
#   SIGNING_KEY=FILE [SIGNING_PASSPHRASE=…] packaging/sign.sh FOLDER
# SIGNING_KEY is a file with one secret key (gpg --armor --export-secret-keys). It is taken
# into a keyring that lasts as long as this script, and stands in no argument.
set -euo pipefail
[[ -s ${SIGNING_KEY:?must name the file of a secret key} ]] || { echo "SIGNING_KEY: $SIGNING_KEY is no file with a key" >&2; exit 1; }
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all 2>/dev/null || :; rm -rf "$GNUPGHOME"' EXIT
say() { gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase-fd 3 "$@" 3<<<"${SIGNING_PASSPHRASE:-}"; }
say --import "$SIGNING_KEY"
mapfile -t keys < <(gpg --batch --list-secret-keys --with-colons | sed -n '/^sec:/{n;s/^fpr:*\([0-9A-F]*\):$/\1/p}')
[[ ${#keys[@]} = 1 ]] || { echo "SIGNING_KEY: $SIGNING_KEY must hold one secret key, holds ${#keys[@]}" >&2; exit 1; }
say --yes --armor --output "$1/dotm.asc" --export "${keys[0]}"
say --yes --armor --local-user "${keys[0]}" --output "$1/SHA256SUMS.asc" --detach-sign "$1/SHA256SUMS"
echo "signed by ${keys[0]}"
