# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Dropbear: dbclient and dropbear. It has no SFTP of its own: its server starts another's program.

DROPBEAR_KEX='curve25519-sha256 curve25519-sha256@libssh.org'
DROPBEAR_CIPHERS='chacha20-poly1305@openssh.com aes128-ctr aes256-ctr'
DROPBEAR_MACS='hmac-sha2-256'

version_dropbear() { dbclient -V 2>&1 | head -n 1; }
missing_dropbear() { absent dbclient dropbear dropbearconvert; }

dropbear_key() { # OpenSSH's form into theirs
    [ -e "$WORK/$1.dropbear" ] || dropbearconvert openssh dropbear "$KEYS/$1" "$WORK/$1.dropbear" > /dev/null 2>&1
}

exec_dropbear() {
    case $AUTH in
    key) bounded dbclient -T $OPTS -i "$WORK/user.dropbear" $(dropbear_common) "$@" ;;
    *) DROPBEAR_PASSWORD=$PASSWORD bounded dbclient -T $OPTS $(dropbear_common) "$@" ;;
    esac
}
dropbear_common() { echo "-y -p $PORT $ME@127.0.0.1"; }
pty_dropbear() { on_terminal dbclient -t $OPTS -i "$WORK/user.dropbear" $(dropbear_common) "$@"; }
forward_dropbear() {
    start "$WORK/forward.log" dbclient -N "$@" $OPTS -i "$WORK/user.dropbear" $(dropbear_common)
}

serve_dropbear() { # OPTION...
    dropbear_key host
    serve_inetd dropbear $PRELOAD dropbear -i -m -r "$WORK/host.dropbear" -W 200000 "$@"
}

group_dropbear_server() {
    OURS=client CLIENT=nacre SERVER=dropbear
    other_passwd || {
        skip "all" "libnss-wrapper is not installed, and ~/.ssh/authorized_keys is not ours to write"
        return
    }
    serve_dropbear
    cases_exec 255
    if [ -x /usr/lib/sftp-server ] || [ -x /usr/lib/openssh/sftp-server ]; then
        cases_sftp
    else
        skip "SFTP" "Dropbear would start /usr/lib/sftp-server, which is not there"
    fi
    cases_algorithms "$DROPBEAR_KEX" "$DROPBEAR_CIPHERS" "$DROPBEAR_MACS"
    cases_rekey "chacha20-poly1305@openssh.com aes128-ctr"
    cases_rekey_sftp
    cases_compress "" ""
    cases_terminal_of_root
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
    AUTH=password check "password" case_status 'echo in' 0 in
}

group_dropbear_client() {
    OURS=server CLIENT=dropbear SERVER=nacre
    export HOME="$WORK"
    dropbear_key user
    serve_nacre
    cases_exec ''
    cases_algorithms "$DROPBEAR_KEX" "$DROPBEAR_CIPHERS" "$DROPBEAR_MACS"
    cases_rekey "chacha20-poly1305@openssh.com aes128-ctr"
    cases_compress "" ""
    check "terminal" case_pty
    check "shell" case_shell
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
    cases_password
}
