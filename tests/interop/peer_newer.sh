# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# OpenSSH of the distribution's newest suite, in a chroot (newer.sh): every algorithm that both sides
# have, in both roles. Commands run inside of the chroot when the server is theirs.

NEWER_KEX='mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com curve25519-sha256
    curve25519-sha256@libssh.org mlkem768nistp256-sha256 ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521
    diffie-hellman-group14-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512
    diffie-hellman-group-exchange-sha256'
NEWER_KEX_LEGACY='diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha1 diffie-hellman-group1-sha1'
NEWER_CIPHERS='chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr'
NEWER_CIPHERS_LEGACY='aes128-cbc aes192-cbc aes256-cbc 3des-cbc'
NEWER_MACS='hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com
    umac-64@openssh.com umac-128@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com'
NEWER_MACS_LEGACY='hmac-sha1 hmac-sha1-96 hmac-md5 hmac-sha1-etm@openssh.com'
# type for ssh-keygen, bits, signature algorithms
NEWER_KEYS='ed25519:0:ssh-ed25519 ecdsa:256:ecdsa-sha2-nistp256 ecdsa:384:ecdsa-sha2-nistp384
    ecdsa:521:ecdsa-sha2-nistp521 rsa:2048:rsa-sha2-256,rsa-sha2-512 rsa:3072:rsa-sha2-512
    mldsa44-ed25519:0:ssh-mldsa44-ed25519'

version_newer() { echo "newer $(chroot "$NEWER_DIR" ssh -V 2>&1 | sed 's/,.*//')"; }
missing_newer() { [ -e "$NEWER_DIR/.complete" ] || echo "newer suite"; }

