#!/bin/sh
# Installs the server of DevOps Trouble Map on Debian, Ubuntu and systems with rpm, and
# starts it. It can be run again: what is as it should be is left alone.
set -eu

self=install-server.sh
usage() {
    cat <<END
usage: sh $self [--from FOLDER|URL] [--sha256 SUM] [--listen ADDR] [--token-file FILE] [PACKAGE...]
       sh $self --uninstall [--purge]

  PACKAGE            files to install: dotm_….deb or dotm-….rpm
  --from FOLDER|URL  where a release lies, with its SHA256SUMS; without it, beside this script
  --sha256 SUM       checksum of that SHA256SUMS; needed with a URL
  --listen ADDR      where to serve, like :4849 for all; without it as it is, first 127.0.0.1:4849
  --token-file FILE  write a token for agents into a new file: any number, for a day
  --uninstall        stop and remove it; what it keeps stays in /var/lib/dotm
  --purge            remove that as well, and its configuration
END
}

# ---- from here on as in the other script of this folder; a test compares them ----

die() {
    echo "$self: $*" >&2
    exit 1
}

# Which packages this system takes, and what it calls its processor.
find_system() {
    [ "$(uname -s)" = Linux ] || die "needs Linux, this is $(uname -s)"
    [ "$(id -u)" = 0 ] || die "installs packages: run it as root (sudo sh $0 …)"
    case $(uname -m) in
    x86_64) deb_arch=amd64 rpm_arch=x86_64 ;;
    aarch64) deb_arch=arm64 rpm_arch=aarch64 ;;
    *) die "there are packages for x86_64 and aarch64, this is $(uname -m): build from source (make build)" ;;
    esac
    if command -v dpkg >/dev/null && [ -d /var/lib/dpkg/info ]; then
        format=deb
    elif command -v rpm >/dev/null; then
        format=rpm
    else
        die "finds neither dpkg nor rpm: take dotm_*.tar.gz, and the unit of packaging/systemd"
    fi
    booted=
    [ ! -d /run/systemd/system ] || booted=yes
}

# fetch FILE puts a file of the release into $work.
fetch() {
    case $from in
    https://* | http://*)
        if command -v curl >/dev/null; then
            curl --fail --silent --show-error --location --output "$work/$1" "$from/$1"
        elif command -v wget >/dev/null; then
            wget --quiet --output-document="$work/$1" "$from/$1"
        else
            die "needs curl or wget to fetch $from/$1"
        fi || die "can't fetch $from/$1"
        ;;
    *) cp "$from/$1" "$work/$1" || die "finds no $1 in $from (name the folder or URL of a release with --from)" ;;
    esac
}

# choose PACKAGE... finds this system's files of a release, fetches and checks them,
# and leaves their paths in $files.
choose() {
    case $from in
    http*) [ -n "$sha256" ] || die "needs --sha256 with a URL: the checksum of its SHA256SUMS, from somebody whom you trust" ;;
    esac
    fetch SHA256SUMS
    if [ -n "$sha256" ] && [ "$(sha256sum <"$work/SHA256SUMS")" != "$sha256  -" ]; then
        die "SHA256SUMS of $from is not the one with checksum $sha256"
    fi
    files=
    for package in "$@"; do
        case $format in
        deb) pattern="^${package}_.*_\($deb_arch\|all\)\.deb\$" ;;
        rpm) pattern="^${package}-[0-9].*\.\($rpm_arch\|noarch\)\.rpm\$" ;;
        esac
        file=$(awk '{ print $2 }' "$work/SHA256SUMS" | grep "$pattern") || die "finds no $package for $format and $(uname -m) in $from"
        [ "$(echo "$file" | wc -l)" = 1 ] || die "finds several of $package in $from: name the files"
        fetch "$file"
        (cd "$work" && awk -v f="$file" '$2 == f' SHA256SUMS | sha256sum --check --status) || die "$file doesn't have the checksum that SHA256SUMS says"
        files="$files $work/$file"
    done
}

# install_files FILE... installs packages, or upgrades to them; configuration that was
# changed stays. What is installed already is left alone.
install_files() {
    wanted=
    for file in "$@"; do
        [ -f "$file" ] || die "finds no file $file"
        case $format in
        deb)
            name=$(dpkg-deb -f "$file" Package) || die "$file is no package for dpkg"
            version=$(dpkg-deb -f "$file" Version)
            there=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null) || there=
            [ "$there" = "installed $version" ] || wanted=yes
            ;;
        rpm) rpm -q --quiet "$(rpm -qp "$file" 2>/dev/null)" || wanted=yes ;;
        esac
    done
    [ -n "$wanted" ] || return 0
    put_in "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        die "can't install $*"
    }
}

