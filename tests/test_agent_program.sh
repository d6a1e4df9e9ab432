#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-agent run for real: what it prints and leaves, exit status, its socket, its end. Prints TAP lines.
# BUILD says where the programs are.
# shellcheck disable=SC2015,SC2016,SC2086,SC1091
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
agent=$build/nacre-agent
add=$build/nacre-add
work=$(mktemp -d) || exit 2
pids=
trap 'for pid in $pids; do kill "$pid" 2> /dev/null; done; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 022
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY SSH_AUTH_SOCK SSH_AGENT_PID
export TMPDIR="$work" SHELL=/bin/sh
failed=0
why=

check() { # NAME: reports what was bad since the last report
    if [ -z "$why" ]; then
        echo "ok - agent: $1"
    else
        failed=1
        echo "not ok - agent: $1"
        printf '%s' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
run() { # STATUS ARGUMENTS: output in out and err
    want=$1
    shift
    timeout 120 "$agent" "$@" > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-agent $*: status $got instead of $want: $(cat out err)"
    pid=$(sed -n 's/^echo Agent pid \([0-9]*\);$/\1/p' out)
    pids="$pids $pid"
}
gone() { # PATH: waits until it is
    tries=0
    while [ -e "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || { bad "$1 is left"; return; }
        sleep 0.05
    done
}
appears() { # FILE
    tries=0
    until [ -e "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || return 1
        sleep 0.05
    done
}
there() {
    tries=0
    until [ -S "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || { bad "no $1"; return; }
        sleep 0.05
    done
}
"$build/nacre-keygen" -q -t ed25519 -N '' -C comment -f key || exit 2

# ---- In the background

run 0
. ./out > told
[ "$(cat told)" = "Agent pid $pid" ] || bad "told $(cat told)"
[ "$SSH_AGENT_PID" = "$pid" ] || bad "another pid: $SSH_AGENT_PID"
case $SSH_AUTH_SOCK in
"$work"/ssh-??????/agent.*) ;;
*) bad "socket $SSH_AUTH_SOCK" ;;
esac
[ "$(stat -c %a "$SSH_AUTH_SOCK")" = 600 ] || bad "mode of the socket"
[ "$(stat -c %a "${SSH_AUTH_SOCK%/*}")" = 700 ] || bad "mode of the directory"
if [ -r "/proc/$pid/limits" ]; then
    grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits" || bad "it may leave its memory behind"
    if [ "$(id -u)" -eq 0 ]; then
        [ "$(readlink "/proc/$pid/cwd")" = / ] || bad "it holds a directory"
    elif readlink "/proc/$pid/cwd"; then
        bad "others of its user may look into it"
    fi
fi
"$add" -q key || bad "not added"
[ "$("$add" -L)" = "$(cat key.pub)" ] || bad "not listed"
kill -USR1 "$pid"
tries=0
while "$add" -l > list; do
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || { bad "SIGUSR1 leaves keys"; break; }
    sleep 0.05
done
run 0 -k
grep -q "^unset SSH_AUTH_SOCK;\$" out && grep -q "^echo Agent pid $SSH_AGENT_PID killed;\$" out || bad "-k prints $(cat out)"
gone "${SSH_AUTH_SOCK%/*}"
unset SSH_AUTH_SOCK SSH_AGENT_PID
check "started, used, killed"

run 0 -c
grep -q '^setenv SSH_AUTH_SOCK .*;$' out && grep -q "^setenv SSH_AGENT_PID $pid;\$" out || bad "-c prints $(cat out)"
SSH_AGENT_PID=$pid run 0 -k -c
[ "$(head -n 1 out)" = 'unsetenv SSH_AUTH_SOCK;' ] || bad "-k -c prints $(cat out)"
SHELL=/bin/tcsh run 0
grep -q '^setenv' out || bad "a shell that is csh's is not seen"
kill "$pid"
SHELL=/bin/tcsh run 0 -s
grep -q '^SSH_AUTH_SOCK=.*; export SSH_AUTH_SOCK;$' out || bad "-s prints $(cat out)"
kill "$pid"
check "-s, -c"

for path in "$work/sock" ./sock sock; do
    run 0 -a "$path"
    grep -qx "SSH_AUTH_SOCK=$path; export SSH_AUTH_SOCK;" out || bad "prints $(cat out)"
    SSH_AUTH_SOCK=$work/sock "$add" -l > list
    [ $? -eq 1 ] || bad "no answer at $path"
    first=$pid
    run 1 -a "$path"
    grep -q 'Address already in use' err || bad "a second one says: $(cat err)"
    [ -S sock ] || bad "the second one removed the socket"
    kill "$first"
    gone sock
done
mkdir directory
run 0 -A directory
[ -S "$(echo directory/ssh-*/agent.*)" ] || bad "nothing in the directory"
kill "$pid"
gone "$(echo directory/ssh-*)"
run 1 -a "$work/$(printf '%0120d' 0)"
run 1 -a /nowhere/sock
grep -q 'cannot bind to path /nowhere/sock: No such file' err || bad "says $(cat err)"
run 1 -a ''
grep -q 'cannot bind to path ""' err || bad "says $(cat err)"
TMPDIR=/nowhere run 1
check "-a, -A, TMPDIR"

# ---- In the foreground

for option in -D -d; do
    for signal in TERM INT HUP; do
        # a shell ignores SIGINT for what it puts in the background; setsid undoes nothing of that
        env --default-signal=INT "$agent" $option -a sock > out 2> err < /dev/null &
        pid=$!
        there sock
        SSH_AUTH_SOCK=sock "$add" -q key || bad "not added"
        kill -$signal "$pid"
        wait "$pid"
        [ $? -eq 2 ] || bad "status after $signal"
        [ ! -e sock ] || bad "socket left after $signal"
        grep -q "^echo Agent pid $pid;\$" out || bad "prints $(cat out)"
        grep -q SSH_AGENT_PID out && bad "tells SSH_AGENT_PID"
    done
done
grep -q '^debug1: request 17: add key$' err || bad "-d says: $(cat err)"
grep -q '^debug1: added: SHA256:' err || bad "-d says: $(cat err)"
check "-D, -d, signals"

# ---- With a command

run 7 sh -c 'echo "$SSH_AGENT_PID" > pid; echo "$SSH_AUTH_SOCK" > sock.name; "$1" -q key && "$1" -l; exit 7' - "$add"
grep -q '(ED25519)$' out || bad "prints $(cat out err)"
gone "$(cat sock.name)"
run 1 /nowhere/at/all
for name in ssh-*; do
    gone "$name"
done
run 3 -a sock -t 100 -E md5 -P '/x/*' sh -c 'test "$SSH_AUTH_SOCK" = sock && exit 3'
gone sock
"$agent" sleep 1000 &
pid=$!
tries=0
until [ -n "$(find . -name 'agent.*')" ] || [ $tries -ge 1200 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
name=$(find . -name 'agent.*')
kill -9 "$pid"
wait "$pid" 2> /dev/null
gone "$name"
check "command"

# ---- What is left in memory (s68)

# An Ed25519 key in PKCS #8 (RFC 8410) whose secret half is a text, in two pieces: the shell's own
# memory is not the agent's, but a failed search must not find the search
seed_a=the-secret-half- seed_b=of-a-key-in-text
pass_a=words-that-lock- pass_b=the-agent-up
{
    echo '-----BEGIN PRIVATE KEY-----'
    printf '\060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040%s' "$seed_a$seed_b" | base64
    echo '-----END PRIVATE KEY-----'
} > seed
chmod 600 seed
"$build/nacre-keygen" -y -f seed > seed.pub || bad "no key"
holds() { # TEXT: whether memory that can be written holds it
    while read -r range rights rest; do
        case $rights in
        rw*) ;;
        *) continue ;;
        esac
        from=$((0x${range%-*}))
        to=$((0x${range#*-}))
        dd if="/proc/$pid/mem" bs=4096 skip=$((from / 4096)) count=$(((to - from) / 4096)) 2> /dev/null
    done < "/proc/$pid/maps" | grep -a -q -- "$1"
}
searchable() { # no sanitizer: its memory spans terabytes
    [ "$(id -u)" -eq 0 ] && [ -r /proc/self/maps ] || return 1
    run 0 -a sock
    while read -r range rest; do
        [ $((0x${range#*-} - 0x${range%-*})) -le $((1 << 30)) ] && continue
        kill "$pid"
        gone sock
        return 1
    done < "/proc/$pid/maps"
}
left() { # WHAT TEXT: it must be gone
    holds "$2" && bad "$1: the secret is left in memory"
}
if searchable; then
    export SSH_AUTH_SOCK="$work/sock"
    for way in -D '-d seed' expiry signal lock; do
        life=
        [ "$way" != expiry ] || life='-t 1'
        "$add" -q $life seed 2> /dev/null || bad "not added"
        [ "$way" = expiry ] || holds "$seed_a$seed_b" || bad "$way: the search finds nothing"
        case $way in
        -D) "$add" -q -D ;;
        -d*) "$add" -q $way || bad "not removed" ;;
        signal) kill -USR1 "$pid" ;;
        lock)
            printf '%s\n%s\n' "$pass_a$pass_b" "$pass_a$pass_b" | setsid -w "$add" -x 2> err || bad "-x says $(cat err)"
            left "$way" "$pass_a$pass_b"
            printf '%s\n' "wrong$pass_a$pass_b" | setsid -w "$add" -X 2> err && bad "a wrong passphrase unlocks"
            left "$way, wrong guess" "$pass_a$pass_b"
            printf '%s\n' "$pass_a$pass_b" | setsid -w "$add" -X 2> err || bad "-X says $(cat err)"
            left "$way, right guess" "$pass_a$pass_b"
            "$add" -q -D
            ;;
        esac
        tries=0
        while "$add" -l > list; do
            tries=$((tries + 1))
            [ $tries -lt 1200 ] || { bad "$way leaves the key"; break; }
            sleep 0.05
        done
        left "$way" "$seed_a$seed_b"
    done
    kill "$pid"
    gone sock
    unset SSH_AUTH_SOCK
    check "secrets leave no trace in memory"
else
    echo "ok - agent: secrets leave no trace in memory # SKIP its memory cannot be searched here"
fi

# ---- A question whose asker has gone

# the pipe is open for as long as the program or what it runs is there
mkfifo held
printf '#!/bin/sh\nexec 9> held\necho > asked\nsleep 1000\n' > askpass
chmod 700 askpass
{ cat held && : > ended; } &
pids="$pids $!"
SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force run 0 -a ./sock
agent_pid=$pid
SSH_AUTH_SOCK=$work/sock "$add" -q -c key 2> err || bad "says $(cat err)"
SSH_AUTH_SOCK=$work/sock "$add" -T key.pub 2> err &
asker=$!
appears asked || bad "nobody is asked"
[ ! -e ended ] || bad "asked no longer"
kill "$asker"
wait "$asker" 2> /dev/null
appears ended || bad "the program is left"
kill "$agent_pid"
gone sock
check "a question goes with who asked it"

# ---- Options

run 0 -t 1
kill_me=$pid
SSH_AUTH_SOCK=$(sed -n 's/^SSH_AUTH_SOCK=\(.*\); export.*/\1/p' out)
export SSH_AUTH_SOCK
"$add" -q key || bad "not added"
tries=0
while "$add" -l > list; do
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || { bad "outlives -t"; break; }
    sleep 0.05
done
kill "$kill_me"
unset SSH_AUTH_SOCK
run 1 -t x
grep -qx 'Invalid lifetime' err || bad "says $(cat err)"
run 1 -t ''
run 1 -t 99999999w
run 255 -E sha3
grep -qx 'Invalid hash algorithm "sha3"' err || bad "says $(cat err)"
run 255 -O other
run 1 -O allow-remote-pkcs11
grep -q 'allow-remote-pkcs11.*not supported' err || bad "says $(cat err)"
run 255 -P a -P b
for options in '-s -c' '-D -d' '-D true' '-k true' '-x' '-t' '-a sock -T' '-a sock -A directory'; do
    run 1 $options
    grep -q '^usage: nacre-agent' err || bad "$options: no usage"
done
run 1 -u
run 0 -E SHA1 true
run 0 -O no-restrict-websafe -O 'websafe-allow=ssh:*' -T -U
kill "$pid"
run 0 -V
grep -q '^nacre-agent [0-9]' err || bad "-V says $(cat err)"
check "options"

run 1 -k
grep -qx 'SSH_AGENT_PID not set, cannot kill agent' err || bad "says $(cat err)"
for value in 1 x '' 5x 99999999999; do
    SSH_AGENT_PID=$value run 1 -k
    grep -q "^SSH_AGENT_PID=\"$value\", which is not a good PID: " err || bad "$value: says $(cat err)"
done
true &
wait $!
SSH_AGENT_PID=$! run 1 -k
grep -q '^kill: ' err || bad "says $(cat err)"
check "-k of nothing"
exit $failed
