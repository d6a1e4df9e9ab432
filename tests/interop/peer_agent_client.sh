# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# nacre-ssh and nacre-add with ssh-agent and sshd, of this system and of the newest suite: keys and
# certificates of all types, lock, lifetime, confirmation, destinations, an agent lent over two hops; and
# nacre-sshd that is lent an agent by ssh.
#
# S is the directory that both sides see, T the peer's name for it.

NACRE_ADD=${NACRE_ADD:-$(dirname "$NACRE_SSH")/nacre-add}
version_agentclient() { version_openssh; }
missing_agentclient() { absent ssh-agent ssh-add "$SSHD" "$PYTHON" "$NACRE_ADD"; }

AGENT_KEYS='ed25519:ed25519:0 ecdsa256:ecdsa:256 ecdsa384:ecdsa:384 ecdsa521:ecdsa:521 rsa:rsa:2048 mldsa:mldsa44-ed25519:0'

# Their programs; the agent's socket is in SSH_AUTH_SOCK as they see it
agent_their() {
    case $GROUP in
    *_newer) in_newer SSH_AUTH_SOCK="$T/agent" "$@" ;;
    *) env SSH_AUTH_SOCK="$T/agent" "$@" ;;
    esac
}
agent_add() { (cd "$S" && SSH_AUTH_SOCK=$S/agent bounded "$NACRE_ADD" "$@"); }

