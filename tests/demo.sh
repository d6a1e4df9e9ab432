#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre at work, step by step: keys, a server, a command, a file of 64 MiB there and back, a terminal.
# Everything lives in a temporary directory and on a loopback port that the system picks, and is gone at
# the end. Exits 0 if every step did what it should.
#
# The programs can be replaced, to see that the script is right about other implementations too:
#
#     DEMO_PORT=2200 SSH=ssh SFTP=sftp SSHD=/usr/sbin/sshd KEYGEN=ssh-keygen tests/demo.sh
#
# DEMO_PORT is for an sshd that does not take port 0. DEMO_MIB is the size of the file.
set -u
export LC_ALL=C

build=${BUILD:-build}
case $build in
/*) ;;
*) build=$PWD/$build ;;
esac
SSH=${SSH:-$build/nacre-ssh}
SFTP=${SFTP:-$build/nacre-sftp}
SSHD=${SSHD:-$build/nacre-sshd}
KEYGEN=${KEYGEN:-$build/nacre-keygen}
mib=${DEMO_MIB:-64}

umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/nacre-demo.XXXXXX") || exit 1
sshd_pid=
cleanup() {
    trap '' HUP INT TERM
    if [ -n "$sshd_pid" ]; then
        kill "$sshd_pid" 2> /dev/null
        wait "$sshd_pid" 2> /dev/null
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

started=$(date +%s)
number=0
step() {
    number=$((number + 1))
    printf '\n%d. %s\n' "$number" "$*"
}
say() { printf '   %s\n' "$*"; }
run() { # shows the command, then runs it
    say "\$ $*" | sed "s,$dir/,,g; s,$build/,,g; s/-N  -C/-N '' -C/"
    "$@"
}
indent() { sed 's/^/   /'; }
fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    for log in sshd.log ssh.log sftp.log; do
        [ -s "$dir/$log" ] && echo "--- end of $log" >&2 && tail -n 15 "$dir/$log" >&2
    done
    exit 1
}
digest() { sha256sum < "$1" | cut -d' ' -f1; }

for program in "$SSH" "$SFTP" "$SSHD" "$KEYGEN"; do
    command -v "$program" > /dev/null || fail "$program is not there: run make first"
done

# ---- Keys and a server -------------------------------------------------------------------------

step "Keys: one for the host, one for the user"
run "$KEYGEN" -q -t ed25519 -N '' -C 'demo host' -f "$dir/host" || fail "making the host key"
run "$KEYGEN" -q -t ed25519 -N '' -C 'demo user' -f "$dir/user" || fail "making the user key"
cp "$dir/user.pub" "$dir/authorized_keys"
"$KEYGEN" -l -f "$dir/host.pub" | indent
"$KEYGEN" -l -f "$dir/user.pub" | indent

step "A server on a loopback port that the system picks"
cat > "$dir/sshd_config" << EOF
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
EOF
say "\$ $(basename "$SSHD") -D -e -f sshd_config -p ${DEMO_PORT:-0}"
"$SSHD" -D -e -f "$dir/sshd_config" -p "${DEMO_PORT:-0}" 2> "$dir/sshd.log" &
sshd_pid=$!
port=
tries=0
while [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    port=$(sed -n 's/.*Server listening on 127\.0\.0\.1 port \([0-9][0-9]*\)\..*/\1/p' "$dir/sshd.log" | head -n 1)
    [ -n "$port" ] && break
    kill -0 "$sshd_pid" 2> /dev/null || fail "the server ended"
    sleep 0.1
done
[ -n "$port" ] || fail "the server does not say on which port it listens"
grep 'Server listening' "$dir/sshd.log" | tr -d '\r' | indent

user=$(id -un)
common="-F none -i $dir/user -o UserKnownHostsFile=$dir/known_hosts -o BatchMode=yes -o LogLevel=ERROR"
trusted="$common -o StrictHostKeyChecking=yes"

# ---- A command ---------------------------------------------------------------------------------

step "The first connection: the host key is new and is remembered"
# shellcheck disable=SC2086
"$SSH" -v -F none -i "$dir/user" -o UserKnownHostsFile="$dir/known_hosts" -o BatchMode=yes \
    -o StrictHostKeyChecking=accept-new -p "$port" "$user@127.0.0.1" true 2> "$dir/ssh.log" < /dev/null ||
    fail "the first connection"