# put_in FILE... hands packages to what this system installs them with.
put_in() {
    case $format in
    deb)
        if command -v apt-get >/dev/null; then
            # apt takes a name with a slash for a file, and reads it as its own user.
            chmod -R go+rX "$work"
            for file in "$@"; do
                shift
                case $file in */*) set -- "$@" "$file" ;; *) set -- "$@" "./$file" ;; esac
            done
            DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
                --option Dpkg::Options::=--force-confold "$@" </dev/null
        else
            dpkg --force-confold --install "$@" </dev/null
        fi
        ;;
    rpm)
        if command -v dnf >/dev/null; then
            dnf install --assumeyes --quiet "$@"
        elif command -v zypper >/dev/null; then
            zypper --non-interactive --quiet install --allow-unsigned-rpm "$@"
        elif command -v yum >/dev/null; then
            yum install --assumeyes --quiet "$@"
        else
            rpm --upgrade --replacepkgs "$@"
        fi
        ;;
    esac
}

# is_installed PACKAGE
is_installed() {
    case $format in
    deb) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    rpm) rpm -q --quiet "$1" ;;
    esac
}

# remove_packages PACKAGE... takes away those that are there; with --purge, what they
# keep as well.
remove_packages() {
    present='' how=--remove
    [ -z "$purge" ] || how=--purge
    for package in "$@"; do
        if is_installed "$package" || { [ -n "$purge" ] && [ "$format" = deb ] && dpkg-query -W "$package" >/dev/null 2>&1; }; then
            present="$present $package"
        fi
    done
    [ -n "$present" ] || return 0
    # shellcheck disable=SC2086 # names of packages
    case $format in
    deb) dpkg $how $present >/dev/null ;;
    rpm) rpm --erase $present ;;
    esac || die "can't remove$present"
}

# assign FILE NAME VALUE sets a variable of a file for systemd, in the line where it
# stands already, be it commented out. The file keeps its mode.
assign() {
    case $3 in *[\"\\\'\$\`]* | *'
'*) die "$2 must have no quotes, backslashes or dollars" ;; esac
    name=$2 value=$3 awk '
        $0 ~ "^#?" ENVIRON["name"] "=" && !done { print ENVIRON["name"] "=" ENVIRON["value"]; done = 1; next }
        { print }
        END { if (!done) print ENVIRON["name"] "=" ENVIRON["value"] }' "$1" >"$work/assigned"
    cat "$work/assigned" >"$1" || die "can't write $1"
}

# until_true SECONDS COMMAND... runs a command until it succeeds.
until_true() {
    tries=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.2 2>/dev/null || sleep 1
    done
}

# bring_up UNIT FILE SUM starts a unit now and at each boot, and again if its file is
# no longer what it was (cksum).
bring_up() {
    systemctl --quiet enable "$1"
    if systemctl --quiet is-active "$1" && [ "$(cksum <"$2")" != "$3" ]; then
        systemctl restart "$1"
    else
        systemctl start "$1"
    fi || die "$1 doesn't start: journalctl -u $1"
}

# ---- up to here ----

uninstall() {
    if is_installed dotm-agent; then
        echo "The program and its configuration stay: dotm-agent needs the package (install-agent.sh --uninstall removes both)."
        [ -z "$booted" ] || systemctl --quiet disable --now dotm.service
    else
        remove_packages dotm
        [ -z "$purge" ] || rm -rf /etc/dotm /etc/default/dotm /etc/default/dotm.rpmsave
    fi
    [ -z "$purge" ] || rm -rf /var/lib/dotm /var/lib/private/dotm
    echo "The server is gone.${purge:+ So is all that it kept.}"
}

# ready tells whether the server answers its own machine.
ready() { dotm token list; }

main() {
    from=$(dirname "$0") sha256='' listen='' token='' purge='' remove=''
    while [ $# -gt 0 ]; do
        case $1 in
        --from | --sha256 | --listen | --token-file)
            [ $# -gt 1 ] || die "$1 needs a value"
            case $1 in
            --from) from=${2%/} ;;
            --sha256) sha256=$2 ;;
            --listen) listen=$2 ;;
            --token-file) token=$2 ;;
            esac
            shift
            ;;
        --uninstall) remove=yes ;;
        --purge) purge=yes ;;
        -h | --help) usage && exit 0 ;;
        -*) usage >&2 && die "doesn't know $1" ;;
        *) break ;;
        esac
        shift
    done
    find_system
    if [ -n "$remove" ]; then
        uninstall
        exit 0
    fi
    [ -z "$purge" ] || die "--purge goes with --uninstall"
    case $listen in
    '' | *:*) ;;
    *) die "--listen must be an address with a port, like :4849, is $listen" ;;
    esac
    [ -z "$token" ] || [ ! -e "$token" ] || die "--token-file must be a new file, $token exists"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    first=
    [ -e /var/lib/dotm ] || first=yes
    if [ $# -gt 0 ]; then
        install_files "$@"
    else
        choose dotm
        # shellcheck disable=SC2086 # one path, of ours
        install_files $files
    fi
    before=$(cksum </etc/default/dotm)
    [ -z "$listen" ] || assign /etc/default/dotm DOTM_LISTEN "$listen"
    if [ -z "$booted" ]; then
        echo "Installed. systemd doesn't run here: start it with dotm serve${listen:+ --listen $listen}"
        exit 0
    fi
    bring_up dotm.service /etc/default/dotm "$before"
    until_true 30 ready || die "the server doesn't answer: journalctl -u dotm"
    show
}

# show says where people and agents go on.
show() {
    at=$(sed -n 's/^DOTM_LISTEN=//p' /etc/default/dotm)
    port=${at##*:}
    case $at in
    '' | 127.* | localhost:* | '[::1]:'*)
        echo "The server is on http://${at:-127.0.0.1:4849}, for this machine only. With --listen :4849 it serves others."
        return
        ;;
    esac
    echo "The server is on https://$(uname -n):$port"
    if [ -n "$first" ]; then
        echo "Set the password of user admin first:"
        dotm login-link
    fi
    if [ -n "$token" ]; then
        (umask 077 && dotm token create --uses 0 >"$token") || die "can't write $token"
        echo "A token for agents is in $token. On each of their hosts:"
        echo "  sh install-agent.sh --server https://$(uname -n):$port --token-file $token"
    else
        echo "For agents: dotm token create > token, then on their hosts"
        echo "  sh install-agent.sh --server https://$(uname -n):$port --token-file token"
    fi
}

main "$@"
