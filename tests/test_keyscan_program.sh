#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-keyscan run for real against nacre-sshd: options, output, exit status; where ssh-keyscan is installed,
# lines equal to its own. Prints TAP lines. BUILD says where the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
scan=$build/nacre-keyscan
work=$(mktemp -d) || exit 2
server=
# shellcheck disable=SC2154
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 077
failed=0
why=

check() { # NAME: reports the checks since the last report
    if [ -z "$why" ]; then
        echo "ok - keyscan: $1"
    else
        failed=1
        echo "not ok - keyscan: $1"
        printf '%s\n' "$why" | sed 's/^/    /'
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
    timeout 120 "$scan" "$@" > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-keyscan $*: status $got instead of $want: $(cat out err)"
}
err_has() { grep -qF -- "$1" err || bad "stderr lacks '$1': $(cat err)"; }
out_is() { sort out | cmp -s - "$1" || bad "stdout is: $(cat out)"; }

for program in "$scan" "$build/nacre-sshd" "$build/nacre-keygen"; do
    [ -x "$program" ] && continue
    echo "ok - keyscan # SKIP $program is not built"
    exit 0
done
for type in ed25519 ecdsa rsa; do
    "$build/nacre-keygen" -q -t $type -N '' -f "host_$type" || exit 2
    echo "HostKey $work/host_$type" >> config
done
printf 'ListenAddress 127.0.0.1\nPidFile none\nStrictModes no\nMaxStartups 1000\nPerSourcePenalties no\n' >> config
: > log
"$build/nacre-sshd" -D -e -f config -p 0 > log 2>&1 < /dev/null &
server=$!
port=
tries=0
while [ $tries -lt 1200 ]; do
    tries=$((tries + 1))
    port=$(sed -n 's/.*Server listening on 127\.0\.0\.1 port \([0-9]*\)\..*/\1/p' log)
    [ -n "$port" ] && break
    sleep 0.05
done
if [ -z "$port" ]; then
    echo "not ok - keyscan: the server does not start: $(cat log)"
    exit 1
fi

# lines HOST...: what known_hosts has of the server, sorted
lines() {
    for host in "$@"; do
        for type in ed25519 ecdsa rsa; do
            echo "[$host]:$port $(cut -d' ' -f1,2 "host_$type.pub")"
        done
    done | sort
}

run 0 -p "$port" 127.0.0.1
lines 127.0.0.1 > want
out_is want
err_has "# 127.0.0.1:$port SSH-2.0-nacre"
check 'all keys of a server'

run 0 -q -p "$port" -T 1m30s -t ssh-ed25519,RSA 127.0.0.1 localhost
lines 127.0.0.1 localhost | grep -v ecdsa > want
out_is want
[ ! -s err ] || bad "stderr: $(cat err)"
check '-q and -t'

printf '# hosts\n\n127.0.0.1 a,b # two names\n127.0.0.1\r\n' > list
run 0 -q -4 -p "$port" -f list
lines a b 127.0.0.1 > want
out_is want
timeout 120 "$scan" -q -p "$port" -f - < list > out 2> err || bad "status of -f -: $?"
out_is want
check 'a file, and standard input'

run 0 -q -H -t ed25519 -p "$port" 127.0.0.1
grep -q '^|1|[^ ]* ssh-ed25519 ' out || bad "stdout: $(cat out)"
cp out hosts
"$build/nacre-keygen" -F "[127.0.0.1]:$port" -f hosts > out 2>&1 || bad "not found by nacre-keygen: $(cat out)"
check '-H'

run 0 -q -D -p "$port" 127.0.0.1
[ "$(grep -c '^127\.0\.0\.1 IN SSHFP [134] [12] [0-9a-f]*$' out)" -eq 6 ] || bad "stdout: $(cat out)"
run 0 -q -D -O hashalg=sha1 -t ed25519 -p "$port" 127.0.0.1
grep -q '^127\.0\.0\.1 IN SSHFP 4 1 [0-9a-f]\{40\}$' out || bad "stdout: $(cat out)"
check '-D and -O'

run 1 -q -c -p "$port" 127.0.0.1
[ ! -s out ] || bad "stdout: $(cat out)"
check '-c where there is no certificate'

run 1
err_has 'usage: nacre-keyscan '
run 1 -Q x
run 255 -t nonsense 127.0.0.1
err_has 'Unknown key type "nonsense"'
for bad_port in 0 65536 ssh; do
    run 1 -p $bad_port 127.0.0.1
    err_has "Bad port '$bad_port'"
    err_has 'usage: nacre-keyscan '
done
for span in 1x 0 -1 ''; do
    run 1 -T "$span" 127.0.0.1
    err_has "Bad timeout '$span'"
done
run 255 -O nonsense 127.0.0.1
run 255 -O hashalg=md5 127.0.0.1
run 255 -f no/such/file
err_has 'no/such/file: No such file or directory'
check 'what is refused'

run 1 -T 2 -p 1 127.0.0.1
run 1 -T 2 'no host at all'
err_has 'getaddrinfo no: '
check 'hosts that are not there'

run 0 -q -t ed25519 -p "$port" 127.0.0.0/30
lines 127.0.0.1 | grep ed25519 > want
out_is want
check 'a block of addresses'

timeout 120 "$scan" -q -t ed25519 -p "$port" 127.0.0.1 > /dev/full 2> err && bad 'a full disk is no success'
check 'output that cannot be written'

if ! command -v ssh-keyscan > /dev/null; then
    echo 'ok - keyscan: as ssh-keyscan # SKIP ssh-keyscan is not installed'
else
    tr -d '\r' < list > plain_list # which it takes for a part of the name
    for args in "127.0.0.1" "-t rsa,ecdsa 127.0.0.1 LOCALHOST" "-D 127.0.0.1" "-f plain_list" "-t ed25519 -D -f plain_list"; do
        # shellcheck disable=SC2086
        ssh-keyscan -4 -p "$port" $args > theirs 2> theirs.err < /dev/null
        # shellcheck disable=SC2086
        run $? -4 -p "$port" $args
        sort theirs > want
        out_is want
        sort -u theirs.err | tr -d '\r' > want
        sort -u err | cmp -s - want || bad "stderr of $args: $(cat err)"
    done
    check 'as ssh-keyscan'
fi
exit $failed
