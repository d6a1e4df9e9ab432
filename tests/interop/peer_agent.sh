# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034,SC2016,SC2030,SC2031
#
# nacre-agent where ssh-agent is expected: ssh-add of this system and of the newest suite, and nacre-add;
# logins, signatures of files and of commits by keys that only the agent has; Paramiko's and AsyncSSH's
# clients of agents. NACRE_AGENT=ssh-agent shows that a case is right.

NACRE_AGENT=${NACRE_AGENT:-$(dirname "$NACRE_SSH")/nacre-agent}
NACRE_ADD=${NACRE_ADD:-$(dirname "$NACRE_SSH")/nacre-add}
version_agent() { version_openssh; }
missing_agent() { absent ssh-agent ssh-add ssh-keygen "$PYTHON" "$NACRE_AGENT" "$NACRE_ADD"; }

# ---- Both sides --------------------------------------------------------------------------------
# $ADD is ours or theirs. All run in the shared directory, where keys have short names.

agentd_share() {
    if [ "$GROUP" = agent_newer ]; then
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK SEEN=$NEWER_WORK
    else
        SHARED=$WORK/shared SEEN=$WORK/shared
        mkdir "$SHARED"
        cp "$KEYS"/* "$SHARED"
    fi
    KNOWN='ed25519 ecdsa256 ecdsa384 ecdsa521 rsa'
    [ "$GROUP" != agent_newer ] || KNOWN="$KNOWN mldsa"
    agentd_theirs ssh-keygen -q -t ed25519 -N '' -C ca -f ca
    for name in $KNOWN; do
        case $name in
        ecdsa*) kind="ecdsa -b ${name#ecdsa}" ;;
        rsa) kind='rsa -b 2048' ;;
        mldsa) kind=mldsa44-ed25519 ;;
        *) kind=$name ;;
        esac
        agentd_theirs ssh-keygen -q -t $kind -N '' -C "of $name" -f "$name"
        agentd_theirs ssh-keygen -q -s ca -I "id of $name" -n "$ME" -V always:forever "$name.pub"
    done
    # what a program is asked, and what it answers: the file answer, with the status in the file status
    printf '#!/bin/sh\necho "$1" >> %s/asked\ncat %s/answer\nexit $(cat %s/status)\n' "$SEEN" "$SEEN" "$SEEN" > "$SHARED/askpass"
    chmod 700 "$SHARED/askpass"
    echo 0 > "$SHARED/status"
}

agentd_theirs() { # COMMAND...
    case $GROUP in
    agent_newer) in_newer sh -c 'cd "$1" && SSH_AUTH_SOCK=$2 SSH_ASKPASS=$1/askpass SSH_ASKPASS_REQUIRE=force && shift 2 &&
        export SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE && exec "$@"' - "$SEEN" "$SEEN/agent.sock" "$@" < /dev/null ;;
    *) agentd_ours "$@" ;;
    esac
}
agentd_ours() {
    (cd "$SHARED" && SSH_AUTH_SOCK=$SHARED/agent.sock SSH_ASKPASS=$SHARED/askpass.agent SSH_ASKPASS_REQUIRE=force &&
        export SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE && exec "$@" < /dev/null)
}
agentd_add() {
    case $ADD in
    ours) agentd_bounded agentd_ours "$NACRE_ADD" "$@" ;;
    *) agentd_bounded agentd_theirs ssh-add "$@" ;;
    esac
}
# a side's command does not hang: the programs themselves are timed
agentd_bounded() { # SIDE COMMAND...
    side=$1
    shift
    $side timeout -k 5 "$LIMIT" "$@"
}

agentd_start() { # OPTION...
    rm -f "$SHARED/agent.sock" "$SHARED/asked"
    printf 'yes\n' > "$SHARED/answer"
    echo 0 > "$SHARED/status"
    # the agent's own sees the directory as $SHARED
    sed "s|$SEEN/|$SHARED/|g" "$SHARED/askpass" > "$SHARED/askpass.agent"
    chmod 700 "$SHARED/askpass.agent"
    start "$WORK/agent.log" env SSH_ASKPASS="$SHARED/askpass.agent" SSH_ASKPASS_REQUIRE=force \
        "$NACRE_AGENT" -D -s -a "$SHARED/agent.sock" "$@"
    wait_line "$WORK/agent.log" '/^echo Agent pid/p'
}

agentd_print() { agentd_theirs ssh-keygen -lf "$1"; }

# ---- Cases -------------------------------------------------------------------------------------

case_agentd_types() {
    agentd_start
    agentd_add -l && fail "an empty agent is not told by the status"
    for name in $KNOWN; do
        agentd_add "$name" || fail "$name is not added"
        agentd_add -l > "$WORK/list" || fail "not listed"
        agentd_print "$name.pub" > "$WORK/print"
        grep -qxF "$(cat "$WORK/print")" "$WORK/list" || fail "$name: not in the list as $(cat "$WORK/print")"
        [ "$(wc -l < "$WORK/list")" -eq 2 ] || fail "$name: not with its certificate alone"
        agentd_add -L > "$WORK/list"
        grep -qxF "$(cat "$SHARED/$name.pub")" "$WORK/list" || fail "$name: not as in its file"
        grep -qF "$(cut -d' ' -f1,2 "$SHARED/$name-cert.pub")" "$WORK/list" || fail "$name: no certificate"
        agentd_add -T "$name.pub" || fail "$name does not sign"
        agentd_add "$name" || fail "$name is not added twice"
        [ "$(agentd_add -l | wc -l)" -eq 2 ] || fail "$name is there twice"
        agentd_add -d "$name" || fail "$name is not removed"
        agentd_add -l && fail "$name is still there"
    done
    true
}

case_agentd_all() {
    agentd_start
    agentd_add $KNOWN || fail "not added"
    [ "$(agentd_add -l | wc -l)" -eq $((2 * $(echo $KNOWN | wc -w))) ] || fail "not all listed"
    for name in $KNOWN; do
        agentd_add -T "$name.pub" || fail "$name does not sign"
    done
    agentd_add -D || fail "not all removed"
    agentd_add -l
    [ $? -eq 1 ] || fail "status of an empty agent"
    stop_all
    rm -f "$SHARED/agent.sock"
    agentd_add -l
    [ $? -eq 2 ] || fail "status without an agent"
}

case_agentd_lifetime() {
    agentd_start
    agentd_add -t 1h rsa || fail "not added"
    begun=$(date +%s)
    agentd_add -t 3 ed25519 || fail "not added"
    [ "$(agentd_add -l | wc -l)" -eq 4 ] || [ "$(date +%s)" -ge $((begun + 3)) ] || fail "not listed"
    await agentd_lists 2 || fail "still there"
    stop_all
    agentd_start -t 2
    agentd_add ed25519 || fail "not added"
    await agentd_lists 1 || fail "still there" # a line that says that there are none
}
agentd_lists() { [ "$(agentd_add -l | wc -l)" -eq "$1" ]; } # LINES

case_agentd_confirm() {
    agentd_start
    agentd_add -c ed25519 || fail "not added"
    agentd_add -T ed25519.pub || fail "consent is not taken"
    grep -q '^Allow use of key of ed25519?$' "$SHARED/asked" || fail "asked otherwise: $(cat "$SHARED/asked")"
    grep -q "^Key fingerprint $(agentd_print ed25519.pub | cut -d' ' -f2)\.\$" "$SHARED/asked" || fail "no fingerprint"
    echo 1 > "$SHARED/status"
    agentd_add -T ed25519.pub && fail "signs without consent"
    echo 0 > "$SHARED/status"
    echo no > "$SHARED/answer"
    agentd_add -T ed25519.pub && fail "signs after a no"
    agentd_add -l || fail "gone"
}

case_agentd_lock() {
    agentd_start
    agentd_add ed25519 || fail "not added"
    echo 'a word' > "$SHARED/answer"
    agentd_add -x || fail "not locked"
    agentd_add -l && fail "listed while locked"
    agentd_add -T ed25519.pub && fail "signs while locked"
    agentd_add rsa && fail "added while locked"
    echo 'another word' > "$SHARED/answer"
    agentd_add -X && fail "unlocked by another word"
    echo 'a word' > "$SHARED/answer"
    agentd_add -X || fail "not unlocked"
    agentd_add -T ed25519.pub || fail "does not sign any more"
}

# A server of theirs, and a client of theirs that tells the agent about its session
agentd_login() {
    cp "$WORK/known_hosts.$PORT" "$SHARED/known_hosts"
    agentd_bounded agentd_theirs ssh -F none -o BatchMode=yes -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null \
        -o StrictHostKeyChecking=yes -o IdentityFile=none -p "$PORT" "$ME@127.0.0.1" 'echo in' > "$WORK/out" &&
        [ "$(cat "$WORK/out")" = in ]
}

agentd_authorized() { # NAME: at the server, by key or by its certificate
    case $1 in
    *-cert) echo "cert-authority $(cat "$SHARED/ca.pub")" ;;
    *) cat "$SHARED/$1.pub" ;;
    esac > "$WORK/agent_authorized"
}

case_agentd_logins() { # SERVER
    agentd_start
    for name in $KNOWN ed25519-cert rsa-cert ecdsa256-cert; do
        [ "$name.$1" != mldsa.openssh ] || continue
        agentd_add -q -D
        agentd_add -q "${name%-cert}" || fail "not added"
        agentd_authorized "$name"
        agentd_stop_others
        "serve_$1" -o "AuthorizedKeysFile $WORK/agent_authorized"
        agentd_login || fail "$name: their ssh"
        OPTS="-F none -o BatchMode=yes -o IdentityFile=none -o UserKnownHostsFile=$WORK/known_hosts.$PORT"
        [ "$(SSH_AUTH_SOCK=$SHARED/agent.sock bounded "$NACRE_SSH" $OPTS -p "$PORT" "$ME@127.0.0.1" 'echo in')" = in ] ||
            fail "$name: our ssh"
    done
    true
}

# All but the agent, which was started first
agentd_stop_others() {
    keep=${STARTED# }
    keep=${keep%% *}
    STARTED=$(echo "$STARTED" | sed "s/^ *$keep//")
    stop_all
    STARTED=" $keep"
}

# Their client puts the key of a file into the agent that it has told about its session; what comes
# over a forwarded one does not
case_agentd_kept() {
    agentd_start
    agentd_authorized ed25519
    serve_openssh -o "AuthorizedKeysFile $WORK/agent_authorized"
    cp "$WORK/known_hosts.$PORT" "$SHARED/known_hosts"
    for way in yes 1h confirm; do
        agentd_add -q -D
        agentd_keeps -o AddKeysToAgent=$way "$ME@127.0.0.1" 'echo in' || fail "AddKeysToAgent=$way: no login"
        agentd_add -l | grep -qF '(ED25519)' || fail "AddKeysToAgent=$way: not added"
    done
    agentd_keeps -A "$ME@127.0.0.1" "ssh-add $SHARED/rsa && echo added; echo in" || fail "no login"
    grep -qx added "$WORK/out" && fail "added over a forwarded agent"
    agentd_add -l | grep -qF '(RSA)' && fail "added from another host"
    true
}
agentd_keeps() { # OPTION... : logs in by the file's key
    agentd_bounded agentd_theirs ssh -F none -o BatchMode=yes -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null \
        -o StrictHostKeyChecking=yes -i ed25519 -p "$PORT" "$@" > "$WORK/out" && grep -qx in "$WORK/out"
}

case_agentd_restricted() {
    agentd_start
    serve_openssh -o "AuthorizedKeysFile $WORK/agent_authorized"
    agentd_authorized ed25519
    cp "$WORK/known_hosts.$PORT" "$SHARED/hosts"
    agentd_theirs ssh-keygen -q -t ed25519 -N '' -C other -f otherhost
    echo "other.example $(cut -d' ' -f1,2 "$SHARED/otherhost.pub")" >> "$SHARED/hosts"
    agentd_add -H hosts -h "[127.0.0.1]:$PORT" ed25519 || fail "not added"
    agentd_login || fail "refused where it is allowed"
    [ "$(agentd_add -l | wc -l)" -eq 2 ] || fail "hidden from its owner"
    agentd_add -T ed25519.pub && fail "signs what is no login"
    agentd_add -D
    agentd_add -H hosts -h "$ME@[127.0.0.1]:$PORT" ed25519 || fail "not added"
    agentd_login || fail "refused for the user who is allowed"
    agentd_add -D
    agentd_add -H hosts -h "nobody@[127.0.0.1]:$PORT" ed25519 || fail "not added"
    agentd_login && fail "allowed for another user"
    agentd_add -D
    agentd_add -H hosts -h other.example ed25519 || fail "not added"
    agentd_login && fail "allowed at another host"
    true
}

# Over a forwarded agent: this host, and from there the same server under another host key
case_agentd_two_hops() {
    agentd_start
    agentd_authorized ed25519
    serve_openssh -o "AuthorizedKeysFile $WORK/agent_authorized"
    first=$PORT
    cp "$WORK/known_hosts.$PORT" "$SHARED/hosts"
    agentd_ours ssh-keygen -q -t ed25519 -N '' -C second -f "$SHARED/secondhost"
    sed "s|^HostKey .*|HostKey $SHARED/secondhost|" "$WORK/sshd_config" > "$WORK/sshd_config.second"
    serve_inetd sshd "$SSHD" -i -e -f "$WORK/sshd_config.second" -o "AuthorizedKeysFile $WORK/agent_authorized"
    second=$PORT
    trust "$SHARED/secondhost.pub"
    cat "$WORK/known_hosts.$PORT" >> "$SHARED/hosts"
    cp "$SHARED/hosts" "$WORK/hosts"
    for way in both first; do
        agentd_add -D
        case $way in
        both) agentd_add -H hosts -h "[127.0.0.1]:$first" -h "[127.0.0.1]:$first>[127.0.0.1]:$second" ed25519 ;;
        first) agentd_add -H hosts -h "[127.0.0.1]:$first" ed25519 ;;
        esac || fail "not added"
        agentd_bounded agentd_theirs ssh -F none -A -o BatchMode=yes -o UserKnownHostsFile=hosts -o GlobalKnownHostsFile=/dev/null \
            -o IdentityFile=none -p "$first" "$ME@127.0.0.1" "ssh-add -l; ssh-add -D; timeout $LIMIT ssh -F none -o BatchMode=yes \
            -o IdentityFile=none -o UserKnownHostsFile=$WORK/hosts -p $second $ME@127.0.0.1 'echo in'" > "$WORK/out"
        cat "$WORK/out"
        case $way in
        both) # the key it may use beyond is shown, removed with -D as its owner could have
            grep -q ED25519 "$WORK/out" || fail "not shown where it may be used" ;;
        first)
            grep -q ED25519 "$WORK/out" && fail "shown where it may not be used"
            grep -qx in "$WORK/out" && fail "used where it may not be"
            ;;
        esac
    done
    agentd_add -D
    agentd_add -H hosts -h "[127.0.0.1]:$first" -h "[127.0.0.1]:$first>[127.0.0.1]:$second" ed25519
    agentd_bounded agentd_theirs ssh -F none -A -o BatchMode=yes -o UserKnownHostsFile=hosts -o GlobalKnownHostsFile=/dev/null \
        -o IdentityFile=none -p "$first" "$ME@127.0.0.1" "timeout $LIMIT ssh -F none -o BatchMode=yes \
        -o IdentityFile=none -o UserKnownHostsFile=$WORK/hosts -p $second $ME@127.0.0.1 'echo in'" > "$WORK/out"
    grep -qx in "$WORK/out" || fail "not used where it may be"
}

case_agentd_signs_files() {
    agentd_start
    agentd_add $KNOWN || fail "not added"
    for name in $KNOWN; do
        echo "user namespaces=\"file\" $(cut -d' ' -f1,2 "$SHARED/$name.pub")" > "$SHARED/signers"
        mkdir -p "$SHARED/public"
        cp "$SHARED/$name.pub" "$SHARED/public/"
        echo "text for $name" > "$SHARED/text"
        rm -f "$SHARED/text.sig"
        agentd_theirs ssh-keygen -Y sign -U -n file -f "public/$name.pub" text || fail "$name does not sign"
        agentd_bounded agentd_theirs sh -c 'ssh-keygen -Y verify -f signers -I user -n file -s text.sig < text' || fail "$name does not verify"
    done
}

case_agentd_signs_commits() {
    agentd_start
    agentd_add ed25519 || fail "not added"
    rm -rf "$SHARED/repository"
    echo "user@example $(cut -d' ' -f1,2 "$SHARED/ed25519.pub")" > "$SHARED/signers"
    agentd_ours sh -c 'git init -q repository && cd repository && git config user.name u && git config user.email user@example &&
        git config gpg.format ssh && git config user.signingkey "$PWD/../public/ed25519.pub" &&
        git config gpg.ssh.allowedSignersFile "$PWD/../signers" && mkdir -p ../public && cp ../ed25519.pub ../public/ &&
        git commit -q --allow-empty -S -m signed && git verify-commit HEAD'
}

# The programs' own words: told by sed what differs from one run to the next
agentd_words() { # OPTIONS of the agent, for each of both
    for agent in ssh-agent "$NACRE_AGENT"; do
        (
            unset SSH_AUTH_SOCK SSH_AGENT_PID
            eval "SHELL=$1 TMPDIR=$WORK"
            export SHELL TMPDIR
            shift
            timeout "$LIMIT" "$agent" "$@" > "$WORK/words" 2> "$WORK/words.err"
            status=$?
            pid=$(sed -n 's/^echo Agent pid \([0-9]*\);$/\1/p' "$WORK/words")
            [ -z "$pid" ] || kill "$pid"
            tr -d '\r' < "$WORK/words" | sed -e 's/[0-9][0-9]*;/N;/' -e 's|[^ =]*/ssh-[^;]*|PATH|'
            [ -s "$WORK/words" ] || grep -v '^ \|^usage\|unknown option\|invalid option\|requires an arg' "$WORK/words.err" | tr -d '\r'
            echo "status $status"
        ) > "$WORK/said.${agent##*/}"
    done
    diff "$WORK/said.ssh-agent" "$WORK/said.${NACRE_AGENT##*/}" || fail "with $*"
}

