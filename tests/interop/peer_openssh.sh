# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# OpenSSH: ssh, sftp, scp and sshd.

SSHD=/usr/sbin/sshd
OPENSSH_KEX='curve25519-sha256 curve25519-sha256@libssh.org'
OPENSSH_CIPHERS='chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr'
OPENSSH_OLD_CIPHERS='aes128-cbc aes192-cbc aes256-cbc 3des-cbc'
OPENSSH_MACS='hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com'

version_openssh() { ssh -V 2>&1 | sed 's/,.*//'; }
missing_openssh() { absent ssh sftp scp "$SSHD" ssh-keygen; }

exec_openssh() { run_answering ssh $OPTS $(nacre_common) -p "$PORT" "$ME@127.0.0.1" "$@"; }
pty_openssh() { on_terminal ssh -t $OPTS $(nacre_common) -p "$PORT" "$ME@127.0.0.1" "$@"; }
sftp_openssh() { bounded sftp $OPTS $(nacre_common) -b "$1" -P "$PORT" "$ME@127.0.0.1"; }
forward_openssh() {
    start "$WORK/forward.log" ssh -N "$@" $OPTS -o ExitOnForwardFailure=yes $(nacre_common) \
        -p "$PORT" "$ME@127.0.0.1"
}

serve_openssh() { # OPTION...
    cat > "$WORK/sshd_config" << EOF
HostKey $KEYS/host
AuthorizedKeysFile $KEYS/authorized_keys
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
EOF
    # as root it wants an empty directory of its own, which a package not started yet has not made
    [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
    serve_inetd sshd ${PRELOAD:-} "$SSHD" -i -e -f "$WORK/sshd_config" "$@"
}

group_openssh_server() {
    OURS=client CLIENT=nacre SERVER=openssh
    serve_openssh
    cases_exec 255
    cases_sftp
    check "SFTP: directories, names, modes" case_sftp_tree
    check "SFTP: a missing file" case_sftp_missing
    cases_algorithms "$OPENSSH_KEX" "$OPENSSH_CIPHERS" "$OPENSSH_MACS"
    cases_old_ciphers "$OPENSSH_OLD_CIPHERS"
    cases_rekey "chacha20-poly1305@openssh.com aes128-ctr"
    cases_rekey_sftp
    check "20 MiB with rekeys by sshd" with_theirs "-o RekeyLimit=1M" case_rekey 20
    check "20 MiB with rekeys by both" with_theirs "-o RekeyLimit=1M" with_ours "-o RekeyLimit=1M" case_cat 20
    check "SFTP with rekeys by sshd" with_theirs "-o RekeyLimit=1M" case_sftp 20000000
    cases_compress "-o Compression=yes" "-o RekeyLimit=512K"
    check "SFTP compressed" with_ours "-C" case_sftp $SFTP_SIZES
    cases_terminal_of_root
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
    check "forwarding -L beside bulk data" case_forward_busy -L
    check "forwarding -R beside bulk data" case_forward_busy -R
    if other_passwd; then
        check "password" case_password_sshd
    else
        skip "password" "libnss-wrapper is not installed, and the system's passwords are not ours to use"
    fi
}

case_password_sshd() {
    AUTH=password
    serve_openssh -o PasswordAuthentication=yes
    case_status 'echo in' 0 in
}

group_openssh_client() {
    OURS=server CLIENT=openssh SERVER=nacre
    serve_nacre
    cases_exec 255
    cases_sftp
    check "SFTP: directories, names, modes" case_sftp_tree
    check "SFTP: a missing file" case_sftp_missing
    check "scp" case_scp
    cases_algorithms "$OPENSSH_KEX" "$OPENSSH_CIPHERS" "$OPENSSH_MACS"
    cases_old_ciphers "$OPENSSH_OLD_CIPHERS"
    cases_rekey "chacha20-poly1305@openssh.com aes128-ctr"
    cases_rekey_sftp
    check "20 MiB with rekeys by ssh" with_theirs "-o RekeyLimit=1M" case_rekey 20
    check "20 MiB with rekeys by both" with_ours "-o RekeyLimit=1M" with_theirs "-o RekeyLimit=1M" case_cat 20
    check "SFTP with rekeys by sftp" with_theirs "-o RekeyLimit=1M" case_sftp 20000000
    cases_compress "-C" "-o RekeyLimit=512K"
    check "SFTP compressed" with_theirs "-C" with_ours "-o Compression=yes" case_sftp $SFTP_SIZES
    check "terminal" case_pty
    check "shell" case_shell
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
    check "forwarding -L beside bulk data" case_forward_busy -L
    check "forwarding -R beside bulk data" case_forward_busy -R
    check "connection shared by ControlMaster" case_control_master
    cases_password
    check "sftp -D nacre-sftp-server" case_sftp_direct
}

case_scp() { # its present form speaks SFTP
    head -c 1000000 "$DATA/random" > "$WORK/in"
    bounded scp -q $(nacre_common) -P "$PORT" "$WORK/in" "$ME@127.0.0.1:$WORK/there" || fail "sending"
    bounded scp -q $(nacre_common) -P "$PORT" "$ME@127.0.0.1:$WORK/there" "$WORK/back" || fail "fetching"
    cmp "$WORK/in" "$WORK/back"
}

# Several sessions at once on one connection
case_control_master() {
    socket=$(mktemp -u /tmp/nacre-cm.XXXXXX)
    start "$WORK/master.log" ssh -N -M -S "$socket" $(nacre_common) -p "$PORT" "$ME@127.0.0.1"
    await test -S "$socket" || fail "no master"
    pids=
    head -c 3000000 "$DATA/random" > "$WORK/in"
    for i in 1 2 3 4; do
        bounded ssh -S "$socket" -p "$PORT" "$ME@127.0.0.1" cat < "$WORK/in" > "$WORK/out.$i" &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || fail "a session ended with status $?"
    done
    for i in 1 2 3 4; do
        cmp "$WORK/in" "$WORK/out.$i" || fail "session $i"
    done
    bounded ssh -S "$socket" -O exit 127.0.0.1
}

case_sftp_direct() {
    sftp_direct() { bounded sftp -D "$NACRE_SFTP_SERVER" -b "$1"; }
    CLIENT=direct
    case_sftp $SFTP_SIZES
    case_sftp_tree
}
