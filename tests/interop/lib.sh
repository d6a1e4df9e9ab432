# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086
#
# What all interop groups share. A group (group_NAME in a peer_*.sh) runs in a process of its own with
# one peer in one role and prints TAP lines. In it
#
#   $CLIENT, $SERVER   name the two sides: exec_$CLIENT runs a command, sftp_$CLIENT a batch of put and
#                      get, serve_$SERVER starts a server and sets PORT
#   $OURS              client or server: which side is ours
#   $OPTS, $AUTH       options for the client, and its credential: key, password or kbdint
#   $WORK              the group's directory, removed at the end; $LOGS the directory of logs that stay
#
# Each case runs in a subshell, so that what it sets is its own. It may run a second time (see `check`), so
# it starts by removing what it left: INTEROP_RETRY=always shows that each case can.

export LC_ALL=C
PASSWORD='correct horse 7'
LIMIT=${INTEROP_TIMEOUT:-150} # seconds for one run of a client: 10 on an idle machine are many
PATIENCE=60                   # seconds for a program to be ready, or to be gone
PYTHON=/usr/bin/python3       # the one that the distribution's modules are for

# ---- Results -----------------------------------------------------------------------------------

case_number=0 STARTED=
ok() { echo "ok - $GROUP: $1"; }
skip() { echo "ok - $GROUP: $1 # SKIP $2"; } # NAME WHY

# check NAME COMMAND...: one case. Its output is kept; the end of it is shown when it fails. A case that fails
# runs once more, with a server of its own: see the head of run for what that means.
check() {
    case_number=$((case_number + 1))
    case_log=$LOGS/$GROUP.$case_number.log
    case_name=$1
    shift
    if (run_case "$@") > "$case_log" 2>&1 < /dev/null && [ "$RETRY" != always ]; then
        ok "$case_name"
        rm -f "$case_log"
    elif [ "$RETRY" != 0 ] && (run_case again "$@") > "$case_log.second" 2>&1 < /dev/null; then
        rm -f "$case_log.second"
        if [ "$RETRY" = always ] && grep -q '^end of case: 0$' "$case_log"; then
            ok "$case_name"
            rm -f "$case_log"
        else
            echo "ok - $GROUP: $case_name # UNSTABLE: failed once, $case_log kept"
            show_end "$case_log"
        fi
    else
        echo "not ok - $GROUP: $case_name"
        show_end "$case_log"
        [ ! -e "$case_log.second" ] || show_end "$case_log.second"
    fi
}

run_case() { # COMMAND...: in a shell of its own
    CASE_STARTED=$STARTED STARTED=
    trap 'end_case $?' EXIT
    "$@"
}

# A server of the group's is replaced by a fresh one: the first may be what is broken.
again() { # COMMAND...
    if [ -n "$CASE_STARTED" ] && [ -n "${SERVER:-}${SERVING:-}" ]; then
        ${SERVING:-serve_$SERVER}
    fi
    "$@"
}

show_end() { # LOG
    echo "    $1:"
    tail -n 20 "$1" | cut -c -300 | tr -d '\r' | sed 's/^/    /'
}

end_case() { # STATUS
    stop_all
    [ "$1" -eq 0 ] || [ ! -s "${SERVER_LOG:-}" ] || { echo "end of the server's log:"; tail -n 6 "$SERVER_LOG"; }
    [ "$RETRY" != always ] || printf '\nend of case: %s\n' "$1"
    exit "$1"
}

# Ends a case with a reason; for use in the case's own shell, not in a pipeline.
fail() {
    echo "why: $*"
    exit 1
}

bounded() { timeout -k 5 "$LIMIT" "$@"; }

# ---- Servers and other children ----------------------------------------------------------------

# start LOG COMMAND...: a child that lives until the case (or the group) ends
start() {
    child_log=$1
    shift
    : > "$child_log" # now: who waits for a line must not find that of a child before
    "$@" >> "$child_log" 2>&1 < /dev/null &
    CHILD=$!
    STARTED="$STARTED $CHILD"
}

# What does not end when told to is killed: a case must not wait for it for ever.
stop_all() {
    for child in $STARTED; do
        kill "$child" 2> /dev/null
    done
    for child in $STARTED; do
        await gone "$child" || kill -KILL "$child" 2> /dev/null
        wait "$child" 2> /dev/null
    done
    STARTED=
}
gone() { ! kill -0 "$1" 2> /dev/null; }

# await COMMAND...: until it succeeds, or fails if that takes too long
await() {
    await_tries=0 await_end=
    until "$@"; do
        await_tries=$((await_tries + 1))
        if [ $await_tries -lt 30 ]; then
            sleep 0.01
        else
            : "${await_end:=$(($(date +%s) + PATIENCE))}"
            [ "$(date +%s)" -lt "$await_end" ] || return 1
            sleep 0.1
        fi
    done
}

# wait_line LOG SED-EXPRESSION: sets LINE to the first thing that the expression prints
wait_line() {
    await line_or_end "$1" "$2"
    [ -n "$LINE" ] && return 0
    cat "$1"
    fail "no line $2 in $1"
}
line_or_end() { # what is there when the child has ended is all that there will be
    gone "$CHILD" && child_gone=1 || child_gone=
    LINE=$(sed -n "$2" "$1" 2> /dev/null | head -n 1)
    [ -n "$LINE$child_gone" ]
}

# logged PATTERN: the server's log has such a line, if not yet then soon
logged() { await grep -q "$1" "$SERVER_LOG"; }