case_agentd_words() {
    for shell in /bin/sh /bin/csh /bin/tcsh ''; do
        agentd_words "$shell"
        for options in -s -c '-t 1h' '-E md5' '-E sha512 -s' '-P /x/*' '-O no-restrict-websafe'; do
            agentd_words "$shell" $options
        done
    done
    for options in -k '-t x' '-t' '-s -c' '-k extra' '-E none' '-d -D' '-Z' '-D true' '-P a -P b'; do
        agentd_words /bin/sh $options
    done
}

case_agentd_command() {
    unset SSH_AUTH_SOCK SSH_AGENT_PID
    export TMPDIR="$WORK"
    ADD=theirs
    "$NACRE_AGENT" sh -c 'ssh-add '"$SHARED/ed25519"' && ssh-add -l && echo "$SSH_AUTH_SOCK" > '"$WORK/sock"'; exit 7'
    [ $? -eq 7 ] || fail "the command's status is lost"
    await test ! -e "$(dirname "$(cat "$WORK/sock")")" || fail "the agent lives on"
    "$NACRE_AGENT" /nowhere/at/all && fail "a command that is not there"
    eval "$("$NACRE_AGENT" -s)" || fail "not started"
    kill -0 "$SSH_AGENT_PID" || fail "not running"
    [ "$(stat -c %a "$SSH_AUTH_SOCK")" = 600 ] && [ "$(stat -c %a "$(dirname "$SSH_AUTH_SOCK")")" = 700 ] ||
        fail "open to others"
    ssh-add "$SHARED/rsa" || fail "not added"
    kill -USR1 "$SSH_AGENT_PID"
    await no_keys || { kill "$SSH_AGENT_PID"; fail "SIGUSR1 leaves keys"; }
    directory=$(dirname "$SSH_AUTH_SOCK")
    eval "$("$NACRE_AGENT" -k)" || fail "not killed"
    [ -z "${SSH_AUTH_SOCK:-}" ] || fail "-k leaves variables"
    await test ! -e "$directory" || fail "its directory is left"
}
no_keys() { ! ssh-add -l; }

