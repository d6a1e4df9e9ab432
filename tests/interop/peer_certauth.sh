# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Certificates at a login: OpenSSH's ssh, of this system and of the newest suite, with users'
# certificates that its ssh-keygen has issued, at nacre-sshd; and nacre-sshd's host certificates judged
# by ssh.

version_certauth() { version_openssh; }
missing_certauth() {
    case $GROUP in
    *_newer) missing_newer ;;
    *) absent ssh ssh-keygen ;;
    esac
}

# Their programs, in the directory that both sides see: $SHARED, which they call $THERE
certauth_keygen() {
    case $GROUP in
    *_newer) in_newer sh -c 'cd "$1" && shift && exec ssh-keygen "$@"' - "$THERE" "$@" ;;
    *) (cd "$SHARED" && ssh-keygen "$@") ;;
    esac
}

certauth_ssh() { # OPTION... [--] COMMAND
    set -- -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
        -o UserKnownHostsFile="$THERE/known_hosts" -o GlobalKnownHostsFile=/dev/null "$@"
    case $GROUP in
    *_newer) bounded chroot "$NEWER_DIR" env HOME=/root PATH=/usr/bin:/bin ssh "$@" ;;
    *) bounded ssh "$@" ;;
    esac
}

CERTAUTH_TYPES='ed25519:0 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048'

certauth_keys() {
    if [ "${GROUP#*_}" = newer ]; then
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK THERE=$NEWER_WORK
        CERTAUTH_TYPES="$CERTAUTH_TYPES mldsa44-ed25519:0"
    else
        SHARED=$WORK/shared THERE=$WORK/shared
        mkdir "$SHARED"
    fi
    NAMES=
    for spec in $CERTAUTH_TYPES; do
        name=${spec%:*}${spec#*:}
        name=${name%0}
        [ "${spec#*:}" = 0 ] && size= || size="-b ${spec#*:}"
        for role in user ca host; do
            certauth_keygen -q -t "${spec%:*}" $size -N '' -C "$role of $name" -f "$role-$name" < /dev/null || return 1
        done
        NAMES="$NAMES $name"
    done
    cp "$SHARED/ca-ed25519.pub" "$SHARED/cas"
}

certauth_issue() { # AUTHORITY KEY OPTION...: KEY-cert.pub
    authority=$1 subject=$2
    shift 2
    rm -f "$SHARED/$subject-cert.pub"
    certauth_keygen -q -s "ca-$authority" -I "badge of $subject" "$@" "$subject.pub" < /dev/null || fail "ssh-keygen -s"
}

# nacre-sshd that trusts $SHARED/cas and no key
certauth_serve() { # OPTION...
    : > "$WORK/none"
    serve_nacre -o AuthorizedKeysFile="${LINES_FILE:-$WORK/none}" -o TrustedUserCAKeys="${CAS:-$SHARED/cas}" \
        -o LogLevel=VERBOSE -o PerSourcePenalties=no "$@"
    echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$KEYS/host.pub")" > "$SHARED/known_hosts"
}

certauth_login() { # KEY COMMAND...: with its certificate
    subject=$1
    shift
    certauth_ssh -i "$THERE/$subject" -o CertificateFile="$THERE/$subject-cert.pub" $OPTS -p "$PORT" "$ME@127.0.0.1" "$@"
}

certauth_gets_in() { # KEY
    said=$(certauth_login "$1" 'echo in') || fail "refused: $(tail -n 3 "$SERVER_LOG")"
    [ "$said" = in ] || fail "said $said"
}

certauth_stays_out() { # KEY [REASON in the server's log]
    if certauth_login "$1" 'echo in'; then
        fail "got in"
    fi
    [ -z "${2:-}" ] || logged "$2" || fail "no \"$2\" in the log: $(cat "$SERVER_LOG")"
}

# ---- Users -------------------------------------------------------------------------------------

certauth_case_every() { # AUTHORITY KEY LABEL
    cp "$SHARED/ca-$1.pub" "$SHARED/cas.$1"
    CAS=$SHARED/cas.$1
    certauth_issue "$1" "user-$2" -n "$ME" -z 77
    certauth_serve
    certauth_gets_in "user-$2"
    logged "Accepted publickey for $ME from 127.0.0.1 port [0-9]* ssh2: $3-CERT SHA256:[^ ]* ID badge of user-$2 (serial 77) CA [A-Z0-9-]* SHA256:" ||
        fail "log: $(cat "$SERVER_LOG")"
}

certauth_case_rsa() { # ALGORITHM
    certauth_issue ed25519 user-rsa2048 -n "$ME"
    certauth_serve
    OPTS="-o PubkeyAcceptedAlgorithms=$1,${1%-cert-v01@openssh.com}" # the key itself, which ssh wants too
    certauth_gets_in user-rsa2048
}

certauth_case_refused() { # REASON OPTION...: to ssh-keygen
    reason=$1
    shift
    certauth_issue ed25519 user-ed25519 "$@"
    certauth_serve
    certauth_stays_out user-ed25519 "$reason"
}

certauth_case_revoked() { # KIND
    certauth_issue ed25519 user-ed25519 -n "$ME" -z 5
    certauth_issue ed25519 user-ecdsa256 -n "$ME" -z 6
    case $1 in
    list) cp "$SHARED/user-ed25519.pub" "$SHARED/revoked" ;;
    serial)
        echo 'serial: 5' > "$SHARED/spec"
        certauth_keygen -q -k -f revoked -s ca-ed25519.pub spec
        ;;
    id)
        echo 'id: badge of user-ed25519' > "$SHARED/spec"
        certauth_keygen -q -k -f revoked -s ca-ed25519.pub spec
        ;;
    key) certauth_keygen -q -k -f revoked user-ed25519.pub ;;
    cert) certauth_keygen -q -k -f revoked user-ed25519-cert.pub ;;
    hash)
        echo "hash: $(certauth_keygen -l -f user-ed25519.pub | cut -d' ' -f2)" > "$SHARED/spec"
        certauth_keygen -q -k -f revoked spec
        ;;
    esac
    certauth_serve -o RevokedKeys="$SHARED/revoked"
    certauth_stays_out user-ed25519 'revoked by file'
    certauth_gets_in user-ecdsa256
}

