# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Host keys with OpenSSH, of this system and of the newest suite, and Dropbear: keys learned by
# UpdateHostKeys in both directions, host certificates of theirs judged by nacre-ssh, known_hosts files
# of each read by the other, nacre-keyscan's output beside ssh-keyscan's.

NACRE_KEYSCAN=${NACRE_KEYSCAN:-${NACRE_SSH%/*}/nacre-keyscan}

version_hostkeys() { version_openssh; }
missing_hostkeys() {
    case $GROUP in
    *_newer) missing_newer ;;
    *_dropbear) absent dropbear dropbearconvert ssh-keyscan ;;
    *) absent ssh "$SSHD" ssh-keygen ssh-keyscan ;;
    esac
    [ -x "$NACRE_KEYSCAN" ] || echo "$NACRE_KEYSCAN"
}

# Their programs, in the directory that both sides see: $SHARED, which they call $THERE
hostkeys_run() { # PROGRAM ARGUMENTS
    case $GROUP in
    *_newer) in_newer sh -c 'cd "$1" && shift && exec "$@"' - "$THERE" "$@" ;;
    *) (cd "$SHARED" && "$@") ;;
    esac
}

HOSTKEYS_TYPES='ed25519 ecdsa rsa'
hostkeys_alg() { # TYPE: what a client names to have that key shown
    case $1 in
    ed25519) echo ssh-ed25519 ;;
    ecdsa) echo ecdsa-sha2-nistp256 ;;
    rsa) echo rsa-sha2-512 ;;
    rsa256) echo rsa-sha2-256 ;;
    mldsa44-ed25519) echo ssh-mldsa44-ed25519 ;;
    esac
}

hostkeys_make() {
    if [ "${GROUP#*_}" = newer ]; then
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK THERE=$NEWER_WORK
        HOSTKEYS_TYPES="$HOSTKEYS_TYPES mldsa44-ed25519"
    else
        SHARED=$WORK/shared THERE=$WORK/shared
        mkdir "$SHARED"
    fi
    for type in $HOSTKEYS_TYPES; do
        hostkeys_run ssh-keygen -q -t "$type" -N '' -C "host $type" -f "host_$type" < /dev/null || return 1
    done
    for name in ca ca2; do
        hostkeys_run ssh-keygen -q -t ed25519 -N '' -C $name -f $name < /dev/null || return 1
    done
    hostkeys_run ssh-keygen -q -t rsa -N '' -C ca_rsa -f ca_rsa < /dev/null || return 1
    cp "$KEYS/user" "$KEYS/authorized_keys" "$SHARED/"
}

# ---- Servers with every key --------------------------------------------------------------------

hostkeys_serve_theirs() { # OPTION...
    {
        for type in $HOSTKEYS_TYPES; do echo "HostKey $THERE/host_$type"; done
        printf 'AuthorizedKeysFile %s/authorized_keys\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\n' "$THERE"
    } > "$SHARED/sshd_config"
    [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
    case $GROUP in
    *_newer) serve_inetd sshd chroot "$NEWER_DIR" /usr/sbin/sshd -i -e -f "$THERE/sshd_config" "$@" ;;
    *) serve_inetd sshd "$SSHD" -i -e -f "$SHARED/sshd_config" "$@" ;;
    esac
}

hostkeys_serve_ours() { # OPTION...
    {
        for type in $HOSTKEYS_TYPES; do echo "HostKey $SHARED/host_$type"; done
        printf 'ListenAddress 127.0.0.1\nAuthorizedKeysFile %s/authorized_keys\nPermitRootLogin yes\n' "$KEYS"
        printf 'StrictModes no\nPidFile none\nMaxStartups 100\nPerSourcePenalties no\n'
    } > "$WORK/nacre_config"
    SERVER_LOG=$WORK/nacre-sshd.$case_number.log
    start "$SERVER_LOG" "$NACRE_SSHD" -D -e -f "$WORK/nacre_config" -p 0 "$@"
    wait_line "$SERVER_LOG" 's/.*Server listening on 127\.0\.0\.1 port \([0-9][0-9]*\)\..*/\1/p'
    PORT=$LINE
}

# ---- Clients -----------------------------------------------------------------------------------

hostkeys_line() { echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$SHARED/$1.pub")"; }
hostkeys_options() { # DIRECTORY
    echo "-F none -i $1/user -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes
        -o UserKnownHostsFile=$1/known_hosts -o GlobalKnownHostsFile=/dev/null -p $PORT" | tr -s ' \n' ' '
}
# The server's announcement is behind the login: a command that takes a moment ($PAUSE seconds) lets it be
# dealt with
hostkeys_ours() { bounded "$NACRE_SSH" "$@" $(hostkeys_options "$SHARED") "$ME@127.0.0.1" "echo in; sleep ${PAUSE:-0}"; }
hostkeys_theirs() {
    case $GROUP in
    *_newer) bounded chroot "$NEWER_DIR" env HOME=/root PATH=/usr/bin:/bin ssh "$@" $(hostkeys_options "$THERE") \
        "$ME@127.0.0.1" "echo in; sleep ${PAUSE:-0}" ;;
    *) bounded ssh "$@" $(hostkeys_options "$THERE") "$ME@127.0.0.1" "echo in; sleep ${PAUSE:-0}" ;;
    esac
}

