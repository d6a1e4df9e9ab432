# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086
#
# Newer versions of the peers than this system's release has: an unpacked tree of the distribution's
# newest suite, made once by debootstrap and kept under the user's cache directory. Needs root (chroot)
# and a distribution that debootstrap knows; whatever is missing, the groups that want it are skipped
# and say why.
#
# Variables: INTEROP_NEWER=0 (do without), INTEROP_NEWER_DIR (the tree), INTEROP_NEWER_SUITE (sid).

NEWER_DIR=${INTEROP_NEWER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/nacre-interop/${INTEROP_NEWER_SUITE:-sid}}
NEWER_LIMIT=300 # seconds for the making of it
export NEWER_DIR

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
    if ! timeout -k 10 "$NEWER_LIMIT" debootstrap --variant=minbase --include=openssh-client,openssh-server \
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
    touch "$NEWER_DIR/.complete"
}
