# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# git with gpg.format=ssh and nacre-keygen as its gpg.ssh.program: commits and tags signed by ours are
# verified by ours and by ssh-keygen, and the reverse; keys in files and in an agent, certificates, allowed
# signers and revoked keys.

NACRE_AGENT=${NACRE_AGENT:-$(dirname "$NACRE_SSH")/nacre-agent}
version_gitsign() { git --version; }
missing_gitsign() { absent git ssh-keygen ssh-agent ssh-add "$NACRE_KEYGEN"; }

gs_files() {
    export HOME="$WORK" GIT_CONFIG_NOSYSTEM=1
    for key in a b ca; do
        ssh-keygen -q -t ed25519 -N '' -C "of $key" -f "$WORK/$key"
    done
    ssh-keygen -q -t rsa -b 2048 -N '' -C 'of c' -f "$WORK/c"
    ssh-keygen -q -s "$WORK/ca" -I id -n bob@example.com "$WORK/b.pub"
    gs_signers "$(cut -d' ' -f1,2 "$WORK/a.pub")"
    git init -q "$WORK/repo" && cd "$WORK/repo" || return 1
    git config user.name Bob
    git config user.email bob@example.com
    git config gpg.format ssh
    git config gpg.ssh.allowedSignersFile "$WORK/signers"
    git config user.signingkey "$WORK/a"
    gs_by ours
}

gs_signers() { # LINE BEHIND THE PRINCIPAL...
    for line in "$@"; do
        echo "bob@example.com $line"
    done > "$WORK/signers"
}

gs_by() { # SIDE
    case $1 in
    ours) git config gpg.ssh.program "$NACRE_KEYGEN" ;;
    *) git config gpg.ssh.program ssh-keygen ;;
    esac
}

gs_commit() { # MESSAGE OPTION...
    message=$1
    shift
    git "$@" commit -q --allow-empty -S -m "$message" || fail "no commit: $message"
}

# What git makes of the last commit, by each program: G good, B bad, U good of nobody known, N none
gs_state() { # WANTED
    for by in ours theirs; do
        gs_by $by
        got=$(git log -1 --format='%G?:%GS' 2> /dev/null)
        [ "$got" = "$1" ] || fail "$by says $got instead of $1"
    done
    gs_by ours
}

case_gs_commit() {
    for by in ours theirs; do
        gs_by $by
        gs_commit "by $by"
        gs_state G:bob@example.com
        for verifier in ours theirs; do
            gs_by $verifier
            git verify-commit HEAD 2> "$WORK/$verifier" || fail "$verifier does not verify it"
            git log -1 --show-signature > "$WORK/log.$verifier" 2>&1
        done
        cmp "$WORK/ours" "$WORK/theirs" || fail 'other words'
        cmp "$WORK/log.ours" "$WORK/log.theirs" || fail 'other words in the log'
        grep -q '^Good "git" signature for bob@example.com with ED25519 key SHA256:' "$WORK/ours" || fail 'other words'
    done
}

case_gs_tag() {
    gs_commit tagged
    for by in ours theirs; do
        gs_by $by
        git tag -f -s -m "a tag by $by" "tag-$by" || fail 'no tag'
        for verifier in ours theirs; do
            gs_by $verifier
            git tag -v "tag-$by" > "$WORK/$verifier" 2>&1 || fail "$verifier does not verify it"
        done
        cmp "$WORK/ours" "$WORK/theirs" || fail 'other words'
    done
}

case_gs_changed() {
    gs_commit 'what was signed'
    git cat-file commit HEAD | sed 's/what was/what is/' > "$WORK/changed"
    git update-ref HEAD "$(git hash-object -t commit -w "$WORK/changed")"
    for by in ours theirs; do
        gs_by $by
        git verify-commit HEAD > /dev/null 2>&1 && fail "$by takes it"
        [ "$(git log -1 --format='%G?' 2> /dev/null)" = B ] || fail "$by: $(git log -1 --format='%G?')"
    done
    git reset -q --hard HEAD~
}

case_gs_unknown() {
    gs_commit 'by another key' -c user.signingkey="$WORK/c"
    gs_state U:
    git verify-commit HEAD > /dev/null 2>&1 && fail 'verified'
    gs_signers "$(cut -d' ' -f1,2 "$WORK/c.pub")"
    gs_state G:bob@example.com
    gs_signers "namespaces=\"file\" $(cut -d' ' -f1,2 "$WORK/c.pub")"
    git verify-commit HEAD > /dev/null 2>&1 && fail 'verified in another namespace'
    gs_signers "$(cut -d' ' -f1,2 "$WORK/a.pub")"
}

