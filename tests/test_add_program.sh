#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-add run for real: lines, prompts and exit status, with nacre-agent and, where it is installed, with
# ssh-agent; there also line for line against ssh-add. Prints TAP lines. BUILD says where the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
add=$build/nacre-add
keygen=$build/nacre-keygen
work=$(mktemp -d) || exit 2
agent_pid=
stop_agent() {
    [ -z "$agent_pid" ] || kill "$agent_pid" 2> /dev/null
    agent_pid=
}
trap 'stop_agent; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 077
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY SSH_AUTH_SOCK
failed=0
why=

# check NAME: reports the checks since the last report
check() {
    if [ -z "$why" ]; then
        echo "ok - add: $1${with:+ ($with)}"
    else
        failed=1
        echo "not ok - add: $1${with:+ ($with)}"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
with=
in=/dev/null
# run STATUS ARGUMENTS: output in out and err; setsid: there is no terminal, whoever runs this
run() {
    want=$1
    shift
    timeout 120 setsid -w "$add" "$@" < "$in" > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-add $*: status $got instead of $want: $(cat out err)"
}
out_is() {
    printf "$1" > want
    cmp -s want out || bad "stdout is: $(cat out)"
}
err_is() {
    printf "$1" > want
    cmp -s want err || bad "stderr is: $(cat err)"
}
err_has() {
    grep -qF -- "$1" err || bad "stderr lacks '$1': $(cat err)"
}

if ! [ -x "$add" ] || ! [ -x "$keygen" ]; then
    echo "ok - add # SKIP $add is not built"
    exit 0
fi
if ! command -v setsid > /dev/null; then
    echo "ok - add # SKIP no setsid"
    exit 0
fi

# ---- Keys --------------------------------------------------------------------------------------

"$keygen" -q -t ed25519 -N '' -C 'one key' -f one || exit 2
"$keygen" -q -t ecdsa -N 'secret words' -a 1 -C two -f two || exit 2
"$keygen" -q -t ed25519 -N '' -C ca -f ca || exit 2
"$keygen" -q -t ed25519 -N '' -C host -f host || exit 2
cp one open && chmod 644 open
echo rubbish > rubbish
echo "server,10.0.0.1 $(cut -d' ' -f1,2 host.pub)" > hosts
echo "@cert-authority *.example.com $(cut -d' ' -f1,2 ca.pub)" >> hosts
fingerprint=$("$keygen" -l -f one.pub | cut -d' ' -f2)

# ---- Without an agent --------------------------------------------------------------------------

run 2 -l
err_is 'Could not open a connection to your authentication agent.\n'
SSH_AUTH_SOCK=$work/none
export SSH_AUTH_SOCK
run 2 one
err_is 'Error connecting to agent: No such file or directory\n'
check "no agent"

for letter in s e S; do
    run 255 -$letter x
    err_has "-$letter is not supported"
done
run 255 -K
err_has "-K is not supported"
run 1 -Z
err_has "unknown option -- Z"
err_has "usage: nacre-add"
run 1 -t
err_has "option requires an argument -- t"
run 1 -t soon one
err_is 'Invalid lifetime\n'
run 255 -l -L
err_has "flag already specified"
run 255 -l -D
err_is 'Invalid combination of actions\n'
run 255 -E crc32 -l
err_is 'Invalid hash algorithm "crc32"\n'
check "options refused by name"

# ---- With one ----------------------------------------------------------------------------------

start_agent() { # COMMAND...: prints what to set, as ssh-agent -s does
    stop_agent
    unset SSH_AUTH_SOCK
    eval "$("$@" -s -a "$work/agent.$(basename "$1")" 2> agent.err)" > /dev/null 2>&1
    agent_pid=${SSH_AGENT_PID:-}
    export SSH_AUTH_SOCK
    [ -n "$agent_pid" ]
}

with_agent() {
    run 1 -l
    out_is 'The agent has no identities.\n'
    run 1 -L
    out_is 'The agent has no identities.\n'
    run 0 one
    err_is 'Identity added: one (one key)\n'
    run 0 -l
    out_is "256 $fingerprint one key (ED25519)\n"
    run 0 -L
    out_is "$(cat one.pub)\n"
    run 0 -T one.pub
    run 1 -T host.pub
    err_has "Agent signature failed for host.pub: agent refused operation"
    run 0 -d one
    err_is 'Identity removed: one ED25519 (one key)\n'
    run 1 -d one
    err_is 'Could not remove identity "one": agent refused operation\n'
    check "add, list, test, remove"

    run 0 -t 5m one
    err_is 'Identity added: one (one key)\nLifetime set to 300 seconds\n'
    run 0 -t 0 one
    err_is 'Identity added: one (one key)\n'
    run 0 -c one
    err_is 'Identity added: one (one key)\nThe user must confirm each use of the key\n'
    run 0 -q one
    err_is ''
    run 0 -D
    err_is 'All identities removed.\n'
    run 0 -q -D
    err_is ''
    check "lifetime, confirmation, quiet"

    run 1 rubbish
    err_has 'Error loading key "rubbish": '
    run 1 missing one
    err_has 'missing: No such file or directory'
    err_has 'Identity added: one (one key)'
    run 1 open
    err_has 'WARNING: UNPROTECTED PRIVATE KEY FILE!'
    err_has "Permissions 0644 for 'open' are too open."
    err_has 'This private key will be ignored.'
    run 1 -d missing
    out_is 'Bad key file missing: No such file or directory\n'
    run 0 -q -D
    check "files that cannot be used"

    printf 'wrong\nsecret words\n' > answers
    in=answers
    run 0 two
    err_has 'Enter passphrase for two: Bad passphrase, try again for two: Identity added: two (two)'
    echo > answers
    run 1 -c two
    err_has 'Enter passphrase for two (will confirm each use): '
    in=/dev/null
    run 1 two
    printf '#!/bin/sh\necho "$1" >> asked\necho secret words\n' > askpass
    chmod 700 askpass
    cp two three
    SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
    export SSH_ASKPASS SSH_ASKPASS_REQUIRE
    run 0 two three
    unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
    [ "$(cat asked)" = 'Enter passphrase for two: ' ] || bad "asked: $(cat asked)"
    rm asked
    run 0 -q -D
    check "passphrases: asked again, one for several files, askpass"

    in=one
    run 0 -
    err_is 'Identity added: (stdin) (one key)\n'
    in=one.pub
    run 0 -d -
    err_is 'Identity removed: (stdin) ED25519 (one key)\n'
    in=rubbish
    run 1 -d -
    err_is '(stdin):1: invalid key: invalid format\n'
    in=/dev/null
    check "standard input"

    printf 'pass\npass\n' > answers
    in=answers
    run 0 -x
    err_has 'Agent locked.'
    in=/dev/null
    run 1 one
    err_is 'Could not add identity "one": agent refused operation\n'
    run 1 -l
    echo no > answers
    in=answers
    run 1 -X
    err_has 'Failed to unlock agent: agent refused operation'
    echo pass > answers
    run 0 -X
    err_has 'Agent unlocked.'
    printf 'a\nb\n' > answers
    run 1 -x
    err_has 'Passwords do not match.'
    in=/dev/null
    run 1 -x
    err_has 'Failed to lock agent: agent refused operation'
    run 1 -l
    out_is 'The agent has no identities.\n'
    check "lock and unlock"

    "$keygen" -q -s ca -I 'the id' -n joe one.pub || bad "no certificate"
    run 0 one
    err_is 'Identity added: one (one key)\nCertificate added: one-cert.pub (the id)\n'
    run 0 -l
    out_is "256 $fingerprint one key (ED25519)\n256 $fingerprint one key (ED25519-CERT)\n"
    run 0 -T one-cert.pub
    run 0 -d one
    run 0 -k one
    err_is 'Identity added: one (one key)\n'
    run 0 -D
    run 0 -C one
    err_is 'Certificate added: one-cert.pub (the id)\n'
    run 0 -C -d one
    cp two.pub keep
    "$keygen" -q -s ca -I other -n joe ca.pub && mv ca-cert.pub one-cert.pub
    run 0 one
    err_has 'Certificate one-cert.pub does not match private key one'
    run 0 ca
    cp one-cert.pub ca-cert.pub
    run 0 -C ca
    rm ca-cert.pub
    run 1 -d one
    err_is 'Identity removed: one ED25519 (one key)\nCertificate one-cert.pub does not match private key one\n'
    [ "$("$add" -l | grep -c CERT)" = 1 ] || bad "a certificate of another key was removed"
    run 0 -q -D
    "$keygen" -q -s ca -I soon -n joe -V -1h:+1h one.pub
    run 0 one
    err_has 'Lifetime set to 3'
    run 0 -q -D
    "$keygen" -q -s ca -I old -n joe -V 20200101:20200102 one.pub
    run 0 one
    err_has 'Certificate one-cert.pub has already expired; ignored'
    rm one-cert.pub
    run 0 -q -D
    check "certificates"

    run 0 -H hosts -h server -h 'server>joe@a.example.com' one
    err_is 'Identity added: one (one key)\n'
    run 0 -q -D
    run 255 -H hosts -h elsewhere one
    err_is 'No host keys found for destination "elsewhere"\n'
    run 255 -H hosts -h 'joe@server>server' one
    err_is "Invalid key constraint joe@server: cannot specify user on 'from' host\n"
    run 1 -l
    check "destinations"
}

if [ -x "$build/nacre-agent" ] && start_agent "$build/nacre-agent"; then
    with=nacre-agent
    with_agent
else
    with=
    echo "ok - add: nacre-agent # SKIP it is not built"
fi
if command -v ssh-agent > /dev/null && start_agent ssh-agent; then
    with=$(ssh -V 2>&1 | cut -d' ' -f1 | tr -d ,)
    with_agent
else
    echo "ok - add: ssh-agent # SKIP it is not installed"
fi
exit $failed