hostkeys_knows_all() {
    for type in $HOSTKEYS_TYPES; do
        grep -qF "$(hostkeys_line "host_$type")" "$SHARED/known_hosts" || fail "host_$type was not learned: $(cut -c -60 "$SHARED/known_hosts")"
    done
}

# ---- Cases -------------------------------------------------------------------------------------

# How long the announcement takes to be dealt with depends on the machine.
hostkeys_learn() { # COMMAND that writes known_hosts, CLIENT OPTION...
    write=$1 learner=$2
    shift 2
    for PAUSE in 0.3 1 4 15; do
        $write > "$SHARED/known_hosts"
        "hostkeys_$learner" "$@" || fail "no login"
        [ "$(wc -l < "$SHARED/known_hosts")" -le "$($write | wc -l)" ] || break
    done
    PAUSE=0
}
hostkeys_old_file() {
    echo '# mine'
    hostkeys_line "host_$old_type"
    hostkeys_line ca2 # an old key of the host
}

case_hostkeys_learn() { # CLIENT TYPE ALG
    old_type=$2
    hostkeys_learn hostkeys_old_file "$1" -v -o UpdateHostKeys=yes -o HostKeyAlgorithms="^$3"
    hostkeys_knows_all
    ! grep -qF "$(hostkeys_line ca2)" "$SHARED/known_hosts" || fail "the old key stays"
    head -n 1 "$SHARED/known_hosts" | grep -q '^# mine$' || fail "the comment is lost"
    "hostkeys_$1" -o UpdateHostKeys=no -o HostKeyAlgorithms=ssh-ed25519 || fail "no second login"
}

case_hostkeys_off() { # CLIENT
    hostkeys_line host_ed25519 > "$SHARED/known_hosts"
    PAUSE=0.3
    "hostkeys_$1" -o UpdateHostKeys=no || fail "no login"
    [ "$(wc -l < "$SHARED/known_hosts")" -eq 1 ] || fail "the file has changed"
}

# Lines that one has learned and hashed, read by the other
case_hostkeys_hashed() { # WRITER READER
    hostkeys_learn 'hostkeys_line host_ed25519' "$1" -o UpdateHostKeys=yes -o HashKnownHosts=yes
    grep -q '^|1|' "$SHARED/known_hosts" || fail "nothing is hashed"
    for type in $HOSTKEYS_TYPES; do
        "hostkeys_$2" -o UpdateHostKeys=no -o HostKeyAlgorithms="$(hostkeys_alg "$type")" || fail "$type is not known"
    done
}

hostkeys_certify() { # AUTHORITY TYPE OPTION...
    authority=$1 type=$2
    shift 2
    hostkeys_run ssh-keygen -q -s "$authority" -I "the host" "$@" "host_$type.pub" < /dev/null || fail "ssh-keygen -s"
}

case_hostkeys_certificate() { # AUTHORITY TYPE
    hostkeys_certify "$1" "$2" -h -n 127.0.0.1
    hostkeys_serve_theirs -o HostCertificate="$THERE/host_$2-cert.pub"
    echo "@cert-authority * $(cut -d' ' -f1,2 "$SHARED/$1.pub")" > "$SHARED/known_hosts"
    PAUSE=0.3
    hostkeys_ours -v || fail "no login"
    [ "$(wc -l < "$SHARED/known_hosts")" -eq 1 ] || fail "the file has changed"
}