# git asks with the time of the commit
case_gs_time() {
    a=$(cut -d' ' -f1,2 "$WORK/a.pub")
    GIT_COMMITTER_DATE='2021-06-01T12:00:00 +0000' gs_commit 'long ago'
    gs_signers "valid-before=\"20220101\" $a"
    gs_state G:bob@example.com
    gs_signers "valid-before=\"20210101\" $a"
    git verify-commit HEAD > /dev/null 2>&1 && fail 'by an expired key'
    gs_signers "valid-after=\"20210701Z\",valid-before=\"20300101Z\" $a"
    git verify-commit HEAD > /dev/null 2>&1 && fail 'by a key not yet valid'
    gs_signers "valid-after=\"20210501\" $a"
    gs_state G:bob@example.com
    gs_signers "$a"
}

case_gs_revoked() {
    gs_commit revoked
    "$NACRE_KEYGEN" -q -k -f "$WORK/krl" "$WORK/c.pub"
    git config gpg.ssh.revocationFile "$WORK/krl"
    gs_state G:bob@example.com
    "$NACRE_KEYGEN" -q -k -u -f "$WORK/krl" "$WORK/a.pub"
    for file in krl a.pub; do
        git config gpg.ssh.revocationFile "$WORK/$file"
        for by in ours theirs; do
            gs_by $by
            git verify-commit HEAD > /dev/null 2>&1 && fail "$by: good with $file"
        done
    done
    git config --unset gpg.ssh.revocationFile
    gs_by ours
    gs_state G:bob@example.com
}

case_gs_certificate() {
    gs_signers "cert-authority,namespaces=\"git\" $(cut -d' ' -f1,2 "$WORK/ca.pub")"
    for by in ours theirs; do
        gs_by $by
        gs_commit 'with a certificate' -c user.signingkey="$WORK/b-cert.pub"
        gs_state G:bob@example.com
    done
    gs_commit 'with the key alone' -c user.signingkey="$WORK/b"
    gs_state U:
    gs_signers "$(cut -d' ' -f1,2 "$WORK/a.pub")"
}

# The key's file is not there: git hands over the public half, or "key::" and the key itself with -U
case_gs_agent() { # PROGRAM
    mkdir -p "$WORK/agent"
    cp "$WORK/a.pub" "$WORK/agent/held.pub"
    rm -f "$WORK/agent/socket"
    start "$WORK/agent.log" "$1" -D -a "$WORK/agent/socket"
    await test -S "$WORK/agent/socket" || fail "no agent: $(cat "$WORK/agent.log")"
    export SSH_AUTH_SOCK="$WORK/agent/socket"
    ssh-add -q "$WORK/a" "$WORK/c" 2> /dev/null || fail 'cannot add keys'
    for by in ours theirs; do
        for key in "$WORK/agent/held.pub" "key::$(cat "$WORK/a.pub")"; do
            gs_by $by
            gs_commit "$by with $key" -c user.signingkey="$key"
            gs_state G:bob@example.com
        done
    done
    git -c user.signingkey="key::$(cat "$WORK/b.pub")" commit -q --allow-empty -S -m no > "$WORK/no" 2>&1 &&
        fail 'signed by a key that the agent lacks'
    gs_commit 'RSA in the agent' -c user.signingkey="key::$(cat "$WORK/c.pub")"
    gs_state U:
}

# A case with the settings and signers that it starts from
gs_fresh() { # COMMAND...
    git config --unset gpg.ssh.revocationFile
    gs_signers "$(cut -d' ' -f1,2 "$WORK/a.pub")"
    gs_by ours
    "$@"
}

group_gitsign_git() {
    gs_files || return
    check 'commits' gs_fresh case_gs_commit
    check 'tags' gs_fresh case_gs_tag
    check 'a commit that was changed' gs_fresh case_gs_changed
    check 'signers and namespaces that are not allowed' gs_fresh case_gs_unknown
    check 'validity at the time of the commit' gs_fresh case_gs_time
    check 'revoked keys' gs_fresh case_gs_revoked
    check 'certificates' gs_fresh case_gs_certificate
    check "keys in OpenSSH's agent" gs_fresh case_gs_agent ssh-agent
    if [ -x "$NACRE_AGENT" ]; then
        check 'keys in our agent' gs_fresh case_gs_agent "$NACRE_AGENT"
    else
        skip 'keys in our agent' "$NACRE_AGENT is not built"
    fi
}