tr -d '\r' < "$dir/ssh.log" | sed -n 's/^debug1: \(Remote protocol version.*\)/\1/p
    s/^debug1: \(kex: .*\)/\1/p
    s/^debug1: \(Server host key: .*\)/\1/p
    s/^\(Warning: Permanently added.*\)/\1/p
    s/^\(Authenticated to .*\)/\1/p' | indent
grep -q 'kex: algorithm: ' "$dir/ssh.log" || fail "-v does not tell the negotiated algorithms"
[ -s "$dir/known_hosts" ] || fail "the host key was not remembered"

step "A command: its output, its error output, its exit status"
command='echo "out of $(uname -s)"; echo "error output" >&2; cat; exit 7'
say "\$ $(basename "$SSH") 127.0.0.1 '$command'"
# shellcheck disable=SC2086
echo "what came in" | "$SSH" $trusted -p "$port" "$user@127.0.0.1" "$command" > "$dir/out" 2> "$dir/ssh.log"
status=$?
indent < "$dir/out"
indent < "$dir/ssh.log"
say "exit status $status"
[ "$status" -eq 7 ] || fail "the exit status should be 7"
printf 'out of %s\nwhat came in\n' "$(uname -s)" | cmp -s - "$dir/out" || fail "the output is not the command's"
grep -q '^error output' "$dir/ssh.log" || fail "the error output is missing"

# ---- Files -------------------------------------------------------------------------------------

step "A file of $mib MiB, sent and fetched by SFTP"
head -c $((mib * 1048576)) /dev/urandom > "$dir/sent"
mkdir "$dir/remote"
cat > "$dir/batch" << EOF
put $dir/sent $dir/remote/file
get $dir/remote/file $dir/fetched
ls -l $dir/remote
EOF
# On a terminal commands come by stdin, which is how sftp shows its progress bar; else as a batch.
begun=$(date +%s)
if [ -t 1 ]; then
    # shellcheck disable=SC2086
    "$SFTP" $trusted -P "$port" "$user@127.0.0.1" < "$dir/batch" 2> "$dir/sftp.log" || fail "sftp"
else
    # shellcheck disable=SC2086
    "$SFTP" $trusted -b "$dir/batch" -P "$port" "$user@127.0.0.1" > "$dir/out" 2> "$dir/sftp.log" || fail "sftp"
    sed "s,$dir/,,g" "$dir/out" | indent
fi
say "both ways in $(($(date +%s) - begun)) s"
want=$(digest "$dir/sent")
for file in remote/file fetched; do
    [ "$(digest "$dir/$file")" = "$want" ] || fail "$file differs from what was sent"
    say "sha256 $want  $file"
done

# ---- A terminal --------------------------------------------------------------------------------

step "A command with a terminal"
say "\$ $(basename "$SSH") -tt 127.0.0.1 'tty && test -t 0 && echo \$TERM'"
# shellcheck disable=SC2086
TERM=xterm "$SSH" -tt $trusted -p "$port" "$user@127.0.0.1" 'tty && test -t 0 && echo $TERM' \
    < /dev/null > "$dir/out" 2> "$dir/ssh.log"
status=$?
tr -d '\r' < "$dir/out" | indent
[ "$status" -eq 0 ] || fail "the command with a terminal ended with $status"
grep -q '^/dev/' "$dir/out" || fail "the command had no terminal"
grep -q '^xterm' "$dir/out" || fail "TERM did not arrive"

step "A server that shows another key is refused"
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$dir/user.pub")" > "$dir/known_hosts.other"
# shellcheck disable=SC2086
"$SSH" -o UserKnownHostsFile="$dir/known_hosts.other" $trusted -p "$port" "$user@127.0.0.1" true \
    < /dev/null > "$dir/out" 2> "$dir/ssh.log" && fail "a changed host key was accepted"
tr -d '\r' < "$dir/ssh.log" | tail -n 1 | indent

kill "$sshd_pid" 2> /dev/null
wait "$sshd_pid" 2> /dev/null
sshd_pid=
printf '\nDone: every step as it should be, in %d s.\n' $(($(date +%s) - started))