cases_agentd() { # what it is, for $ADD
    check "$1: keys of every type and certificates" case_agentd_types
    check "$1: all at once, removed; statuses" case_agentd_all
    check "$1: lifetimes" case_agentd_lifetime
    check "$1: confirmation" case_agentd_confirm
    check "$1: lock" case_agentd_lock
    check "$1: destinations" case_agentd_restricted
    check "$1: destinations over two hops" case_agentd_two_hops
}

cases_agentd_pairs() { # VERSION
    ADD=theirs
    cases_agentd "ssh-add $1"
    check "logins at sshd" case_agentd_logins openssh
    check "logins at nacre-sshd" case_agentd_logins nacre
    check "AddKeysToAgent; not over a forwarded agent" case_agentd_kept
    check "ssh-keygen -Y sign -U" case_agentd_signs_files
    ADD=ours
    cases_agentd "nacre-add"
}

group_agent_openssh() {
    agentd_share
    cases_agentd_pairs "of this system"
    ADD=theirs
    check "git commit -S, git verify-commit" case_agentd_signs_commits
    check "what ssh-agent says" case_agentd_words
    check "command, -k, SIGUSR1" case_agentd_command
}

group_agent_newer() {
    absent_newer=$(missing_newer)
    [ -z "$absent_newer" ] || { skip all "not installed: $absent_newer"; return; }
    agentd_share
    cases_agentd_pairs "of the newest suite"
}

