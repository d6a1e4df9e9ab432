#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Host keys between nacre-ssh and nacre-sshd, run for real: unknown, changed and revoked keys and how they are
# told, host certificates, UpdateHostKeys, several clients that write one known_hosts file. Prints TAP
# lines. BUILD says where the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
keygen=$build/nacre-keygen
work=$(mktemp -d) || exit 2
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 077
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
failed=0
why=
me=$(id -un)

check() { # NAME: reports the checks since the last report
    if [ -z "$why" ]; then
        echo "ok - hosts: $1"
    else
        failed=1
        echo "not ok - hosts: $1"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
err_has() { grep -qF -- "$1" err || bad "stderr lacks '$1': $(cat err)"; }

for program in "$keygen" "$build/nacre-sshd" "$build/nacre-ssh"; do
    [ -x "$program" ] && continue
    echo "ok - hosts # SKIP $program is not built"
    exit 0
done

serve() { # LINES OF CONFIGURATION
    [ -z "$server" ] || { kill "$server"; wait "$server" 2> /dev/null; }
    {
        for type in ed25519 ecdsa rsa; do echo "HostKey $work/host_$type"; done
        printf 'ListenAddress 127.0.0.1\nPidFile none\nStrictModes no\nPermitRootLogin yes\nMaxStartups 100\n'
        printf 'PerSourcePenalties no\nAuthorizedKeysFile %s/user.pub\n' "$work"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } > config
    : > log
    "$build/nacre-sshd" -D -e -f config -p "${port:-0}" > log 2>&1 < /dev/null &
    server=$!
    tries=0
    while ! grep -q 'Server listening on' log; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || { echo "not ok - hosts: the server does not start: $(cat log)"; exit 1; }
        sleep 0.1
    done
    port=$(sed -n 's/.*Server listening on 127\.0\.0\.1 port \([0-9]*\)\..*/\1/p' log)
}
line() { echo "${2:-[127.0.0.1]:$port} $(cut -d' ' -f1,2 "$1.pub")"; } # KEY [NAME]
# A command that takes $pause seconds, so that what the server has announced is dealt with
pause=0
visit() { # STATUS OPTIONS: output in out and err
    want=$1
    shift
    timeout 120 "$build/nacre-ssh" -F none -i user -o BatchMode=yes -o UserKnownHostsFile="$work/known" \
        -o GlobalKnownHostsFile=/dev/null "$@" -p "$port" "$me@127.0.0.1" "echo in; sleep $pause" > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-ssh $*: status $got instead of $want: $(cat out err)"
}

# Visits with the file as it is until something is learned: how long that takes depends on the machine
learn() { # OPTIONS: as visit's
    cp known before
    for pause in 0.3 1 4 15; do
        cp before known
        visit 0 -o UpdateHostKeys=yes -v "$@"
        ! grep -q 'Learned new hostkey' err || break
    done
    pause=0
}

for name in user host_ed25519 host_ecdsa host_rsa other ca; do
    type=ed25519
    case $name in *_*) type=${name#*_} ;; esac
    "$keygen" -q -t "$type" -N '' -C '' -f $name || exit 2
done
port=
serve

# ---- Known, unknown, changed -------------------------------------------------------------------

: > known
visit 255
err_has 'Host key verification failed.'
[ ! -s known ] || bad 'a key was added'
visit 0 -o StrictHostKeyChecking=accept-new -o HostKeyAlgorithms=ssh-ed25519
err_has "Warning: Permanently added '[127.0.0.1]:$port' (ED25519) to the list of known hosts."
line host_ed25519 | cmp -s - known || bad "known: $(cat known)"
visit 0 -o StrictHostKeyChecking=yes
check 'unknown hosts'

line other > known
for policy in yes ask accept-new; do
    visit 255 -o StrictHostKeyChecking=$policy
    err_has '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @'
    err_has "Offending ED25519 key in $work/known:1"
    err_has "nacre-keygen -f \"$work/known\" -R \"[127.0.0.1]:$port\""
    err_has "Host key for [127.0.0.1]:$port has changed and you have requested strict checking."
done
line other | cmp -s - known || bad 'the file has changed'
check 'changed keys'

line host_rsa > known
visit 255 -o StrictHostKeyChecking=accept-new -o HostKeyAlgorithms=ssh-ed25519
err_has 'Offending RSA key in '
visit 0
check 'a key of another type is no new host; the known type is asked for first'

{ line host_ed25519; echo "@revoked * $(cut -d' ' -f1,2 host_ed25519.pub)"; } > known
visit 255
err_has 'REVOKED HOST KEY DETECTED!'
line host_ed25519 > known
visit 255 -o RevokedHostKeys=host_ed25519.pub
err_has 'is revoked by file host_ed25519.pub'
"$keygen" -q -k -f krl host_ed25519.pub || bad 'no KRL'
visit 255 -o RevokedHostKeys=krl
visit 255 -o RevokedHostKeys=no-such-file
visit 0 -o RevokedHostKeys=other.pub
check 'revoked keys'

# ---- Learning ----------------------------------------------------------------------------------

{ echo '# mine'; line host_ed25519; line other; line other elsewhere.example.com; } > known
learn
grep -qF "$(line other)" known || bad 'a key that has another name was removed'
{ echo '# mine'; line host_ed25519; line other; } > known
learn
err_has 'Learned new hostkey: RSA SHA256:'
err_has 'Deprecating obsolete hostkey: ED25519 SHA256:'
{ echo '# mine'; for type in ed25519 ecdsa rsa; do line host_$type; done; } | cmp -s - known || bad "known: $(cat known)"
visit 0 -o HostKeyAlgorithms=rsa-sha2-512
check 'UpdateHostKeys'

line host_ed25519 > known
pause=0.3
visit 0 -o UpdateHostKeys=no
visit 0
line host_ed25519 | cmp -s - known || bad 'the file has changed'
check 'UpdateHostKeys switched off, and not the default with another file'

# ---- Several clients at once -------------------------------------------------------------------

ln -s target known_link
: > target
pids=
for i in 1 2 3 4 5 6 7 8 9 10; do
    timeout 120 "$build/nacre-ssh" -F none -i user -o BatchMode=yes -o UserKnownHostsFile="$work/known_link" \
        -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=accept-new -o HostKeyAlgorithms=ssh-ed25519 \
        -o HostKeyAlias="host$i" -p "$port" "$me@127.0.0.1" true > "out.$i" 2>&1 < /dev/null &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid" || bad "a client ended with $?"; done
for i in 1 2 3 4 5 6 7 8 9 10; do
    grep -qF "$(line host_ed25519 host$i)" target || bad "host$i is lost: $(cat "out.$i")"
done
[ -L known_link ] || bad 'the link is no link any more'
[ "$(wc -l < target)" -eq 10 ] || bad "target: $(cat target)"
check 'ten clients add to one file at once, through a link'

# ---- Certificates ------------------------------------------------------------------------------

"$keygen" -q -s ca -I host -h -n 127.0.0.1 host_ed25519.pub || bad 'no certificate'
serve "HostCertificate $work/host_ed25519-cert.pub"
echo "@cert-authority * $(cut -d' ' -f1,2 ca.pub)" > known
visit 0 -o UpdateHostKeys=yes
[ "$(wc -l < known)" -eq 1 ] || bad "something was learned by way of a certificate: $(cat known)"
visit 255 -o RevokedHostKeys=ca.pub
visit 255 -o CASignatureAlgorithms=rsa-sha2-512
err_has 'Certificate invalid: '
visit 255 -o HostKeyAlias=another.example.com
err_has 'Certificate invalid: '
echo "@cert-authority *.example.com $(cut -d' ' -f1,2 ca.pub)" > known
visit 255
check 'host certificates'

exit $failed
