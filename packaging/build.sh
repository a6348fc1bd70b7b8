#!/usr/bin/env bash
# Builds what a release has into dist/: packages and archives for Linux on amd64 and
# arm64, archives of the client for macOS, what is in them (SBOM), and checksums. The same commit gives the same bytes, in
# any folder, at any time, by any user (packaging/reproduce.sh shows it).
#
# The UI must have been built (make ui). Asked from the environment: GO, NFPM,
# CYCLONEDX (programs), VERSION and SOURCE_DATE_EPOCH (of the commit, unless set),
# ARCHES and DARWIN (processors), DIST; SIGNING_KEY and SIGNING_PASSPHRASE (packaging/sign.sh).
# What is tagged as a release is not built without a key, unless UNSIGNED is set. Signed
# packages differ from unsigned ones by their signature alone.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC GOFLAGS=-mod=readonly CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0

: "${GO:=go}" "${NFPM:=nfpm}" "${CYCLONEDX:=cyclonedx-gomod}" "${ARCHES:=amd64 arm64}" "${DIST:=dist}"
: "${DARWIN=amd64 arm64}"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if [[ -z ${SIGNING_KEY:-} && -z ${UNSIGNED:-} ]] && git describe --tags --exact-match --match 'v[0-9]*' HEAD >/dev/null 2>&1; then
  echo 'This commit is a release: set SIGNING_KEY to the file of the secret key that signs it, or UNSIGNED=1' >&2
  exit 1
fi
export SIGNING_KEY=${SIGNING_KEY:-} NFPM_PASSPHRASE=${SIGNING_PASSPHRASE:-}
[[ -f web/dist/index.html ]] || { echo 'The UI is not built: make ui' >&2; exit 1; }

# release turns what git describe says into a version that dpkg and rpm order as it
# is meant: v1.2.0 is 1.2.0, five commits later 1.2.0+5.g2a95fa9, and without any tag
# 0.1.0~git20260131120000.2a95fa9, which is before the first release.
release() {
  local said
  said=$(git describe --tags --match 'v[0-9]*' 2>/dev/null) || {
    echo "0.1.0~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).${revision:0:7}"
    return
  }
  said=${said#v}
  if [[ $said =~ ^(.*)-([0-9]+)-(g[0-9a-f]+)$ ]]; then
    said="${BASH_REMATCH[1]}+${BASH_REMATCH[2]}.${BASH_REMATCH[3]}"
  fi
  echo "${said//-/\~}"
}
VERSION=${VERSION:-$(release)}
export VERSION

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
rm -rf "$DIST"
mkdir -p "$DIST"

program() { # SYSTEM ARCH FILE
  GOOS=$1 GOARCH=$2 "$GO" build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION -X main.revision=$revision" -o "$3" ./cmd/dotm
}

# The manual is what the program says of itself, on the machine that builds.
program "$("$GO" env GOHOSTOS)" "$("$GO" env GOHOSTARCH)" "$stage/here"
mkdir "$stage/man"
"$stage/here" man --dir "$stage/man" --date "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)"
gzip -9n "$stage"/man/*.1

lay() { # SYSTEM ARCH: all that an archive has, in $root
  root=$stage/$1_$2
  mkdir "$root"
  program "$1" "$2" "$root/dotm"
  cp -r "$stage/man" cmd/dotm/completion "$root/"
  "$GO" run ./packaging/notices -binary "$root/dotm" -web web -about packaging/copyright >"$root/copyright"
  find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  find "$root" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} + && chmod 755 "$root/dotm"
}

# What deb-changelog(5) wants of a package; CHANGELOG.md says what is new.
debian() { # PACKAGE FILE
  printf '%s (%s-1) unstable; urgency=medium\n\n  * See https://github.com/devops-trouble-map/dotm/blob/main/CHANGELOG.md\n\n -- %s  %s\n' \
    "$1" "$VERSION" "$(sed -n 's/^maintainer: //p' packaging/nfpm/dotm.yaml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
    gzip -9n >"$2"
}

archive() { # SYSTEM ARCH: of what was laid, with the list of its parts
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    --transform "s,^\./,dotm_${VERSION}_$1_$2/," -C "$root" -cf - ./dotm ./man ./completion ./copyright |
    gzip -9n >"$DIST/dotm_${VERSION}_$1_$2.tar.gz"
  "$CYCLONEDX" bin -json -std -noserial -output "$stage/go.json" -version "$VERSION" "$root/dotm" 2>/dev/null
  (cd web && npm sbom --package-lock-only --omit dev --sbom-format cyclonedx) >"$stage/web.json"
  node packaging/sbom.mjs "$stage/go.json" "$stage/web.json" >"$DIST/dotm_${VERSION}_$1_$2.cdx.json"
}

for arch in $ARCHES; do
  lay linux "$arch"
  gzip -9nc CHANGELOG.md >"$root/changelog.gz"
  debian dotm "$root/changelog.Debian.gz"
  debian dotm-agent "$root/agent.changelog.Debian.gz"
  touch -d "@$SOURCE_DATE_EPOCH" "$root"/*.gz
  for format in deb rpm; do
    STAGE=$root ARCH=$arch "$NFPM" package --config packaging/nfpm/dotm.yaml --packager $format --target "$DIST/" >/dev/null
  done
  archive linux "$arch"
done
for arch in $DARWIN; do
  lay darwin "$arch"
  archive darwin "$arch"
done

# The agent's package is a unit and a file: one for all.
first=${ARCHES%% *}
for format in deb rpm; do
  STAGE=$stage/linux_$first ARCH=all "$NFPM" package --config packaging/nfpm/dotm-agent.yaml --packager $format --target "$DIST/" >/dev/null
done
install -m 755 scripts/install-server.sh scripts/install-agent.sh "$DIST/"
(cd "$DIST" && sha256sum -- * >"$stage/sums" && mv "$stage/sums" SHA256SUMS)
[[ -z $SIGNING_KEY ]] || packaging/sign.sh "$DIST"
(cd "$DIST" && ls -l -- *)