# ---- Python's clients of agents ------------------------------------------------------------------

case_agentd_paramiko() {
    agentd_start
    agentd_add ed25519 ecdsa256 rsa || fail "not added"
    SSH_AUTH_SOCK=$SHARED/agent.sock bounded "$PYTHON" -W ignore - "$SHARED" << 'END'
import paramiko, sys
keys = paramiko.Agent().get_keys()
assert len(keys) == 6, keys
data = b"some data"
for name in ("ed25519", "ecdsa256", "rsa"):
    line = open(f"{sys.argv[1]}/{name}.pub").read().split()
    key = next(k for k in keys if k.get_base64().replace("\n", "") == line[1])
    for algorithm in (("rsa-sha2-256", "rsa-sha2-512") if name == "rsa" else (None,)):
        blob = key.sign_ssh_data(data, algorithm) if algorithm else key.sign_ssh_data(data)
        message = paramiko.Message(blob)
        kind = {"ed25519": paramiko.Ed25519Key, "ecdsa256": paramiko.ECDSAKey, "rsa": paramiko.RSAKey}[name]
        public = kind(data=paramiko.Message(__import__("base64").b64decode(line[1])).asbytes())
        assert public.verify_ssh_sig(data, message), (name, algorithm)
END
}

case_agentd_asyncssh() {
    agentd_start
    SSH_AUTH_SOCK=$SHARED/agent.sock bounded "$PYTHON" -W ignore - "$SHARED" << 'END'
import asyncio, asyncssh, sys
names = ("ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa")

async def main():
    async with asyncssh.connect_agent() as agent:
        assert await agent.get_keys() == []
        files = [f"{sys.argv[1]}/{n}" for n in names]
        await agent.add_keys(files, lifetime=100)
        keys = await agent.get_keys()
        assert len(keys) == 10, keys
        for key in keys:
            pair_data = b"some data"
            for algorithm in key.sig_algorithms:
                if algorithm.startswith((b"rsa-sha2", b"ssh-ed", b"ecdsa")):
                    key.set_sig_algorithm(algorithm)
                    signature = await key.sign_async(pair_data)
                    plain = asyncssh.read_public_key(f"{sys.argv[1]}/{key.get_comment().split()[-1]}.pub")
                    assert plain.verify(pair_data, signature), (key, algorithm)
        await agent.lock("word")
        assert await agent.get_keys() == []
        try:
            await agent.unlock("other")
            raise SystemExit("unlocked by another word")
        except ValueError:
            pass
        await agent.unlock("word")
        await agent.remove_keys(keys[:1])
        assert len(await agent.get_keys()) == 9
        await agent.remove_all()
        assert await agent.get_keys() == []
        try:
            await agent.add_smartcard_keys("/usr/lib/x.so", "1")
            raise SystemExit("a token is added")
        except ValueError:
            pass

asyncio.run(main())
END
}

group_agent_python() {
    agentd_share
    ADD=theirs
    for module in paramiko asyncssh; do
        absent_module=$(module_missing $module)
        if [ -n "$absent_module" ]; then
            skip "$module" "not installed: $absent_module"
        else
            check "$module" "case_agentd_$module"
        fi
    done
}
