# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086
#
# The cases, for any pair of client and server; see lib.sh for what they take from a group.

# What a command makes of the connection: name~command~exit status~standard output
status_table() {
    cat << 'EOF'
status 0~exit 0~0~
status 3~echo three; exit 3~3~three
status 255~echo before; exit 255~255~before
quotes and blanks~printf '%s|' "a  b" 'c"d' \\ $((6 * 7))~0~a  b|c"d|\|42|
output without an end of line~printf abc~0~abc
EOF
}

# The sizes around the block size of the clients and the packet size of the protocol
SFTP_SIZES='0 1 32767 32768 1000000 50000000'

client_exec() { "exec_$CLIENT" "$@"; }

case_status() { # COMMAND WANTED-STATUS [WANTED-OUTPUT]
    client_exec "$1" > "$WORK/out"
    status=$?
    cat "$WORK/out"
    [ $status -eq "$2" ] || fail "exit status $status, not $2"
    [ $# -lt 3 ] || [ "$(cat "$WORK/out")" = "$3" ] || fail "the output is not '$3'"
}

case_stderr() {
    client_exec 'echo to out; echo to err >&2; echo more out; exit 4' > "$WORK/out" 2> "$WORK/err"
    status=$?
    cat "$WORK/out" "$WORK/err"
    [ $status -eq 4 ] || fail "exit status $status, not 4"
    [ "$(cat "$WORK/out")" = "$(printf 'to out\nmore out')" ] || fail "standard output"
    [ "$(tr -d '\r' < "$WORK/err" | grep '^to ')" = 'to err' ] || fail "standard error"
}

case_stderr_bulk() { # both streams at once, more than any window
    client_exec 'head -c 3000000 /dev/zero | tr "\0" e >&2 & head -c 3000000 /dev/zero | tr "\0" o; wait' \
        > "$WORK/out" 2> "$WORK/err" || fail "exit status $?"
    [ "$(tr -cd o < "$WORK/out" | wc -c)" -eq 3000000 ] || fail "standard output is not whole"
    [ "$(tr -cd e < "$WORK/err" | wc -c)" -ge 3000000 ] || fail "standard error is not whole"
}

case_cat() { # MIB
    head -c $(($1 * 1048576)) "$DATA/random" > "$WORK/in"
    client_exec cat < "$WORK/in" > "$WORK/out" || fail "exit status $?"
    cmp "$WORK/in" "$WORK/out" || fail "what came back is not what was sent"
}

case_eof_first() { # the command ends while we still have input for it
    head -c 4000000 "$DATA/random" > "$WORK/in"
    client_exec 'head -c 5 > /dev/null; echo done; exit 6' < "$WORK/in" > "$WORK/out"
    status=$?
    [ $status -eq 6 ] || fail "exit status $status, not 6"
    [ "$(cat "$WORK/out")" = 'done' ] || fail "output $(cat "$WORK/out")"
}

case_sftp() { # SIZE...
    mkdir -p "$WORK/remote"
    rm -f "$WORK/remote"/* "$WORK"/back.* "$WORK"/size.*
    for size in "$@"; do
        head -c "$size" "$DATA/random" > "$WORK/size.$size"
        echo "put $WORK/size.$size $WORK/remote/$size"
    done > "$WORK/batch"
    for size in "$@"; do
        echo "get $WORK/remote/$size $WORK/back.$size"
    done >> "$WORK/batch"
    "sftp_$CLIENT" "$WORK/batch" || fail "exit status $?"
    for size in "$@"; do
        want=$(sha256sum < "$WORK/size.$size")
        [ "$(sha256sum < "$WORK/remote/$size")" = "$want" ] || fail "$size bytes: put"
        [ "$(sha256sum < "$WORK/back.$size")" = "$want" ] || fail "$size bytes: get"
    done
    rm -f "$WORK/remote"/* "$WORK"/back.* "$WORK"/size.*
}

case_sftp_put() { # SIZE
    mkdir -p "$WORK/remote"
    head -c "$1" "$DATA/random" > "$WORK/in"
    rm -f "$WORK/remote/put"
    echo "put $WORK/in $WORK/remote/put" > "$WORK/batch"
    "sftp_$CLIENT" "$WORK/batch" || fail "exit status $?"
    cmp "$WORK/in" "$WORK/remote/put"
}

# sftp(1)'s own commands: what a listing and a tree need
case_sftp_tree() {
    rm -rf "$WORK/tree"
    echo content > "$WORK/plain"
    cat > "$WORK/batch" << EOF
mkdir $WORK/tree
cd $WORK/tree
pwd
mkdir sub
put $WORK/plain sub/file
chmod 640 sub/file
rename sub/file sub/renamed
ls -l sub
mkdir empty
rmdir empty
put $WORK/plain gone
rm gone
-rm never-there
get sub/renamed $WORK/fetched
ls
EOF
    "sftp_$CLIENT" "$WORK/batch" > "$WORK/out" || fail "exit status $?"
    cat "$WORK/out"
    cmp "$WORK/plain" "$WORK/fetched" || fail "the file that came back"
    [ "$(stat -c %a "$WORK/tree/sub/renamed")" = 640 ] || fail "chmod"
    [ ! -e "$WORK/tree/empty" ] && [ ! -e "$WORK/tree/gone" ] || fail "rmdir or rm"
    grep -q -- '-rw-r-----.*renamed' "$WORK/out" || fail "ls -l"
}

case_sftp_missing() { # a batch stops at its first error, and says so by its status
    printf 'get %s %s\n' "$WORK/never-there" "$WORK/nothing" > "$WORK/batch"
    "sftp_$CLIENT" "$WORK/batch" && fail "no error for a missing file"
    [ ! -s "$WORK/nothing" ] || fail "a file was made of nothing"
}

# Clients that look at their own terminal pass on its size and kind.
case_pty() {
    export TERM=vt220
    "pty_$CLIENT" 'tty && test -t 0 && test -t 1 && stty size && echo "term $TERM"; exit 7' > "$WORK/out" < /dev/null
    status=$?
    tr -d '\r' < "$WORK/out"
    [ $status -eq 7 ] || fail "exit status $status"
    grep -q '^/dev/' "$WORK/out" || fail "no terminal"
    case $CLIENT in
    paramiko | asyncssh) return ;;
    putty) grep -q '^term ..*' "$WORK/out" || fail "no TERM" ;;
    *) grep -q '^term vt220' "$WORK/out" || fail "no TERM" ;;
    esac
    grep -q '^37 91' "$WORK/out" || fail "the terminal's size"
}

case_shell() { # a shell that somebody types into
    printf 'echo sum $((6 * 7))\nexit 5\n' > "$WORK/typed"
    "pty_$CLIENT" < "$WORK/typed" > "$WORK/out"
    status=$?
    tr -d '\r' < "$WORK/out"
    [ $status -eq 5 ] || fail "exit status $status"
    grep -q 'sum 42' "$WORK/out" || fail "the shell's output"
}

# Questions on an idle connection, which the peer has to answer, if only with a refusal: within 4 s, of which
# a busy machine may need some
case_alive() {
    if [ "$OURS" = client ]; then
        with_ours "-o ServerAliveInterval=1 -o ServerAliveCountMax=4" case_status 'sleep 6; echo awake' 0 awake
    else
        with_ours "-o ClientAliveInterval=1 -o ClientAliveCountMax=4" case_status 'sleep 6; echo awake' 0 awake
    fi
}

# For servers that want to give the terminal to the user and the group tty, and take no for an end
cases_terminal_of_root() {
    if [ "$(id -u)" -eq 0 ]; then
        check "terminal" case_pty
        check "shell" case_shell
    else
        skip "terminal" "this server has terminals only when it runs as root"
    fi
}

start_echo() {
    start "$WORK/echo.log" "$PYTHON" "$HERE/tcp.py" echo
    wait_line "$WORK/echo.log" '/^[0-9][0-9]*$/p'
    ECHO_PORT=$LINE
}

# send_all PORT: 3 MB through the forwarding and back, on three connections at once
send_all() {
    head -c 3000000 "$DATA/random" > "$WORK/in"
    pids=
    for i in 1 2 3; do
        bounded "$PYTHON" "$HERE/tcp.py" send "$1" < "$WORK/in" > "$WORK/out.$i" &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || fail "sending through the forwarding"
    done
    for i in 1 2 3; do
        cmp "$WORK/in" "$WORK/out.$i" || fail "what came back is not what was sent"
    done
}

freeport() { "$PYTHON" "$HERE/tcp.py" freeport; }

case_forward() { # -L or -R: the port that listens is free now and may be taken in a moment, hence thrice
    start_echo
    for try in 1 2 3; do
        from=$(freeport)
        "forward_$CLIENT" "$1" "127.0.0.1:$from:127.0.0.1:$ECHO_PORT"
        "$PYTHON" "$HERE/tcp.py" listens "$from" "$CHILD" && break
        echo "try $try:" && cat "$child_log"
        kill "$CHILD" 2> /dev/null
    done
    forward_log=$child_log
    (send_all "$from") || { cat "$forward_log"; fail "forwarding $1"; }
}

# Connections that are forwarded while a command's data fills every buffer; the command has input until they
# are done, or it might be the first to end
case_forward_busy() { # -L or -R
    start_echo
    from=$(freeport)
    rm -f "$WORK/sent"
    OPTS="$1 127.0.0.1:$from:127.0.0.1:$ECHO_PORT $OPTS"
    feed_until_sent | client_exec cat > "$WORK/bulk.out" &
    bulk=$!
    (send_all "$from")
    forwarded=$?
    : > "$WORK/sent"
    wait $bulk || fail "the command: exit status $?"
    [ $forwarded -eq 0 ] || fail "forwarding $1"
    for piece in $(cat "$WORK/pieces"); do
        cat "$WORK/piece"
    done | cmp - "$WORK/bulk.out" || fail "the command's output"
}
feed_until_sent() { # 40 MB at once, then more, up to 200 MB; their numbers are in pieces
    head -c 4000000 "$DATA/random" > "$WORK/piece"
    for piece in $(seq 50); do
        [ $piece -le 10 ] || { [ ! -e "$WORK/sent" ] && sleep 0.1; } || break
        cat "$WORK/piece"
        seq "$piece" > "$WORK/pieces"
    done
    until [ -e "$WORK/sent" ]; do
        sleep 0.1
    done
}

# ---- Tables of cases ---------------------------------------------------------------------------

cases_exec() { # WANTED-STATUS-OF-A-SIGNAL or "" if the pair cannot say it
    status_table > "$WORK/table"
    while IFS='~' read -r name command wanted output <&4; do
        check "$name" case_status "$command" "$wanted" "$output"
    done 4< "$WORK/table"
    if [ -n "$1" ]; then
        check "killed by a signal" case_status 'echo before; kill -TERM $$' "$1" before
    else
        skip "killed by a signal" "$PEER does not tell it"
    fi
    check "standard error apart" case_stderr
    check "both streams in bulk" case_stderr_bulk
    check "20 MiB through cat" case_cat 20
    check "idle, with keepalives by us" case_alive
    case $SERVER in
    tinyssh) skip "input that nobody reads" "TinySSH ends the connection when a command closes its input" ;;
    *) check "input that nobody reads" case_eof_first ;;
    esac
}

cases_sftp() {
    check "SFTP put and get of $SFTP_SIZES bytes" case_sftp $SFTP_SIZES
}

# Each algorithm alone, set on our side: that a connection comes about shows that it is used.
cases_algorithms() { # KEX CIPHERS MACS: lists of what the peer has of ours
    for kex in $1; do
        check "kex $kex" with_ours "-o KexAlgorithms=$kex" case_status 'echo there' 0 there
    done
    for cipher in $2; do
        check "cipher $cipher" with_ours "-o Ciphers=$cipher" case_cat 1
    done
    for mac in $3; do
        check "MAC $mac" with_ours "-o Ciphers=aes128-ctr -o MACs=$mac" case_cat 1
    done
}

# Ciphers that both sides must be told to take.
cases_old_ciphers() { # CIPHERS
    for cipher in $1; do
        check "cipher $cipher" with_theirs "-o Ciphers=$cipher" \
            with_ours "-o Ciphers=$cipher -o MACs=hmac-sha2-256" case_cat 1
    done
}

# A key exchange every MiB while data goes both ways. Clients whose -v tells of key exchanges show
# that there were some.
case_rekey() { # MIB
    case $CLIENT in
    nacre | openssh) told='kex: algorithm: ' ;;
    putty) told='Doing .* key exchange|ECDH key exchange' ;;
    *) told= ;;
    esac
    [ -z "$told" ] || OPTS="-v $OPTS"
    case_cat "$1" 2> "$WORK/verbose" || { tail -n 20 "$WORK/verbose"; exit 1; }
    [ -z "$told" ] || [ "$(grep -cE "$told" "$WORK/verbose")" -gt $(($1 / 3)) ] || fail "too few key exchanges"
}

cases_rekey() { # CIPHERS
    for cipher in $1; do
        check "20 MiB with rekeys by us, $cipher" with_ours "-o RekeyLimit=1M -o Ciphers=$cipher" case_rekey 20
    done
}
cases_rekey_sftp() {
    if [ "$SERVER" = tinyssh ]; then
        check "SFTP put with rekeys by us" with_ours "-o RekeyLimit=1M" case_sftp_put 20000000
        skip "SFTP get with rekeys by us" "TinySSH now and then loses requests in a key exchange; OpenSSH's sftp hangs too"
        return
    fi
    check "SFTP with rekeys by us" with_ours "-o RekeyLimit=1M" case_sftp 20000000
}

# Text and noise through compressed packets. Clients that tell what was agreed upon show that they were.
case_compress() {
    case $CLIENT in
    nacre | openssh) OPTS="-v $OPTS" told='server->client.*compression: zlib@openssh.com' ;;
    putty) OPTS="-v $OPTS" told='delayed-decompression|zlib \(RFC1950\) decompression' ;;
    *) told= ;; # --compress has the client look for itself
    esac
    { seq 1 300000; head -c 1000000 "$DATA/random"; seq 200000 300000; } > "$WORK/in"
    client_exec cat < "$WORK/in" > "$WORK/out" 2> "$WORK/verbose" || { tail -n 20 "$WORK/verbose"; fail "exit status $?"; }
    cmp "$WORK/in" "$WORK/out" || fail "what came back is not what was sent"
    [ -z "$told" ] || grep -qE "$told" "$WORK/verbose" || { tail -n 20 "$WORK/verbose"; fail "no compression"; }
}

cases_compress() { # what their side needs to be told to compress, and for key exchanges
    check "compression" with_theirs "$1" with_ours "-o Compression=yes" case_compress
    check "compression with rekeys by us" with_theirs "$1" \
        with_ours "-o Compression=yes -o RekeyLimit=512K" case_compress
    [ -z "$2" ] || check "compression with rekeys by the peer" with_theirs "$1 $2" \
        with_ours "-o Compression=yes" case_compress
}

# Passwords that nacre-sshd checks: its own file of users
serve_passwords() { # KEYWORD that allows the method
    stop_all
    echo "$ME:{plain}$PASSWORD" > "$WORK/users"
    serve_nacre -o "UsersFile=$WORK/users" -o PubkeyAuthentication=no -o "$1=yes"
}

case_password() { # METHOD KEYWORD
    AUTH=$1
    serve_passwords "$2"
    case_status 'echo in' 0 in
}

case_wrong_password() {
    AUTH=password
    serve_passwords PasswordAuthentication
    PASSWORD=wrong
    LIMIT=20
    client_exec 'echo in' > "$WORK/out" # dbclient ends with status 0 even so
    [ ! -s "$WORK/out" ] || fail "let in"
}

cases_password() {
    case $NACRE_SSHD in
    *nacre-sshd)
        check "password" case_password password PasswordAuthentication
        check "keyboard-interactive" case_password kbdint KbdInteractiveAuthentication
        check "wrong password" case_wrong_password
        ;;
    *) skip "password and keyboard-interactive" "$NACRE_SSHD has no file of users" ;;
    esac
}