# A certificate that is not good: told, and the plain key decides
case_hostkeys_bad_certificate() { # WORD-IN-MESSAGE ISSUING-OPTION...
    word=$1
    shift
    hostkeys_certify ca ed25519 "$@"
    hostkeys_serve_theirs -o HostCertificate="$THERE/host_ed25519-cert.pub"
    echo "@cert-authority * $(cut -d' ' -f1,2 "$SHARED/ca.pub")" > "$SHARED/known_hosts"
    hostkeys_ours > "$WORK/out" 2>&1 && fail "trusted"
    cat "$WORK/out"
    grep -q "Certificate invalid: .*$word" "$WORK/out" || fail "not told"
    hostkeys_line host_ed25519 >> "$SHARED/known_hosts"
    hostkeys_ours || fail "the plain key is known"
}

case_hostkeys_other_authority() {
    hostkeys_certify ca2 ed25519 -h -n 127.0.0.1
    hostkeys_serve_theirs -o HostCertificate="$THERE/host_ed25519-cert.pub"
    echo "@cert-authority * $(cut -d' ' -f1,2 "$SHARED/ca.pub")" > "$SHARED/known_hosts"
    hostkeys_ours && fail "trusted"
    :
}

case_hostkeys_ca_algorithms() {
    hostkeys_certify ca ed25519 -h -n 127.0.0.1
    hostkeys_serve_theirs -o HostCertificate="$THERE/host_ed25519-cert.pub"
    echo "@cert-authority * $(cut -d' ' -f1,2 "$SHARED/ca.pub")" > "$SHARED/known_hosts"
    hostkeys_ours -o CASignatureAlgorithms=rsa-sha2-512 && fail "trusted"
    hostkeys_ours -o CASignatureAlgorithms=ssh-ed25519 || fail "not trusted"
}

case_hostkeys_revoked() {
    hostkeys_certify ca ed25519 -h -n 127.0.0.1 -z 7
    hostkeys_serve_theirs -o HostCertificate="$THERE/host_ed25519-cert.pub"
    echo "@cert-authority * $(cut -d' ' -f1,2 "$SHARED/ca.pub")" > "$SHARED/known_hosts"
    hostkeys_line host_ed25519 >> "$SHARED/known_hosts"
    cp "$SHARED/known_hosts" "$SHARED/known_hosts.good"
    hostkeys_ours || fail "not trusted"
    for what in host_ed25519 ca; do
        echo "@revoked * $(cut -d' ' -f1,2 "$SHARED/$what.pub")" >> "$SHARED/known_hosts"
        hostkeys_ours && fail "$what: a @revoked line does nothing"
        cp "$SHARED/known_hosts.good" "$SHARED/known_hosts"
        hostkeys_ours -o RevokedHostKeys="$SHARED/$what.pub" && fail "$what: a list does nothing"
        hostkeys_run ssh-keygen -q -k -f "krl_$what" "$what.pub" || fail "ssh-keygen -k"
        hostkeys_ours -o RevokedHostKeys="$SHARED/krl_$what" && fail "$what: a KRL does nothing"
    done
    echo "serial: 7" > "$SHARED/serials"
    hostkeys_run ssh-keygen -q -k -f krl_serial -s ca.pub serials || fail "ssh-keygen -k -s"
    hostkeys_ours -o RevokedHostKeys="$SHARED/krl_serial" && fail "a serial does nothing"
    hostkeys_ours -o RevokedHostKeys="$SHARED/no-such-file" && fail "a file that is not there does nothing"
    hostkeys_run ssh-keygen -q -k -f krl_other ca2.pub || fail "ssh-keygen -k"
    hostkeys_ours -o RevokedHostKeys="$SHARED/krl_other" || fail "another key is revoked"
}