# A server that prints its port alone on the first line, as ours in Python do.
serve_printing() { # NAME COMMAND...
    SERVER_LOG=$WORK/$1.server.$case_number.log
    shift
    start "$SERVER_LOG" "$@"
    wait_line "$SERVER_LOG" '/^[0-9][0-9]*$/p'
    PORT=$LINE
    trust "$KEYS/host.pub"
}

# A server that speaks on its standard input and output
serve_inetd() { # NAME COMMAND...
    inetd_name=$1
    shift
    serve_printing "$inetd_name" "$PYTHON" "$HERE/tcp.py" inetd "$@"
}

trust() { # PUBLIC KEY FILE: what the server at PORT must show
    echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$1")" > "$WORK/known_hosts.$PORT"
}

# A passwd and a shadow file with another home directory, and the preloaded library that shows them: for
# servers that read ~/.ssh/authorized_keys or shadow and cannot be told otherwise.
other_passwd() {
    wrapper=$(nss_wrapper) || return 1
    other_home=${TOP_SAFE:-$WORK}/home.$GROUP
    mkdir -p "$other_home/.ssh"
    cp "$KEYS/user.pub" "$other_home/.ssh/authorized_keys"
    getent passwd | awk -F: -v OFS=: -v me="$ME" -v home="$other_home" '
        $1 == me { $2 = "x"; $6 = home; $7 = "/bin/sh" } { print }' > "$WORK/passwd"
    getent group > "$WORK/group"
    hash=$(openssl passwd -6 "$PASSWORD")
    echo "$ME:$hash:19000:0:99999:7:::" > "$WORK/shadow"
    PRELOAD="env LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD=$WORK/passwd NSS_WRAPPER_GROUP=$WORK/group
        NSS_WRAPPER_SHADOW=$WORK/shadow"
}

nss_wrapper() {
    for so in /usr/lib/*/libnss_wrapper.so /usr/lib64/libnss_wrapper.so /usr/lib/libnss_wrapper.so; do
        [ -e "$so" ] && echo "$so" && return 0
    done
    return 1
}

# ---- Ours --------------------------------------------------------------------------------------

# What both nacre-ssh and ssh take. The first value of an option counts, so $OPTS stand before.
nacre_common() {
    case $AUTH in
    key) credential="-i $KEYS/user -o BatchMode=yes -o PreferredAuthentications=publickey" ;;
    password) credential="-o PubkeyAuthentication=no -o PreferredAuthentications=password" ;;
    kbdint) credential="-o PubkeyAuthentication=no -o PreferredAuthentications=keyboard-interactive" ;;
    esac
    echo "-F none $credential -o UserKnownHostsFile=$WORK/known_hosts.$PORT -o GlobalKnownHostsFile=/dev/null
        -o StrictHostKeyChecking=yes" | tr -s ' \n' ' ' | sed 's/ $//'
}

# run_answering COMMAND...: the command, on a terminal with somebody at it if a password is wanted
run_answering() {
    if [ "$AUTH" = key ]; then
        bounded "$@"
    else
        bounded "$PYTHON" "$HERE/answer.py" "$PASSWORD" "$@"
    fi
}

exec_nacre() { run_answering "$NACRE_SSH" $OPTS $(nacre_common) -p "$PORT" "$ME@127.0.0.1" "$@"; }
# pty_NAME COMMAND...: with a terminal at both ends
on_terminal() { bounded "$PYTHON" "$HERE/answer.py" -t "$@"; }
pty_nacre() { on_terminal "$NACRE_SSH" -t $OPTS $(nacre_common) -p "$PORT" "$ME@127.0.0.1" "$@"; }
sftp_nacre() { bounded "$NACRE_SFTP" $OPTS $(nacre_common) -b "$1" -P "$PORT" "$ME@127.0.0.1"; }
forward_nacre() { # -L or -R and its value
    start "$WORK/forward.log" "$NACRE_SSH" -N "$@" $OPTS -o ExitOnForwardFailure=yes $(nacre_common) \
        -p "$PORT" "$ME@127.0.0.1"
}

serve_nacre() { # OPTION...
    cat > "$WORK/nacre_sshd_config" << EOF
ListenAddress 127.0.0.1
HostKey $KEYS/host
AuthorizedKeysFile $KEYS/authorized_keys
PermitRootLogin yes
StrictModes no
PidFile none
MaxStartups 100
Subsystem sftp internal-sftp
EOF
    case $NACRE_SSHD in
    */nacre-sshd | nacre-sshd)
        SERVER_LOG=$WORK/nacre-sshd.$case_number.log
        start "$SERVER_LOG" "$NACRE_SSHD" -D -e -f "$WORK/nacre_sshd_config" -p 0 "$@"
        wait_line "$SERVER_LOG" 's/.*Server listening on 127\.0\.0\.1 port \([0-9][0-9]*\)\..*/\1/p'
        PORT=$LINE
        trust "$KEYS/host.pub"
        ;;
    *) serve_inetd nacre-sshd "$NACRE_SSHD" -i -e -f "$WORK/nacre_sshd_config" "$@" ;;
    esac
}

# with_theirs OPTIONS COMMAND...: the same on the peer's side
with_theirs() {
    theirs=$1
    shift
    if [ "$OURS" = server ]; then
        OPTS="$theirs $OPTS"
    else
        stop_all
        "serve_$SERVER" $theirs
    fi
    "$@"
}

# with_ours OPTIONS COMMAND...: the case with these options on our side, client or server
with_ours() {
    ours=$1
    shift
    if [ "$OURS" = client ]; then
        OPTS="$ours $OPTS"
    else
        stop_all
        serve_nacre $ours
    fi
    "$@"
}
