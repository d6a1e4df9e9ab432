# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# PuTTY: plink and psftp. It has no server (uppity is not packaged).

PUTTY_KEX='curve25519-sha256 curve25519-sha256@libssh.org'
PUTTY_CIPHERS='chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr'
PUTTY_MACS='hmac-sha2-256 hmac-sha2-256-etm@openssh.com'

version_putty() { echo "PuTTY $(plink -V | sed -n '1s/.*Release //p')"; }
missing_putty() { absent plink psftp puttygen; }

putty_common() {
    case $AUTH in
    key) credential="-i $WORK/user.ppk" ;;
    *) credential="-pwfile $WORK/pwfile" && echo "$PASSWORD" > "$WORK/pwfile" ;;
    esac
    echo "-batch -noagent $credential -hostkey $(ssh-keygen -lf "$KEYS/host.pub" | cut -d' ' -f2) -P $PORT"
}
exec_putty() { bounded plink -ssh -T -no-sanitise-stdout -no-sanitise-stderr $OPTS $(putty_common) "$ME@127.0.0.1" "$@"; }
pty_putty() { on_terminal plink -ssh -t $OPTS $(putty_common) "$ME@127.0.0.1" "$@"; }
sftp_putty() { bounded psftp $OPTS $(putty_common) -b "$1" "$ME@127.0.0.1"; }
forward_putty() {
    start "$WORK/forward.log" plink -ssh -N "$@" $OPTS $(putty_common) "$ME@127.0.0.1"
}

# Settings without an option stand in a saved session
putty_session() { # NAME LINE...
    mkdir -p "$WORK/.putty/sessions"
    session=$WORK/.putty/sessions/$1
    shift
    printf '%s\n' "$@" > "$session"
}

group_putty_client() {
    OURS=server CLIENT=putty SERVER=nacre
    export HOME="$WORK"
    puttygen "$KEYS/user" -O private -o "$WORK/user.ppk"
    serve_nacre
    cases_exec ''
    cases_sftp
    check "SFTP: a missing file" case_sftp_missing
    cases_algorithms "$PUTTY_KEX" "$PUTTY_CIPHERS" "$PUTTY_MACS"
    cases_rekey "chacha20-poly1305@openssh.com aes128-ctr"
    cases_rekey_sftp
    putty_session rekey 'Protocol=ssh' 'RekeyBytes=1M'
    check "20 MiB with rekeys by plink" with_theirs "-load rekey" case_rekey 20
    cases_compress "-C" "-load rekey"
    check "SFTP with rekeys by psftp" with_theirs "-load rekey" case_sftp 20000000
    check "terminal" case_pty
    check "shell" case_shell
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
    cases_password
}
