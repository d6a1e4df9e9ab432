# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Paramiko and AsyncSSH, each as client and server: the peers are the scripts NAME_client.py and
# NAME_server.py, with the same options.

PARAMIKO_KEX='curve25519-sha256@libssh.org'
PARAMIKO_CIPHERS='aes128-ctr aes192-ctr aes256-ctr'
ASYNCSSH_KEX='curve25519-sha256 curve25519-sha256@libssh.org'
ASYNCSSH_CIPHERS='chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr'
PYTHON_MACS='hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com'

module_version() { "$PYTHON" -W ignore -c "import $1; print('$2', $1.__version__)"; }
module_missing() { "$PYTHON" -W ignore -c "import $1" 2> /dev/null || echo "python3-$1"; }
version_paramiko() { module_version paramiko Paramiko; }
missing_paramiko() { module_missing paramiko; }
version_asyncssh() { module_version asyncssh AsyncSSH; }
missing_asyncssh() { module_missing asyncssh; }

python_client() { # NAME exec|sftp WHAT
    case $AUTH in
    key) set -- "$@" --key "$KEYS/user" ;;
    password) set -- "$@" --password "$PASSWORD" ;;
    kbdint) set -- "$@" --kbdint --password "$PASSWORD" ;;
    esac
    script=$HERE/$1_client.py
    shift
    bounded "$PYTHON" -W ignore "$script" $OPTS --user "$ME" --hostkey "$KEYS/host.pub" "$PORT" "$@"
}
exec_paramiko() { python_client paramiko exec "$@"; }
sftp_paramiko() { python_client paramiko sftp "$@"; }
pty_paramiko() { OPTS="--pty $OPTS" exec_paramiko "$@"; }
exec_asyncssh() { python_client asyncssh exec "$@"; }
sftp_asyncssh() { python_client asyncssh sftp "$@"; }
pty_asyncssh() { OPTS="--pty $OPTS" exec_asyncssh "$@"; }

forward_asyncssh() { # -L or -R and its value
    case $1 in
    -L) direction=local ;;
    *) direction=remote ;;
    esac
    start "$WORK/forward.log" "$PYTHON" -W ignore "$HERE/asyncssh_client.py" --user "$ME" --key "$KEYS/user" \
        --hostkey "$KEYS/host.pub" "$PORT" "$direction" "$2"
}

python_server() { # NAME OPTION...
    python_name=$1
    shift
    serve_printing "$python_name" "$PYTHON" -W ignore "$HERE/${python_name}_server.py" --hostkey "$KEYS/host" \
        --authorized "$KEYS/user.pub" --password "$PASSWORD" "$@"
}
serve_paramiko() { python_server paramiko "$@"; }
serve_asyncssh() { python_server asyncssh "$@"; }

cases_python_server() { # KEX CIPHERS
    "serve_$SERVER"
    cases_exec 255
    cases_sftp
    cases_algorithms "$1" "$2" "$PYTHON_MACS"
    cases_rekey "${2%% *} aes256-ctr"
    cases_rekey_sftp
    check "20 MiB with rekeys by the server" with_theirs "--rekey 1000000" case_rekey 15
    check "SFTP with rekeys by the server" with_theirs "--rekey 1000000" case_sftp 20000000
    cases_compress "--compress" "--rekey 600000"
    check "terminal" case_pty
    AUTH=password check "password" case_status 'echo in' 0 in
    AUTH=kbdint check "keyboard-interactive in two rounds" case_status 'echo in' 0 in
}

group_paramiko_server() {
    OURS=client CLIENT=nacre SERVER=paramiko
    cases_python_server "$PARAMIKO_KEX" "$PARAMIKO_CIPHERS"
}

group_asyncssh_server() {
    OURS=client CLIENT=nacre SERVER=asyncssh
    cases_python_server "$ASYNCSSH_KEX" "$ASYNCSSH_CIPHERS"
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
}

cases_python_client() { # KEX CIPHERS
    serve_nacre
    cases_exec 255
    cases_sftp
    cases_algorithms "$1" "$2" "$PYTHON_MACS"
    cases_rekey "${2%% *} aes256-ctr"
    cases_rekey_sftp
    check "20 MiB with rekeys by the client" with_theirs "--rekey 1000000" case_cat 20
    check "SFTP with rekeys by the client" with_theirs "--rekey 1000000" case_sftp 20000000
    cases_compress "--compress" "--rekey 600000"
    check "terminal" case_pty
    cases_password
}

group_paramiko_client() {
    OURS=server CLIENT=paramiko SERVER=nacre
    cases_python_client "$PARAMIKO_KEX" "$PARAMIKO_CIPHERS"
}

group_asyncssh_client() {
    OURS=server CLIENT=asyncssh SERVER=nacre
    cases_python_client "$ASYNCSSH_KEX" "$ASYNCSSH_CIPHERS"
    check "forwarding -L" case_forward -L
    check "forwarding -R" case_forward -R
}