# ssh-keyscan's output and ours, sorted: lines come as they come
case_hostkeys_keyscan() { # ARGUMENTS
    set -- -4 -T "$LIMIT" -p "$PORT" "$@" 127.0.0.1
    bounded "$NACRE_KEYSCAN" "$@" > "$WORK/ours" 2> "$WORK/ours.err"
    ours=$?
    if [ "${GROUP#*_}" = newer ]; then
        in_newer ssh-keyscan "$@" > "$WORK/theirs" 2> "$WORK/theirs.err"
    else
        ssh-keyscan "$@" > "$WORK/theirs" 2> "$WORK/theirs.err"
    fi
    theirs=$?
    [ $ours -eq $theirs ] || fail "status $ours instead of $theirs"
    for file in ours theirs; do # since 9.8 ssh-keyscan's comments are on standard output
        cat "$WORK/$file" "$WORK/$file.err" | grep '^[#;]' > "$WORK/comments"
        grep -v '^[#;]' "$WORK/$file" > "$WORK/lines"
        grep -v '^[#;]' "$WORK/$file.err" >> "$WORK/comments"
        mv "$WORK/lines" "$WORK/$file"
        mv "$WORK/comments" "$WORK/$file.err"
    done
    for end in '' .err; do
        sort -u "$WORK/ours$end" | tr -d '\r' > "$WORK/a"
        sort -u "$WORK/theirs$end" | tr -d '\r' > "$WORK/b"
        diff "$WORK/b" "$WORK/a" || fail "the output differs"
    done
}

cases_hostkeys_keyscan() { # SERVER'S NAME
    check "keyscan of $1" case_hostkeys_keyscan
    check "keyscan of $1: types" case_hostkeys_keyscan -t rsa,ed25519
    check "keyscan of $1: SSHFP" case_hostkeys_keyscan -t rsa,ecdsa,ed25519 -D
    check "keyscan of $1: certificates" case_hostkeys_keyscan -c
}

# ---- Groups ------------------------------------------------------------------------------------

group_hostkeys_openssh() {
    OURS=client
    hostkeys_make || { skip all "ssh-keygen cannot make the keys"; return; }
    SERVING=hostkeys_serve_theirs
    $SERVING
    for type in $HOSTKEYS_TYPES rsa256; do
        check "nacre-ssh learns from sshd over $type" case_hostkeys_learn ours "${type%256}" "$(hostkeys_alg "$type")"
    done
    check "nacre-ssh learns nothing if told so" case_hostkeys_off ours
    check "lines hashed by nacre-ssh, read by ssh" case_hostkeys_hashed ours theirs
    check "lines hashed by ssh, read by nacre-ssh" case_hostkeys_hashed theirs ours
    cases_hostkeys_keyscan sshd
    for type in $HOSTKEYS_TYPES; do
        check "certificate for $type" case_hostkeys_certificate ca "$type"
    done
    check "certificate by an RSA authority" case_hostkeys_certificate ca_rsa ed25519
    check "expired certificate" case_hostkeys_bad_certificate expired -h -n 127.0.0.1 -V 20200101:20210101
    check "certificate not valid yet" case_hostkeys_bad_certificate 'not yet valid' -h -n 127.0.0.1 -V +1d:+2d
    check "certificate for another host" case_hostkeys_bad_certificate 'another host' -h -n example.com
    check "certificate of another authority" case_hostkeys_other_authority
    check "CASignatureAlgorithms" case_hostkeys_ca_algorithms
    check "revoked by line, list and KRL" case_hostkeys_revoked
    stop_all
    SERVING=hostkeys_serve_ours
    $SERVING
    for type in $HOSTKEYS_TYPES rsa256; do
        check "ssh learns from nacre-sshd over $type" case_hostkeys_learn theirs "${type%256}" "$(hostkeys_alg "$type")"
    done
    cases_hostkeys_keyscan nacre-sshd
    hostkeys_certify ca ed25519 -h -n 127.0.0.1
    stop_all
    SERVING="hostkeys_serve_ours -o HostCertificate=$SHARED/host_ed25519-cert.pub"
    $SERVING
    check "keyscan of nacre-sshd's certificate" case_hostkeys_keyscan -c
}
group_hostkeys_newer() { group_hostkeys_openssh; }

group_hostkeys_dropbear() {
    dropbear_key host
    SERVING="serve_inetd dropbear dropbear -i -m -r $WORK/host.dropbear"
    $SERVING
    check "keyscan of dropbear" case_hostkeys_keyscan
    check "keyscan of dropbear: types" case_hostkeys_keyscan -t rsa,ed25519
}