certauth_case_revoked_authority() {
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_keygen -q -k -f revoked ca-ed25519.pub
    certauth_serve -o RevokedKeys="$SHARED/revoked"
    certauth_stays_out user-ed25519 'revoked by file'
}

certauth_case_force_command() {
    certauth_issue ed25519 user-ed25519 -n "$ME" -O force-command='echo forced $SSH_ORIGINAL_COMMAND'
    certauth_serve
    said=$(certauth_login user-ed25519 'id -u')
    [ "$said" = 'forced id -u' ] || fail "said $said"
}

certauth_case_source() {
    certauth_issue ed25519 user-ed25519 -n "$ME" -O source-address=127.0.0.0/8,::1/128
    certauth_serve
    certauth_gets_in user-ed25519
    certauth_issue ed25519 user-ed25519 -n "$ME" -O source-address=192.0.2.0/24
    certauth_stays_out user-ed25519 'may not be used from this address'
}

certauth_case_clear() { # no permits: no terminal, no forwarding
    certauth_issue ed25519 user-ed25519 -n "$ME" -O clear
    certauth_serve
    certauth_gets_in user-ed25519
    OPTS=-tt
    certauth_login user-ed25519 'tty' | grep /dev/ && fail "a terminal without permit-pty"
    OPTS="-o ExitOnForwardFailure=yes -R 0:127.0.0.1:9"
    certauth_login user-ed25519 'echo in' && fail "a forward without permit-port-forwarding"
    certauth_issue ed25519 user-ed25519 -n "$ME" -O clear -O permit-pty
    OPTS=-tt
    certauth_login user-ed25519 'tty' | grep -q /dev/ || fail "no terminal with permit-pty"
}

certauth_case_principals_file() {
    printf '# who may\nbob\ncommand="echo line" staff\n' > "$SHARED/principals"
    certauth_serve -o AuthorizedPrincipalsFile="$SHARED/principals"
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_stays_out user-ed25519 'does not contain an authorized principal'
    certauth_issue ed25519 user-ed25519 -n other,staff
    [ "$(certauth_login user-ed25519 id)" = line ] || fail "the line's command did not run"
}

certauth_case_lines() {
    LINES_FILE=$SHARED/lines CAS=none
    line=$(cat "$SHARED/ca-ed25519.pub")
    echo "cert-authority,principals=\"staff\" $line" > "$LINES_FILE"
    certauth_serve
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_stays_out user-ed25519
    certauth_issue ed25519 user-ed25519 -n "staff"
    certauth_gets_in user-ed25519
    echo "cert-authority,command=\"echo line\" $line" > "$LINES_FILE"
    certauth_issue ed25519 user-ed25519 -n "$ME"
    [ "$(certauth_login user-ed25519 id)" = line ] || fail "the line's command did not run"
    certauth_issue ed25519 user-ed25519 -n "$ME" -O force-command='echo cert'
    certauth_stays_out user-ed25519
    echo "$line" > "$LINES_FILE"
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_stays_out user-ed25519
}

