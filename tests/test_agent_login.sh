#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Our programs together, no others needed: nacre-ssh logs in to nacre-sshd with keys and certificates that
# nacre-agent holds, lends the agent over two hops, hands keys to it; what a session is told. Prints TAP lines. BUILD says where
# the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
name=$(id -un)
work=$(mktemp -d) || exit 2
children=
trap 'for pid in $children; do kill "$pid" 2> /dev/null; done; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 077
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY SSH_AUTH_SOCK
failed=0
why=

check() { # NAME: reports the checks since the last report
    if [ -z "$why" ]; then
        echo "ok - agent login: $1"
    else
        failed=1
        echo "not ok - agent login: $1"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
skip() {
    echo "ok - agent login # SKIP $1"
    exit 0
}

for program in ssh sshd agent add keygen; do
    [ -x "$build/nacre-$program" ] || skip "nacre-$program is not built"
done
command -v setsid > /dev/null || skip "no setsid"

keygen() { "$build/nacre-keygen" -q -N '' "$@" < /dev/null || exit 2; }
add() { timeout 120 setsid -w "$build/nacre-add" "$@" < /dev/null; }

keygen -t ed25519 -C host -f host
keygen -t ed25519 -C ca -f ca
for spec in ed25519 ecdsa mldsa44-ed25519; do
    keygen -t $spec -C "of $spec" -f "$spec"
    cat "$spec.pub" >> authorized
done
keygen -t rsa -b 2048 -C 'of rsa' -f rsa
cat rsa.pub >> authorized
keygen -t ed25519 -C certified -f certified
"$build/nacre-keygen" -q -s ca -I 'the id' -n "$name" certified.pub || exit 2
"$build/nacre-keygen" -q -t ed25519 -N 'a word' -a 1 -C closed -f closed < /dev/null || exit 2
cat closed.pub >> authorized

cat > sshd_config << EOF
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
TrustedUserCAKeys $work/ca.pub
PermitRootLogin yes
StrictModes no
PidFile none
PerSourcePenalties no
MaxStartups 100
EOF
"$build/nacre-sshd" -D -e -f sshd_config -p 0 2> sshd.log &
children=$!
tries=0
until port=$(sed -n 's/.*Server listening on 127\.0\.0\.1 port \([0-9][0-9]*\)\..*/\1/p' sshd.log) && [ -n "$port" ]; do
    tries=$((tries + 1))
    kill -0 "$children" 2> /dev/null && [ $tries -lt 1200 ] || skip "nacre-sshd does not run here: $(cat sshd.log)"
    sleep 0.05
done
here="[127.0.0.1]:$port"
echo "$here $(cut -d' ' -f1,2 host.pub)" > hosts
eval "$("$build/nacre-agent" -s -a "$work/agent")" > /dev/null
export SSH_AUTH_SOCK
children="$children $SSH_AGENT_PID"

options="-F none -o UserKnownHostsFile=$work/hosts -o GlobalKnownHostsFile=none -p $port"
login() { # OPTION... -- COMMAND: nobody to ask
    timeout 120 setsid -w "$build/nacre-ssh" $options "$@" > out 2> err < /dev/null
}
in_as() { # OPTION...
    login "$@" "$name@127.0.0.1" 'echo there' && [ "$(cat out)" = there ] || bad "no login with $*: $(cat out err)"
}
not_in() {
    ! login "$@" "$name@127.0.0.1" 'echo there' || bad "logged in with $*"
}

not_in
for key in ed25519 ecdsa rsa mldsa44-ed25519; do
    add -q $key || bad "$key was not added"
    in_as
    not_in -o IdentityAgent=none
    in_as -o IdentitiesOnly=yes -i $key.pub
    not_in -o IdentitiesOnly=yes -i host.pub
    add -q -D
done
check "a key of each type in the agent"

in_as -i certified
add -q -k certified
in_as -o CertificateFile=certified-cert.pub -o IdentitiesOnly=yes -o IdentityFile=none
not_in
add -q -D
add -q certified
in_as
add -q -D
check "a certificate: its key in a file, in the agent, both in the agent"

printf '#!/bin/sh\necho "$1" >> %s/asked\necho a word\n' "$work" > askpass
chmod 700 askpass
SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS SSH_ASKPASS_REQUIRE
not_in -i certified -o CertificateFile=/nonexistent -o IdentitiesOnly=yes
[ ! -e asked ] || bad "asked for nothing: $(cat asked)"
in_as -i closed -o AddKeysToAgent=10m
[ "$(cat asked)" = "Enter passphrase for key 'closed': " ] || bad "asked: $(cat asked)"
rm asked
in_as -i closed
in_as
[ ! -e asked ] || bad "asked again: $(cat asked)"
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
add -l > out
grep -q ' closed (ED25519)$' out || bad "not handed to the agent: $(cat out)"
add -q -D
check "a key handed to the agent: one passphrase"

# SIGCHLD ignored from the start, as some launchers have it: children could not be waited for.
ignoring() { timeout 120 setsid -w env --ignore-signal=CHLD "$@" > out 2> err < /dev/null; }
if ignoring true; then
    SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
    export SSH_ASKPASS SSH_ASKPASS_REQUIRE
    ignoring "$build/nacre-add" -q closed || bad "not added: $(cat err)"
    add -q -D
    ignoring "$build/nacre-ssh" $options -i closed "$name@127.0.0.1" true || bad "no login: $(cat err)"
    unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
    rm -f asked
    printf 'Match exec true\nPort 7\nMatch exec false\nUser nobody\n' > matching
    ignoring "$build/nacre-ssh" -F matching -G there || bad "Match exec: $(cat err)"
    grep -qx 'port 7' out || bad "Match exec true: $(cat out)"
    ! grep -qx 'user nobody' out || bad "Match exec false: $(cat out)"
    check "SIGCHLD ignored by the parent"
else
    echo "ok - agent login: SIGCHLD ignored by the parent # SKIP env(1) cannot ignore it"
fi

add -q ed25519
there="$build/nacre-ssh $options -o IdentityFile=none"
login -A "$name@127.0.0.1" "$build/nacre-add -l; $there $name@127.0.0.1 echo deep" || bad "nested: $(cat err)"
add -l > want
echo deep >> want
cmp -s want out || bad "over there: $(cat out)"
login -A "$name@127.0.0.1" "$there -A $name@127.0.0.1 '$there $name@127.0.0.1 echo deeper'" || bad "three hops: $(cat err)"
[ "$(cat out)" = deeper ] || bad "three hops: $(cat out)"
login "$name@127.0.0.1" 'echo "none:$SSH_AUTH_SOCK"'
[ "$(cat out)" = none: ] || bad "lent without being asked: $(cat out)"
login -A -a "$name@127.0.0.1" 'echo "none:$SSH_AUTH_SOCK"'
[ "$(cat out)" = none: ] || bad "lent with -A -a: $(cat out)"
login -o ForwardAgent=no -A "$name@127.0.0.1" 'test -S "$SSH_AUTH_SOCK"' || bad "-A does not count"
login -o ForwardAgent="$SSH_AUTH_SOCK" "$name@127.0.0.1" 'test -S "$SSH_AUTH_SOCK"' || bad "ForwardAgent with a path"
check "an agent lent: two hops, three hops"

# What -W passes through gets no agent: ProxyJump starts it with the user's options.
asks='Requesting authentication agent forwarding'
login -v -A "$name@127.0.0.1" true
grep -q "$asks" err || bad "not asked for with -A: $(cat err)"
login -v -A -W "127.0.0.1:$port" "$name@127.0.0.1"
grep -q '^SSH-2\.0-' out || bad "nothing came through: $(cat out err)"
! grep -q "$asks" err || bad "asked for with -W"
check "no agent for a host that is passed through"

add -q -D
add -q -H hosts -h "$here" ed25519 || bad "no destination"
in_as
login -A "$name@127.0.0.1" "$build/nacre-add -l"
[ "$(cat out)" = 'The agent has no identities.' ] || bad "seen over there: $(cat out)"
login -A "$name@127.0.0.1" "$there $name@127.0.0.1 echo deep" && bad "used over there"
add -q -D
add -q -H hosts -h "$here" -h "$here>$here" ed25519 || bad "no destination"
login -A "$name@127.0.0.1" "$there $name@127.0.0.1 echo deep" || bad "no second hop: $(cat err)"
add -q -D
add -q -H hosts -h "nobody@$here" ed25519
not_in
add -q -D
check "destinations"

add -q ed25519
sent() { # OPTION...: the names of variables that are sent
    NACRE_A=1 NACRE_B=2 nacre_c=3 login -v "$@" "$name@127.0.0.1" true
    sed -n 's/.*setting env \([A-Za-z_]*\) = .*/\1/p' err | sort | tr '\n' ' '
}
[ "$(sent -o 'SendEnv=NACRE_*')" = 'NACRE_A NACRE_B ' ] || bad "by a pattern: $(cat err)"
[ "$(sent -o 'SendEnv=nacre_?')" = 'nacre_c ' ] || bad "letters differ by case: $(cat err)"
[ "$(sent -o 'SendEnv=NACRE_A,NACRE_B')" = '' ] || bad "a comma separates nothing: $(cat err)"
[ "$(sent -o 'SendEnv=NACRE_A nacre_c')" = 'NACRE_A nacre_c ' ] || bad "two names: $(cat err)"
check "variables that are sent"

term() { # OPTION...: the one of a terminal over there
    TERM=ours login -tt "$@" "$name@127.0.0.1" 'echo "is $TERM"' || return 1
    tr -d '\r' < out | sed -n 's/^is //p'
}
if [ "$(term)" = ours ]; then
    [ "$(term -o SetEnv=TERM=other)" = other ] || bad "SetEnv: $(cat out err)"
    [ "$(term -o SetEnv=TERMINAL=other)" = ours ] || bad "another name: $(cat out err)"
    [ "$(term -o SetEnv=TERM=)" = ours ] || bad "an empty one: $(cat out err)"
    check "the terminal's type"
else
    echo "ok - agent login: the terminal's type # SKIP no terminal over there: $(cat err)"
fi
add -q -D
exit $failed
