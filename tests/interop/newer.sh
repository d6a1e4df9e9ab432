# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086
#
# Newer versions of the peers than this system's release has: an unpacked tree of the distribution's
# newest suite with OpenSSH and OpenSSL, made once by debootstrap and kept under the user's cache directory; and
# a second one with PuTTY, AsyncSSH, TinySSH and Dropbear, of the first of several suites in which they
# install. Needs root (chroot) and a distribution that debootstrap knows; whatever is missing, the groups
# that want it are skipped and say why.
#
# Variables: INTEROP_NEWER=0 (do without), INTEROP_NEWER_DIR (the tree), INTEROP_NEWER_SUITE (sid),
# INTEROP_LATER_SUITES (sid forky trixie).

NEWER_DIR=${INTEROP_NEWER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/nacre-interop/${INTEROP_NEWER_SUITE:-sid}}
NEWER_LIMIT=240        # seconds for the making of each
NEWER_OPENSSL_LIMIT=90 # and for OpenSSL, if it alone is missing
export NEWER_DIR
LATER_TOP=${XDG_CACHE_HOME:-$HOME/.cache}/nacre-interop
# one of the names is virtual, which debootstrap does not resolve: hence cffi
LATER_PACKAGES=putty-tools,tinysshd,dropbear-bin,python3-asyncssh,python3-cffi-backend,libnettle8t64

# Makes the tree if it is not there; prints why if that cannot be.
make_newer() {
    [ "${INTEROP_NEWER:-1}" = 1 ] || { echo "switched off"; return; }
    [ ! -e "$NEWER_DIR/.complete" ] || return 0
    [ "$(id -u)" -eq 0 ] || { echo "not root: cannot chroot"; return; }
    if ! command -v debootstrap > /dev/null; then
        [ "${INTEROP_INSTALL:-1}" = 1 ] && command -v apt-get > /dev/null &&
            DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
                debootstrap > /dev/null 2>&1
        command -v debootstrap > /dev/null || { echo "debootstrap is not installed"; return; }
    fi
    rm -rf "$NEWER_DIR"
    mkdir -p "$NEWER_DIR" || { echo "no room for $NEWER_DIR"; return; }
    if ! timeout -k 10 "$NEWER_LIMIT" debootstrap --variant=minbase --include=openssh-client,openssh-server,openssl \
        "${INTEROP_NEWER_SUITE:-sid}" "$NEWER_DIR" > "$LOGS/newer.log" 2>&1; then
        # A suite in motion may have packages that do not configure; that these two run is enough.
        [ -x "$NEWER_DIR/usr/sbin/sshd" ] && chroot "$NEWER_DIR" ssh -V > /dev/null 2>&1 || {
            rm -rf "$NEWER_DIR"
            echo "debootstrap failed or took over $NEWER_LIMIT s (offline?): $(tail -n 1 "$LOGS/newer.log" | cut -c -100)"
            return
        }
    fi
    rm -f "$LOGS/newer.log"
    rm -rf "$NEWER_DIR"/var/cache/apt/archives/*.deb
    tree_devices "$NEWER_DIR"
    touch "$NEWER_DIR/.complete"
}

# Trees that were made without it, or whose suite was in motion then. What fails is tried again next time.
complete_newer() {
    [ -e "$NEWER_DIR/.complete" ] && ! chroot "$NEWER_DIR" openssl version > /dev/null 2>&1 || return 0
    [ "${INTEROP_INSTALL:-1}" = 1 ] || return 0
    timeout -k 10 "$NEWER_OPENSSL_LIMIT" chroot "$NEWER_DIR" env DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c 'apt-get -q -o Acquire::Check-Valid-Until=false update && apt-get -q -y --no-install-recommends install openssl' \
        > "$LOGS/newer.log" 2>&1 < /dev/null && rm -f "$LOGS/newer.log"
    rm -rf "$NEWER_DIR"/var/cache/apt/archives/*.deb
    true
}

# What programs in a tree expect to be there, if the machine lets us make it
tree_devices() { # TREE
    mkdir -p "$1/dev"
    [ -c "$1/dev/null" ] || mknod -m 666 "$1/dev/null" c 1 3 2> /dev/null
    [ -c "$1/dev/urandom" ] || mknod -m 666 "$1/dev/urandom" c 1 9 2> /dev/null
}

# The complete second tree, if there is one
later_dir() {
    for suite in ${INTEROP_LATER_SUITES:-sid forky trixie}; do
        [ -e "$LATER_TOP/peers-$suite/.complete" ] && echo "$LATER_TOP/peers-$suite" && return
    done
}

in_later() { chroot "$LATER_DIR" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
has_later() { # PROGRAM or python module: it runs
    [ -n "$LATER_DIR" ] || return 1
    case $1 in
    asyncssh) in_later python3 -W ignore -c 'import asyncssh' 2> /dev/null ;;
    *) in_later sh -c "command -v $1" > /dev/null 2>&1 ;;
    esac
}

# Tries the suites within the time that is left: one in motion may not install them all, an older one
# does. Prints why if none did. Needs what make_newer has seen to.
make_later() {
    LATER_DIR=$(later_dir)
    export LATER_DIR
    [ -z "$LATER_DIR" ] || return 0
    { [ "${INTEROP_NEWER:-1}" = 1 ] && [ "$(id -u)" -eq 0 ] && command -v debootstrap > /dev/null; } ||
        { echo "as above"; return; }
    until=$(($(date +%s) + NEWER_LIMIT))
    for suite in ${INTEROP_LATER_SUITES:-sid forky trixie}; do
        left=$((until - $(date +%s)))
        [ $left -gt 30 ] || break
        LATER_DIR=$LATER_TOP/peers-$suite
        rm -rf "$LATER_DIR"
        mkdir -p "$LATER_DIR"
        timeout -k 10 $left debootstrap --variant=minbase --include="$LATER_PACKAGES" "$suite" "$LATER_DIR" \
            > "$LOGS/later.log" 2>&1
        if has_later plink && has_later asyncssh && has_later tinysshd && has_later dropbear; then
            tree_devices "$LATER_DIR"
            rm -rf "$LATER_DIR"/var/cache/apt/archives/*.deb "$LATER_DIR/debootstrap" "$LOGS/later.log"
            touch "$LATER_DIR/.complete"
            return
        fi
        rm -rf "$LATER_DIR"
    done
    echo "no suite installs them in $NEWER_LIMIT s: $(tail -n 1 "$LOGS/later.log" 2> /dev/null | cut -c -100)"
}