# What a program prints instead of a file: the shell, which belongs to root everywhere
certauth_case_keys_command() {
    CAS=none
    printf 'command="echo line $SSH_ORIGINAL_COMMAND" %s\n' "$(cat "$SHARED/user-ecdsa256.pub")" > "$SHARED/printed"
    certauth_serve -o AuthorizedKeysCommand="/bin/sh -c '[ \"\$1\" = $ME ] && cat $SHARED/printed' x %u" \
        -o AuthorizedKeysCommandUser="$ME"
    said=$(certauth_ssh -i "$THERE/user-ecdsa256" -p "$PORT" "$ME@127.0.0.1" id) || fail "refused: $(cat "$SERVER_LOG")"
    [ "$said" = 'line id' ] || fail "said $said"
    certauth_ssh -i "$THERE/user-rsa2048" -p "$PORT" "$ME@127.0.0.1" id && fail "another key got in"
    return 0
}

certauth_case_principals_command() {
    echo 'command="echo line" staff' > "$SHARED/printed"
    certauth_serve -o AuthorizedPrincipalsCommand="/bin/sh -c '[ \"\$1\" = 9 ] && cat $SHARED/printed' x %s %i %T" \
        -o AuthorizedPrincipalsCommandUser="$ME"
    certauth_issue ed25519 user-ed25519 -n "$ME" -z 9
    certauth_stays_out user-ed25519 'does not contain an authorized principal'
    certauth_issue ed25519 user-ed25519 -n staff -z 8
    certauth_stays_out user-ed25519 'exited with status 1'
    certauth_issue ed25519 user-ed25519 -n staff -z 9
    [ "$(certauth_login user-ed25519 id)" = line ] || fail "the line's command did not run"
}

# Its plain key is no way around
certauth_case_plain_key() {
    certauth_issue ed25519 user-ed25519 -n "$ME"
    rm -f "$SHARED/user-ed25519-cert.pub"
    certauth_serve
    certauth_ssh -i "$THERE/user-ed25519" -p "$PORT" "$ME@127.0.0.1" 'echo in' && fail "got in"
    certauth_ssh -i "$THERE/ca-ed25519" -p "$PORT" "$ME@127.0.0.1" 'echo in' && fail "the authority got in"
    return 0
}

certauth_case_sha1() { # the authority signs with SHA-1
    cp "$SHARED/ca-rsa2048.pub" "$SHARED/cas.sha1"
    CAS=$SHARED/cas.sha1
    rm -f "$SHARED/user-ed25519-cert.pub"
    certauth_keygen -q -t ssh-rsa -s ca-rsa2048 -I sha1 -n "$ME" user-ed25519.pub < /dev/null || return 0 # theirs refuses too
    certauth_serve
    # ssh does not take such a certificate itself: then there is nothing to refuse
    certauth_stays_out user-ed25519
}

certauth_case_two_keys() {
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_issue ed25519 user-ecdsa256 -n "$ME"
    certauth_serve -o AuthenticationMethods=publickey,publickey
    certauth_stays_out user-ed25519
    OPTS="-i $THERE/user-ecdsa256 -o CertificateFile=$THERE/user-ecdsa256-cert.pub"
    certauth_gets_in user-ed25519
}

