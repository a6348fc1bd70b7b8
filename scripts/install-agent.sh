#!/bin/sh
# Installs the agent of DevOps Trouble Map on Debian, Ubuntu and systems with rpm,
# enrols it, and waits until the server took its first report. It can be run again:
# what is as it should be is left alone.
set -eu

self=install-agent.sh
usage() {
    cat <<END
usage: sh $self --server URL --token-file FILE [--zone Z] [--interval D]
                [--anew] [--from FOLDER|URL] [--sha256 SUM] [PACKAGE...]
       sh $self --uninstall [--purge]

  PACKAGE            files to install: dotm_….deb and dotm-agent_….deb, or two .rpm
  --server URL       the server, like https://dotm.example:4849
  --token-file FILE  what "dotm token create" printed there; - is standard input. Not
                     needed once the agent has its identity
  --zone Z           the part of the site in which this machine's addresses mean one thing
  --interval D       time between two looks, like 30s; without it 10s
  --anew             drop the identity first, as when the server revoked it
  --from FOLDER|URL  where a release lies, with its SHA256SUMS; without it, beside this script
  --sha256 SUM       checksum of that SHA256SUMS; needed with a URL
  --uninstall        stop and remove it; its identity stays in /var/lib/dotm-agent
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

settings=/etc/default/dotm-agent

uninstall() {
    if [ -n "$booted" ] && { systemctl --quiet is-active dotm.service || systemctl --quiet is-enabled dotm.service; } 2>/dev/null; then
        echo "The program stays: this machine is a server, too (install-server.sh --uninstall)."
        remove_packages dotm-agent
    else
        remove_packages dotm-agent dotm
    fi
    [ -z "$purge" ] || rm -rf /var/lib/dotm-agent /var/lib/private/dotm-agent "$settings" "$settings.rpmsave"
    echo "The agent is gone. The server still knows it: dotm agents revoke ID, there."
}

# enrolled tells whether the agent has an identity; one that it still asks for has no id.
enrolled() { grep -q '"id"' /var/lib/dotm-agent/agent.json; }

# reports tells whether the server took a report since the unit started.
reports() {
    journalctl --quiet --grep ' reports to ' \
        _SYSTEMD_INVOCATION_ID="$(systemctl show --value --property InvocationID dotm-agent.service)"
}

main() {
    from=$(dirname "$0") sha256='' server='' token='' flags='' purge='' remove='' anew=''
    while [ $# -gt 0 ]; do
        case $1 in
        --from | --sha256 | --server | --token-file | --zone | --interval)
            [ $# -gt 1 ] || die "$1 needs a value"
            case $1 in
            --from) from=${2%/} ;;
            --sha256) sha256=$2 ;;
            --server) server=$2 ;;
            --token-file) token=$2 ;;
            *) flags="$flags${flags:+ }$1 $2" ;;
            esac
            shift
            ;;
        --uninstall) remove=yes ;;
        --purge) purge=yes ;;
        --anew) anew=yes ;;
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
    case $server in
    https://* | http://*) ;;
    *) die "--server must be an address like https://dotm.example:4849, is ${server:-missing}" ;;
    esac
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    secret=
    if [ -n "$token" ]; then
        secret=$(if [ "$token" = - ]; then cat; else cat "$token"; fi) || die "can't read the token"
        [ -n "$secret" ] || die "$token is empty (dotm token create prints a token)"
    fi
    if [ $# -gt 0 ]; then
        install_files "$@"
    else
        choose dotm dotm-agent
        # shellcheck disable=SC2086 # two paths, of ours
        install_files $files
    fi
    if [ -n "$anew" ]; then
        [ -z "$booted" ] || systemctl --quiet stop dotm-agent.service
        rm -f /var/lib/dotm-agent/agent.json
    fi
    configure
    if [ -z "$booted" ]; then
        echo "Installed and configured. systemd doesn't run here: it starts with the machine."
        systemctl --quiet enable dotm-agent.service 2>/dev/null || :
        exit 0
    fi
    bring_up dotm-agent.service "$settings" "$before"
    if ! until_true 30 enrolled || ! until_true 30 reports; then
        journalctl --quiet --unit dotm-agent --lines 5 --output cat >&2 || :
        die "the server has no report yet: what the agent says stands above (journalctl -fu dotm-agent)"
    fi
    # The token was exchanged for an identity: it needs not lie around.
    if grep -q '^DOTM_TOKEN=.' "$settings"; then
        assign "$settings" DOTM_TOKEN ""
    fi
    echo "$(uname -n) reports to $server."
}

# configure writes what was asked for, and keeps what else stands there.
configure() {
    [ -n "$secret" ] || enrolled 2>/dev/null || grep -q '^DOTM_TOKEN=.' "$settings" ||
        die "needs --token-file with what \"dotm token create\" printed on the server's machine"
    before=$(cksum <"$settings")
    chmod 600 "$settings"
    assign "$settings" DOTM_SERVER "$server"
    [ -z "$flags" ] || assign "$settings" DOTM_AGENT_FLAGS "$flags"
    # Who is enrolled keeps its identity: another token would not be another machine.
    if [ -n "$secret" ] && ! enrolled 2>/dev/null; then
        assign "$settings" DOTM_TOKEN "$secret"
    fi
}

main "$@"