agent_share() {
    S=$WORK/shared T=$WORK/shared
    case $GROUP in
    *_newer)
        newer_share
        S=$NEWER_DIR$NEWER_WORK T=$NEWER_WORK
        ;;
    *)
        mkdir "$S"
        cp "$KEYS"/* "$S/"
        ;;
    esac
    agent_their ssh-keygen -q -t ed25519 -N '' -f "$T/ca" < /dev/null
    agent_their ssh-keygen -q -t rsa -b 2048 -N '' -f "$T/ca-rsa" < /dev/null
    agent_their ssh-keygen -q -t mldsa44-ed25519 -N '' -f "$T/ca-mldsa" < /dev/null > /dev/null 2>&1
    cat "$S"/ca*.pub > "$S/authorities"
    : > "$S/authorized"
    made=
    for spec in $AGENT_KEYS; do
        name=${spec%%:*} type=${spec#*:} size=
        [ "${type#*:}" = 0 ] || size="-b ${type#*:}"
        agent_their ssh-keygen -q -t "${type%:*}" $size -N '' -C "of $name" -f "$T/$name" < /dev/null > /dev/null 2>&1 || continue
        cat "$S/$name.pub" >> "$S/authorized"
        made="$made $name"
    done
    printf '#!/bin/sh\necho "$1" >> %s/asked\n[ -e %s/allowed ]\n' "$T" "$T" > "$S/askpass"
    chmod 700 "$S/askpass"
}

agent_run() { # starts their agent
    rm -f "$S/agent" "$S/asked" "$S/allowed"
    for name in $made; do
        rm -f "$S/$name-cert.pub"
    done
    case $GROUP in
    *_newer) start "$WORK/agent.log" chroot "$NEWER_DIR" env HOME=/root SSH_ASKPASS="$T/askpass" SSH_ASKPASS_REQUIRE=force \
        ssh-agent -D -a "$T/agent" ;;
    *) start "$WORK/agent.log" env SSH_ASKPASS="$T/askpass" SSH_ASKPASS_REQUIRE=force ssh-agent -D -a "$T/agent" ;;
    esac
    await test -S "$S/agent" || fail "no agent"
}

# sshd that takes authorized keys, or certificates alone
agent_serve() { # keys|certificates [OPTION...]
    what=$1
    shift
    cat > "$S/sshd_config" << EOT
HostKey $T/host
AuthorizedKeysFile $([ "$what" = keys ] && echo "$T/authorized" || echo none)
TrustedUserCAKeys $T/authorities
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
EOT
    case $GROUP in
    *_newer) serve_inetd sshd chroot "$NEWER_DIR" /usr/sbin/sshd -i -e -f "$T/sshd_config" "$@" ;;
    *)
        [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
        serve_inetd sshd "$SSHD" -i -e -f "$S/sshd_config" "$@"
        ;;
    esac
    cp "$WORK/known_hosts.$PORT" "$S/known_hosts"
}

agent_login() { # OPTION... -- COMMAND...
    bounded "$NACRE_SSH" -F none -o IdentityAgent="$S/agent" -o BatchMode=yes -o UserKnownHostsFile="$S/known_hosts" \
        -o GlobalKnownHostsFile=none -p "$PORT" "$@"
}
agent_at() { echo "$ME@127.0.0.1"; }
agent_logs_in() { # OPTION...
    agent_login "$@" "$(agent_at)" 'echo there' > "$WORK/out" 2> "$WORK/err" || fail "no login with $*: $(cat "$WORK/err")"
    [ "$(cat "$WORK/out")" = there ] || fail "it printed $(cat "$WORK/out")"
}
agent_stays_out() { # OPTION...
    ! agent_login "$@" "$(agent_at)" 'echo there' > "$WORK/out" 2> "$WORK/err" || fail "it logged in with $*"
    grep -q 'Permission denied' "$WORK/err" || fail "not refused, but: $(cat "$WORK/err")"
}
# agent_nested COMMAND: theirs, on the other host, with the agent that was lent
agent_nested() {
    agent_login -A "$(agent_at)" "$1" 2> "$WORK/err" || fail "$1: $(tail -n 3 "$WORK/err")"
}
agent_nested_ssh() { echo "ssh -F none -o BatchMode=yes -o UserKnownHostsFile=$T/known_hosts -o IdentityFile=none -p $PORT $(agent_at)"; }

case_agent_lists() { # the same lines from both, whoever added the keys
    agent_run
    for name in $made; do
        agent_add -q "$name" || fail "$name was not added"
    done
    for option in -l -L; do
        agent_add $option > "$WORK/ours" || fail "nacre-add $option"
        agent_their ssh-add $option > "$WORK/theirs" || fail "ssh-add $option"
        diff "$WORK/ours" "$WORK/theirs" || fail "$option differs"
    done
    for name in $made; do
        agent_add -T "$name.pub" || fail "-T $name"
        agent_their ssh-add -q -d "$T/$name.pub" || fail "ssh-add -d $name"
        agent_their ssh-add -q "$T/$name" || fail "ssh-add $name"
        agent_add -q -d "$name" || fail "nacre-add -d $name"
    done
    [ "$(agent_add -l)" = 'The agent has no identities.' ] || fail "keys are left"
}

case_agent_key() { # NAME
    agent_run
    agent_serve keys
    agent_stays_out
    agent_add -q "$1"
    agent_logs_in
    agent_their ssh-add -q -D
    agent_stays_out
    agent_logs_in -i "$S/$1"
    agent_logs_in -i "$S/$1" -o AddKeysToAgent=yes
    agent_their ssh-add -T "$T/$1.pub" || fail "not handed to the agent"
    agent_logs_in -i "$S/$1.pub" -o IdentitiesOnly=yes
}

case_agent_certificate() { # NAME AUTHORITY [OPTION OF SSHD]
    agent_run
    agent_serve certificates ${3:+-o "$3"}
    agent_their ssh-keygen -q -s "$T/$2" -I "id of $1" -n "$ME" "$T/$1.pub"
    agent_logs_in -o IdentityAgent=none -i "$S/$1"
    agent_add -q "$1"
    agent_logs_in -o IdentitiesOnly=no
    agent_add -q -D
    agent_add -q -k "$1"
    agent_logs_in -o CertificateFile="$S/$1-cert.pub" -o IdentitiesOnly=yes -o IdentityFile=none
    rm "$S/$1-cert.pub"
    agent_stays_out
}

case_agent_lock() {
    agent_run
    agent_serve keys
    agent_add -q ed25519
    agent_logs_in
    printf 'a word\na word\n' | (cd "$S" && SSH_AUTH_SOCK=$S/agent bounded setsid -w "$NACRE_ADD" -x) || fail "not locked"
    agent_stays_out
    [ "$(agent_their ssh-add -l 2>&1)" = 'The agent has no identities.' ] || fail "it lists keys"
    echo 'a word' | (cd "$S" && SSH_AUTH_SOCK=$S/agent bounded setsid -w "$NACRE_ADD" -X) || fail "not unlocked"
    agent_logs_in
}

case_agent_lifetime() {
    agent_run
    begun=$(date +%s)
    agent_add -q -t 3 ed25519
    agent_their ssh-add -l > /dev/null || [ "$(date +%s)" -ge $((begun + 3)) ] || fail "it is not there"
    await agent_is_empty || fail "it is still there"
}
agent_is_empty() { ! agent_their ssh-add -l; }

case_agent_confirm() {
    agent_run
    agent_serve keys
    agent_add -q -c ed25519
    rm -f "$S/allowed"
    agent_stays_out
    grep -q 'Allow use of key' "$S/asked" || fail "nobody was asked: $(cat "$S/asked")"
    touch "$S/allowed"
    agent_logs_in
}

case_agent_forward() {
    agent_run
    agent_serve keys
    agent_add -q ed25519 rsa
    agent_nested 'ssh-add -l' > "$WORK/out"
    agent_add -l | diff - "$WORK/out" || fail "another list over there"
    agent_nested "$(agent_nested_ssh) echo deep" | grep -qx deep || fail "no second hop"
    agent_login "$(agent_at)" 'ssh-add -l' > "$WORK/out" 2>&1 && fail "lent without being asked"
    # two at a time, and a third that is left open
    agent_nested 'ssh-add -l > /dev/null & ssh-add -L > /dev/null; wait; ssh-add -T '"$T/rsa.pub" || fail "not at once"
}

case_agent_destinations() {
    agent_run
    agent_serve keys
    here="[127.0.0.1]:$PORT"
    agent_add -q -H known_hosts -h "$here" ed25519 || fail "not added"
    agent_logs_in
    [ "$(agent_nested 'ssh-add -l; true')" = 'The agent has no identities.' ] || fail "seen over there"
    agent_add -q -D
    agent_add -q -H known_hosts -h "$here" -h "$here>$here" ed25519 || fail "not added"
    agent_logs_in
    agent_nested 'ssh-add -l' | grep -q ED25519 || fail "not seen over there"
    agent_nested "$(agent_nested_ssh) echo deep" | grep -qx deep || fail "no second hop"
    agent_add -q -D
    agent_add -q -H known_hosts -h "nobody@$here" ed25519 || fail "not added"
    agent_stays_out
    agent_add -q -D
    # a host of another key
    agent_their ssh-keygen -q -t ed25519 -N '' -f "$T/elsewhere" < /dev/null
    echo "elsewhere $(cut -d' ' -f1,2 "$S/elsewhere.pub")" > "$S/others"
    agent_add -q -H others -h elsewhere ed25519 || fail "not added"
    agent_stays_out
}

agent_cases() {
    agent_share
    check "lists, tests, removals: the same as ssh-add's" case_agent_lists
    for name in $made; do
        check "login with $name in the agent, and handed to it" case_agent_key "$name"
    done
    for name in $made; do
        check "login with a certificate for $name" case_agent_certificate "$name" ca
    done
    check "login with a certificate by an RSA authority" case_agent_certificate ecdsa384 ca-rsa
    [ ! -e "$S/ca-mldsa" ] || check "login with a certificate by a post-quantum authority" case_agent_certificate mldsa ca-mldsa \
        CASignatureAlgorithms=+ssh-mldsa44-ed25519
    check "a locked agent" case_agent_lock
    check "lifetime" case_agent_lifetime
    check "confirmation" case_agent_confirm
    check "an agent lent: two hops" case_agent_forward
    check "destinations" case_agent_destinations
    for spec in $AGENT_KEYS; do
        case " $made " in
        *" ${spec%%:*} "*) ;;
        *) skip "${spec%%:*}" "their ssh-keygen does not make it" ;;
        esac
    done
}

group_agentclient_openssh() { agent_cases; }
group_agentclient_newer() {
    if [ -n "$(missing_newer)" ]; then
        skip "all" "not installed: $(missing_newer)"
        return
    fi
    agent_cases
}

# ---- nacre-sshd --------------------------------------------------------------------------------

version_agentserver() { version_openssh; }
missing_agentserver() { missing_agentclient; }

# Their client, lending their agent
agent_their_login() { # OPTION... COMMAND
    cp "$WORK/known_hosts.$PORT" "$S/known_hosts"
    case $GROUP in
    *_newer) bounded chroot "$NEWER_DIR" env HOME=/root SSH_AUTH_SOCK="$T/agent" ssh -F none -o BatchMode=yes \
        -o UserKnownHostsFile="$T/known_hosts" -o GlobalKnownHostsFile=none -p "$PORT" "$(agent_at)" "$@" ;;
    *) bounded env SSH_AUTH_SOCK="$T/agent" ssh -F none -o BatchMode=yes -o UserKnownHostsFile="$T/known_hosts" \
        -o GlobalKnownHostsFile=none -p "$PORT" "$(agent_at)" "$@" ;;
    esac
}

case_agent_lent_to_us() {
    agent_run
    agent_add -q ed25519
    serve_nacre -o "AuthorizedKeysFile=$S/authorized"
    agent_their_login 'echo "none:$SSH_AUTH_SOCK"' | grep -qx 'none:' || fail "lent without being asked"
    agent_their_login -A "$NACRE_ADD -l" > "$WORK/out" || fail "no agent over there"
    agent_add -l | diff - "$WORK/out" || fail "another list over there"
    agent_their_login -A "$NACRE_SSH -F none -o BatchMode=yes -o UserKnownHostsFile=$S/known_hosts -o IdentityFile=none -p $PORT $(agent_at) echo deep" |
        grep -qx deep || fail "no second hop"
    agent_their_login -A 'echo "$SSH_AUTH_SOCK"' > "$WORK/out"
    await test ! -e "$(cat "$WORK/out")" || fail "$(cat "$WORK/out") is left"
}

case_agent_not_lent_to_us() { # OPTION...
    agent_run
    agent_add -q ed25519
    serve_nacre -o "AuthorizedKeysFile=$S/authorized" "$@"
    agent_their_login -A 'echo "none:$SSH_AUTH_SOCK"' | grep -qx 'none:' || fail "it has a socket"
}

# The second request names the host key, or the agent would not sign it
case_agent_lent_for_destinations() {
    agent_run
    serve_nacre -o "AuthorizedKeysFile=$S/authorized"
    cp "$WORK/known_hosts.$PORT" "$S/known_hosts"
    here="[127.0.0.1]:$PORT"
    second="$NACRE_SSH -F none -o BatchMode=yes -o UserKnownHostsFile=$S/known_hosts -o IdentityFile=none -p $PORT $(agent_at) echo deep"
    agent_add -q -H known_hosts -h "$here" ed25519 || fail "not added"
    agent_their_login -A "$second" && fail "used over there"
    agent_add -q -D
    agent_add -q -H known_hosts -h "$here" -h "$here>$here" ed25519 || fail "not added"
    agent_their_login -A "$second" | grep -qx deep || fail "no second hop"
}

agentserver_cases() {
    agent_share
    check "lent by ssh -A: two hops" case_agent_lent_to_us
    check "lent by ssh -A: destinations over two hops" case_agent_lent_for_destinations
    check "AllowAgentForwarding no" case_agent_not_lent_to_us -o AllowAgentForwarding=no
    sed -i 's/^/no-agent-forwarding /' "$S/authorized"
    check "no-agent-forwarding" case_agent_not_lent_to_us
}

group_agentserver_openssh() { OURS=server && agentserver_cases; }
group_agentserver_newer() {
    if [ -n "$(missing_newer)" ]; then
        skip "all" "not installed: $(missing_newer)"
        return
    fi
    OURS=server
    agentserver_cases
}