certauth_users() {
    for name in $NAMES; do
        label=$(certauth_keygen -l -f "user-$name.pub" | sed 's/.*(\(.*\))$/\1/')
        check "key $name" certauth_case_every ed25519 "$name" "$label"
        check "authority $name" certauth_case_every "$name" ed25519 ED25519
    done
    for alg in rsa-sha2-512-cert-v01@openssh.com rsa-sha2-256-cert-v01@openssh.com; do
        check "$alg" certauth_case_rsa "$alg"
    done
    check "expired" certauth_case_refused 'expired' -n "$ME" -V 20200101:20200102
    check "not yet valid" certauth_case_refused 'not yet valid' -n "$ME" -V 20900101:20900102
    check "another principal" certauth_case_refused 'is for another user' -n "not-$ME"
    check "a principal with a comma's neighbour" certauth_case_refused 'is for another user' -n "x$ME,${ME}x"
    check "no principal" certauth_case_refused 'names no principal'
    check "a host certificate" certauth_case_refused '' -n "$ME" -h
    check "an unknown critical option" certauth_case_refused 'critical option is not supported' -n "$ME" -O critical:no-such@example.com=x
    check "an unknown extension" certauth_case_unknown_extension
    for kind in list serial id key cert hash; do
        check "revoked: $kind" certauth_case_revoked "$kind"
    done
    check "revoked: the authority" certauth_case_revoked_authority
    check "force-command" certauth_case_force_command
    check "source-address" certauth_case_source
    check "no permits" certauth_case_clear
    check "AuthorizedPrincipalsFile" certauth_case_principals_file
    check "AuthorizedPrincipalsCommand" certauth_case_principals_command
    check "AuthorizedKeysCommand" certauth_case_keys_command
    check "cert-authority lines" certauth_case_lines
    check "plain keys beside certificates" certauth_case_plain_key
    check "an authority's SHA-1" certauth_case_sha1
    check "two certificates are wanted" certauth_case_two_keys
}

certauth_case_unknown_extension() {
    certauth_issue ed25519 user-ed25519 -n "$ME" -O extension:no-such@example.com=x
    certauth_serve
    certauth_gets_in user-ed25519
}

# ---- Hosts -------------------------------------------------------------------------------------

# nacre-sshd with a host key of that type and its certificate; ssh knows the authority alone
certauth_serve_host() { # KEY OPTION...: to ssh-keygen
    name=$1
    shift
    certauth_issue ed25519 "host-$name" -h "$@"
    certauth_issue ed25519 user-ed25519 -n "$ME"
    certauth_serve -o HostKey="$SHARED/host-$name" -o HostCertificate="$SHARED/host-$name-cert.pub"
    echo "@cert-authority [127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$SHARED/ca-ed25519.pub")" > "$SHARED/known_hosts"
}

certauth_case_host() { # KEY
    certauth_serve_host "$1" -n 127.0.0.1,localhost
    certauth_gets_in user-ed25519
}

certauth_case_host_rekey() {
    certauth_serve_host ed25519 -n 127.0.0.1
    OPTS='-o RekeyLimit=16K'
    [ "$(certauth_login user-ed25519 'head -c 200000 /dev/zero' | wc -c)" = 200000 ] || fail "cut short"
}

certauth_case_host_refused() { # OPTION...: to ssh-keygen
    certauth_serve_host ed25519 "$@"
    if certauth_login user-ed25519 'echo in'; then
        fail "ssh took it"
    fi
}

certauth_case_host_other_authority() {
    certauth_serve_host ed25519 -n 127.0.0.1
    echo "@cert-authority [127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$SHARED/ca-ecdsa256.pub")" > "$SHARED/known_hosts"
    if certauth_login user-ed25519 'echo in'; then
        fail "ssh took it"
    fi
}

certauth_case_host_revoked() {
    certauth_serve_host ed25519 -n 127.0.0.1
    echo "@revoked * $(cut -d' ' -f1,2 "$SHARED/host-ed25519.pub")" >> "$SHARED/known_hosts"
    if certauth_login user-ed25519 'echo in'; then
        fail "ssh took it"
    fi
}

# Who knows the plain key still sees it
certauth_case_host_plain() {
    certauth_serve_host ed25519 -n 127.0.0.1
    echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$SHARED/host-ed25519.pub")" > "$SHARED/known_hosts"
    certauth_gets_in user-ed25519
}

certauth_hosts() {
    for name in $NAMES; do
        check "host certificate $name" certauth_case_host "$name"
    done
    check "host certificate: key re-exchange" certauth_case_host_rekey
    check "host certificate for another host" certauth_case_host_refused -n elsewhere
    check "host certificate expired" certauth_case_host_refused -n 127.0.0.1 -V 20200101:20200102
    check "host certificate of another authority" certauth_case_host_other_authority
    check "host certificate of a revoked key" certauth_case_host_revoked
    check "host certificate and a known plain key" certauth_case_host_plain
}

certauth_group() {
    OURS=server CLIENT=openssh SERVER=nacre
    certauth_keys || { skip "all" "ssh-keygen makes no keys"; return 0; }
    certauth_users
    certauth_hosts
}
group_certauth_openssh() { certauth_group; }
group_certauth_newer() { certauth_group; }