in_newer() { chroot "$NEWER_DIR" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

# What the chroot sees of the group's directory
newer_share() {
    NEWER_WORK=/tmp/nacre-$GROUP.${TOP##*.} # removed by leave_trees; another run has its own
    mkdir -p "$NEWER_DIR$NEWER_WORK" "$NEWER_DIR/run/sshd"
    cp "$KEYS"/* "$NEWER_DIR$NEWER_WORK/"
}

exec_newer() {
    cp "$WORK/known_hosts.$PORT" "$NEWER_DIR$NEWER_WORK/known_hosts"
    bounded chroot "$NEWER_DIR" ssh $OPTS -F none -i "$NEWER_WORK/${USER_KEY:-user}" -o BatchMode=yes \
        -o UserKnownHostsFile="$NEWER_WORK/known_hosts" -o GlobalKnownHostsFile=/dev/null \
        -o StrictHostKeyChecking=yes -p "$PORT" "$ME@127.0.0.1" "$@"
}

serve_newer() { # OPTION...
    cat > "$NEWER_DIR$NEWER_WORK/sshd_config" << EOT
HostKey $NEWER_WORK/${HOST_KEY:-host}
AuthorizedKeysFile $NEWER_WORK/authorized_keys
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
EOT
    serve_inetd sshd chroot "$NEWER_DIR" /usr/sbin/sshd -i -e -f "$NEWER_WORK/sshd_config" "$@"
    trust "${HOST_KEY_FILE:-$KEYS/host}.pub"
}

# Keys of every type, made by their ssh-keygen: NAME.pub and NAME in the shared directory and in $WORK
newer_keys() {
    for spec in $NEWER_KEYS; do
        type=${spec%%:*}
        bits=${spec#*:} bits=${bits%%:*}
        name=key-$type-$bits
        [ "$bits" = 0 ] && size= || size="-b $bits"
        in_newer ssh-keygen -q -t "$type" $size -N '' -C "$name" -f "$NEWER_WORK/$name" < /dev/null || continue
        cp "$NEWER_DIR$NEWER_WORK/$name" "$NEWER_DIR$NEWER_WORK/$name.pub" "$WORK/"
    done
}

# The same algorithms asked for by their side
newer_lists() {
    for kex in $NEWER_KEX $NEWER_KEX_LEGACY; do
        check "kex $kex" with_theirs "-o KexAlgorithms=$kex" with_ours "-o KexAlgorithms=$kex" case_status 'echo there' 0 there
    done
    for cipher in $NEWER_CIPHERS $NEWER_CIPHERS_LEGACY; do
        check "cipher $cipher" with_theirs "-o Ciphers=$cipher" with_ours "-o Ciphers=$cipher -o RekeyLimit=1M" case_cat 2
    done
    for mac in $NEWER_MACS $NEWER_MACS_LEGACY; do
        check "MAC $mac" with_theirs "-o Ciphers=aes128-ctr -o MACs=$mac" \
            with_ours "-o Ciphers=aes128-ctr -o MACs=$mac" case_cat 1
    done
    for cipher in aes256-cbc 3des-cbc; do
        for mac in hmac-sha1 hmac-sha2-256-etm@openssh.com umac-64@openssh.com; do
            check "cipher $cipher with $mac" with_theirs "-o Ciphers=$cipher -o MACs=$mac" \
                with_ours "-o Ciphers=$cipher -o MACs=$mac" case_cat 1
        done
    done
    check "compression" with_theirs "-o Compression=yes" with_ours "-o Compression=yes" case_cat 2
    check "compression with rekeys" with_theirs "-o Compression=yes -o RekeyLimit=512K" \
        with_ours "-o Compression=yes" case_cat 5
}

group_newer_server() {
    OURS=client CLIENT=nacre SERVER=newer
    newer_share
    serve_newer
    cases_exec 255
    newer_lists
    newer_keys
    for spec in $NEWER_KEYS; do
        name=key-${spec%%:*}-$(echo "$spec" | cut -d: -f2)
        [ -e "$WORK/$name" ] || { skip "keys $name" "their ssh-keygen does not make it"; continue; }
        for alg in $(echo "${spec##*:}" | tr , ' '); do
            check "host key $name with $alg" case_newer_host_key "$name" "$alg"
            check "user key $name with $alg" case_newer_user_key "$name" "$alg"
        done
    done
}

case_newer_host_key() { # NAME ALGORITHM: theirs, read by us
    stop_all
    HOST_KEY=$1 HOST_KEY_FILE=$WORK/$1
    serve_newer -o "HostKeyAlgorithms=$2"
    OPTS="-o HostKeyAlgorithms=$2"
    case_status 'echo there' 0 there
}

case_newer_user_key() { # NAME ALGORITHM: ours, read by them
    stop_all
    cat "$WORK/$1.pub" >> "$NEWER_DIR$NEWER_WORK/authorized_keys"
    serve_newer -o "PubkeyAcceptedAlgorithms=$2"
    OPTS="-i $WORK/$1 -o IdentitiesOnly=yes -o PubkeyAcceptedAlgorithms=$2"
    case_status 'echo there' 0 there
}

group_newer_client() {
    OURS=server CLIENT=newer SERVER=nacre
    newer_share
    serve_nacre
    cases_exec 255
    newer_lists
    newer_keys
    for spec in $NEWER_KEYS; do
        name=key-${spec%%:*}-$(echo "$spec" | cut -d: -f2)
        [ -e "$WORK/$name" ] || { skip "keys $name" "their ssh-keygen does not make it"; continue; }
        for alg in $(echo "${spec##*:}" | tr , ' '); do
            check "host key $name with $alg" case_our_host_key "$name" "$alg"
            check "user key $name with $alg" case_our_user_key "$name" "$alg"
        done
    done
}

case_our_host_key() { # NAME ALGORITHM: ours, read by them
    stop_all
    serve_nacre -h "$WORK/$1" -o "HostKeyAlgorithms=$2"
    trust "$WORK/$1.pub"
    OPTS="-o HostKeyAlgorithms=$2"
    case_status 'echo there' 0 there
}

case_our_user_key() { # NAME ALGORITHM: theirs, read by us
    stop_all
    cat "$KEYS/authorized_keys" "$WORK/$1.pub" > "$WORK/authorized"
    serve_nacre -o "AuthorizedKeysFile=$WORK/authorized" -o "PubkeyAcceptedAlgorithms=$2"
    USER_KEY=$1
    OPTS="-o IdentitiesOnly=yes -o PubkeyAcceptedAlgorithms=$2"
    case_status 'echo there' 0 there
}
