# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# TinySSH, a server without a listener of its own: runs under tcp.py's. It knows one cipher, public
# keys only, and no forwarding; SFTP is a program that we name.

TINYSSHD=/usr/sbin/tinysshd

version_tinyssh() { # it tells its version in its greeting alone
    keys=$(mktemp -u "${TMPDIR:-/tmp}/tinyssh.XXXXXX")
    "$TINYSSHD-makekey" -q "$keys"
    "$TINYSSHD" -q "$keys" < /dev/null | sed -n '1s/SSH-2.0-tinyssh_\([^ \r]*\).*/TinySSH \1/p'
    rm -rf "$keys"
}
missing_tinyssh() { absent "$TINYSSHD"; }

serve_tinyssh() { # OPTION...
    [ -d "$WORK/tinyssh" ] || "$TINYSSHD-makekey" -q "$WORK/tinyssh"
    serve_inetd tinysshd $PRELOAD "$TINYSSHD" -v "$@" -x "sftp=$NACRE_SFTP_SERVER" "$WORK/tinyssh"
    "$TINYSSHD-printkey" "$WORK/tinyssh" 2> /dev/null | grep '^ssh-ed25519' > "$WORK/tinyssh.pub"
    trust "$WORK/tinyssh.pub"
}

group_tinyssh_server() {
    OURS=client CLIENT=nacre SERVER=tinyssh
    other_passwd || {
        skip "all" "libnss-wrapper is not installed, and ~/.ssh/authorized_keys is not ours to write"
        return
    }
    [ -n "$TOP_SAFE" ] || {
        skip "all" "it wants a home below directories that nobody else may write, and there is none"
        return
    }
    serve_tinyssh
    cases_exec 255
    cases_sftp
    cases_algorithms 'curve25519-sha256 curve25519-sha256@libssh.org' chacha20-poly1305@openssh.com ''
    cases_rekey chacha20-poly1305@openssh.com
    cases_rekey_sftp
    check "terminal" case_pty
    check "shell" case_shell
}
