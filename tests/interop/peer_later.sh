# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# PuTTY, AsyncSSH, TinySSH and Dropbear of a newer suite, in a chroot (newer.sh), for what those of this
# system's release lack: post-quantum key exchanges, mlkem1024nistp384-sha384 among them, which OpenSSH
# does not have. Every kex, key, cipher, MAC and compression that both sides have, in each role that the
# peer has. Commands run inside of the chroot when the server is theirs.

LATER_CIPHERS='chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr aes256-ctr'
LATER_CIPHERS_LEGACY='aes128-cbc aes192-cbc aes256-cbc 3des-cbc'
LATER_HYBRIDS='mlkem768x25519-sha256 mlkem768nistp256-sha256 mlkem1024nistp384-sha384'
LATER_NTRU='sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com'
LATER_X25519='curve25519-sha256 curve25519-sha256@libssh.org'
LATER_ECDH='ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521'
LATER_DH='diffie-hellman-group14-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512
    diffie-hellman-group-exchange-sha256'
LATER_DH_LEGACY='diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha1 diffie-hellman-group1-sha1'
LATER_MACS='hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com'
LATER_UMACS='umac-64@openssh.com umac-128@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com'
LATER_MACS_LEGACY='hmac-sha1 hmac-sha1-96 hmac-md5'
# type for ssh-keygen, bits, signature algorithms
LATER_KEYS='ed25519:0:ssh-ed25519 ecdsa:256:ecdsa-sha2-nistp256 ecdsa:384:ecdsa-sha2-nistp384
    ecdsa:521:ecdsa-sha2-nistp521 rsa:3072:rsa-sha2-256,rsa-sha2-512'

missing_later() { has_later "$1" || echo "newer suite with $1"; }
version_puttylater() { echo "newer PuTTY $(in_later plink -V | sed -n '1s/.*Release //p')"; }
missing_puttylater() { missing_later plink; }
version_asyncsshlater() { in_later python3 -W ignore -c 'import asyncssh; print("newer AsyncSSH", asyncssh.__version__)'; }
missing_asyncsshlater() { missing_later asyncssh; }
version_tinysshlater() { echo "newer TinySSH $(in_later dpkg-query -W -f '${Version}' tinysshd)"; }
missing_tinysshlater() { missing_later tinysshd; }
version_dropbearlater() { echo "newer $(in_later dbclient -V 2>&1 | head -n 1)"; }
missing_dropbearlater() { missing_later dropbear; }

# ---- The chroot --------------------------------------------------------------------------------

later_share() {
    export LATER_WORK="/root/nacre-$GROUP.${TOP##*.}" # TinySSH wants nobody else to write above a home
    mkdir -p "$LATER_DIR$LATER_WORK/.ssh"
    cp "$KEYS"/* "$HERE"/asyncssh_*.py "$LATER_DIR$LATER_WORK/"
    cp "$KEYS/user.pub" "$LATER_DIR$LATER_WORK/.ssh/authorized_keys"
    # programs that look up the home of root find the group's: every group has a passwd of its own
    awk -F: -v OFS=: -v home="$LATER_WORK" '$1 == "root" { $6 = home; $7 = "/bin/sh" } { print }' \
        "$LATER_DIR/etc/passwd" > "$LATER_DIR$LATER_WORK/passwd"
}

later() { "$HERE/in_tree" "$@"; }
later_ready() { # or the group is skipped
    later_share
    later true 2> /dev/null || { skip "all" "no mount namespaces here"; return 1; }
}

# Keys of every type, in the shared directory and in $WORK
later_keys() {
    for spec in $LATER_KEYS; do
        type=${spec%%:*}
        bits=${spec#*:} bits=${bits%%:*}
        [ "$bits" = 0 ] && size= || size="-b $bits"
        ssh-keygen -q -t "$type" $size -N '' -C later -f "$WORK/key-$type-$bits" < /dev/null
        cp "$WORK/key-$type-$bits" "$WORK/key-$type-$bits.pub" "$LATER_DIR$LATER_WORK/"
    done
}
# for_keys WHAT COMMAND: a case for each key and algorithm
later_for_keys() {
    for spec in $LATER_KEYS; do
        name=key-${spec%%:*}-$(echo "$spec" | cut -d: -f2)
        for alg in $(echo "${spec##*:}" | tr , ' '); do
            check "$1 $name with $alg" "$2" "$name" "$alg"
        done
    done
}

# Our side says what is used
later_lists() { # KEX CIPHERS MACS
    cases_algorithms "$1" "$2" "$3"
    check "20 MiB with rekeys by us" with_ours "-o RekeyLimit=1M" case_cat 20
}
later_hybrid_rekeys() { # KEX: a new exchange of that kind every MiB
    for kex in $1; do
        check "rekeys with $kex" with_ours "-o KexAlgorithms=$kex -o RekeyLimit=1M" case_cat 5
    done
}

case_later_our_host_key() { # NAME ALGORITHM: ours, read by them
    stop_all
    HOST_KEY_FILE=$WORK/$1
    serve_nacre -h "$WORK/$1" -o "HostKeyAlgorithms=$2"
    trust "$WORK/$1.pub"
    case_status 'echo there' 0 there
}
case_later_our_user_key() { # NAME ALGORITHM: theirs, read by us
    stop_all
    cat "$KEYS/authorized_keys" "$WORK/$1.pub" > "$WORK/authorized"
    serve_nacre -o "AuthorizedKeysFile=$WORK/authorized" -o "PubkeyAcceptedAlgorithms=$2"
    USER_KEY=$1
    case_status 'echo there' 0 there
}
case_later_host_key() { # NAME ALGORITHM: theirs, read by us
    stop_all
    HOST_KEY=$1 HOST_KEY_FILE=$WORK/$1
    "serve_$SERVER"
    OPTS="-o HostKeyAlgorithms=$2"
    case_status 'echo there' 0 there
}
case_later_user_key() { # NAME ALGORITHM: ours, read by them
    stop_all
    cat "$WORK/$1.pub" >> "$LATER_DIR$LATER_WORK/.ssh/authorized_keys"
    cp "$LATER_DIR$LATER_WORK/.ssh/authorized_keys" "$LATER_DIR$LATER_WORK/authorized_keys"
    "serve_$SERVER"
    OPTS="-i $WORK/$1 -o IdentitiesOnly=yes -o PubkeyAcceptedAlgorithms=$2"
    case_status 'echo there' 0 there
}

# ---- PuTTY -------------------------------------------------------------------------------------

later_ppk() { # KEY: once
    [ -e "$LATER_DIR$LATER_WORK/$1.ppk" ] || later puttygen "$LATER_WORK/$1" -O private -o "$LATER_WORK/$1.ppk"
}
exec_puttylater() {
    later_ppk "${USER_KEY:-user}"
    bounded "$HERE/in_tree" plink -ssh -T -load all -no-sanitise-stdout -no-sanitise-stderr -batch -noagent $OPTS \
        -i "$LATER_WORK/${USER_KEY:-user}.ppk" -P "$PORT" \
        -hostkey "$(ssh-keygen -lf "${HOST_KEY_FILE:-$KEYS/host}.pub" | cut -d' ' -f2)" "$ME@127.0.0.1" "$@"
}

group_puttylater_client() {
    OURS=server CLIENT=puttylater SERVER=nacre
    later_ready || return 0
    mkdir -p "$LATER_DIR$LATER_WORK/.putty/sessions" # everything that it has, without questions
    printf '%s\n' 'Protocol=ssh' 'Cipher=aes,chacha20,aesgcm,3des,WARN,des,blowfish,arcfour' \
        'KEX=mlkem-curve25519,mlkem-nist,ntru-curve25519,ecdh,dh-gex-sha1,dh-group18-sha512,dh-group17-sha512,dh-group16-sha512,dh-group15-sha512,dh-group14-sha1,dh-group1-sha1,rsa,WARN' \
        > "$LATER_DIR$LATER_WORK/.putty/sessions/all"
    serve_nacre
    cases_exec ''
    later_lists "$LATER_HYBRIDS $LATER_NTRU $LATER_X25519 $LATER_ECDH $LATER_DH $LATER_DH_LEGACY" \
        "$LATER_CIPHERS $LATER_CIPHERS_LEGACY" "$LATER_MACS hmac-sha1 hmac-sha1-96 hmac-md5"
    later_hybrid_rekeys "$LATER_HYBRIDS $LATER_NTRU"
    check "compression" with_theirs "-C" with_ours "-o Compression=yes" case_cat 2
    later_keys
    later_for_keys "host key" case_later_our_host_key
    later_for_keys "user key" case_later_our_user_key
}

# ---- AsyncSSH ----------------------------------------------------------------------------------

exec_asyncsshlater() {
    cp "${HOST_KEY_FILE:-$KEYS/host}.pub" "$LATER_DIR$LATER_WORK/host-now.pub"
    bounded "$HERE/in_tree" python3 -W ignore "$LATER_WORK/asyncssh_client.py" $OPTS --user "$ME" --key "$LATER_WORK/${USER_KEY:-user}" \
        --hostkey "$LATER_WORK/host-now.pub" "$PORT" exec "$@"
}
serve_asyncsshlater() { # OPTION...
    serve_printing asyncsshlater "$HERE/in_tree" python3 -W ignore "$LATER_WORK/asyncssh_server.py" \
        --hostkey "$LATER_WORK/${HOST_KEY:-host}" --authorized "$LATER_WORK/authorized_keys" "$@"
    trust "${HOST_KEY_FILE:-$KEYS/host}.pub"
}
# Both sides say what is used: the old ones are in none of their default lists either.
asyncssh_lists() {
    for kex in $LATER_HYBRIDS $LATER_X25519 $LATER_ECDH $LATER_DH $LATER_DH_LEGACY; do
        check "kex $kex" with_theirs "--algs kex=$kex" with_ours "-o KexAlgorithms=$kex" case_status 'echo there' 0 there
    done
    for cipher in $LATER_CIPHERS $LATER_CIPHERS_LEGACY; do
        check "cipher $cipher" with_theirs "--algs encryption=$cipher" with_ours "-o Ciphers=$cipher -o RekeyLimit=1M" case_cat 2
    done
    for mac in $LATER_MACS $LATER_UMACS $LATER_MACS_LEGACY; do
        check "MAC $mac" with_theirs "--algs mac=$mac" with_ours "-o Ciphers=aes128-ctr -o MACs=$mac" case_cat 1
    done
    for kex in $LATER_HYBRIDS; do
        check "rekeys with $kex" with_theirs "--algs kex=$kex --rekey 1000000" with_ours "-o KexAlgorithms=$kex" case_cat 5
    done
    check "compression" with_theirs "--compress" with_ours "-o Compression=yes" case_cat 2
    check "compression with rekeys" with_theirs "--compress --rekey 600000" with_ours "-o Compression=yes" case_cat 5
}

group_asyncsshlater_server() {
    OURS=client CLIENT=nacre SERVER=asyncsshlater
    later_ready || return 0
    serve_asyncsshlater
    check "status" case_status 'echo three; exit 3' 3 three
    check "20 MiB with rekeys by us" with_ours "-o RekeyLimit=1M" case_cat 20
    asyncssh_lists
    later_keys
    later_for_keys "host key" case_later_host_key
    later_for_keys "user key" case_later_user_key
}

group_asyncsshlater_client() {
    OURS=server CLIENT=asyncsshlater SERVER=nacre
    later_ready || return 0
    serve_nacre
    check "status" case_status 'echo three; exit 3' 3 three
    check "20 MiB with rekeys by us" with_ours "-o RekeyLimit=1M" case_cat 20
    asyncssh_lists
    later_keys
    later_for_keys "host key" case_later_our_host_key
    later_for_keys "user key" case_later_our_user_key
}

# ---- TinySSH -----------------------------------------------------------------------------------

serve_tinysshlater() { # OPTION...
    later tinysshd-makekey -q "$LATER_WORK/tinyssh" 2> /dev/null
    serve_inetd tinysshlater "$HERE/in_tree" /usr/sbin/tinysshd -v "$@" "$LATER_WORK/tinyssh"
    later tinysshd-printkey "$LATER_WORK/tinyssh" 2> /dev/null | grep '^ssh-ed25519' > "$WORK/tinyssh.pub"
    trust "$WORK/tinyssh.pub"
}

group_tinysshlater_server() {
    OURS=client CLIENT=nacre SERVER=tinysshlater
    later_ready || return 0
    serve_tinysshlater
    check "status" case_status 'echo three; exit 3' 3 three
    later_lists "$LATER_NTRU $LATER_X25519" chacha20-poly1305@openssh.com ''
    later_hybrid_rekeys "$LATER_NTRU"
}

# ---- Dropbear ----------------------------------------------------------------------------------

later_dropbear_key() { # KEY: once
    [ -e "$LATER_DIR$LATER_WORK/$1.dropbear" ] ||
        later dropbearconvert openssh dropbear "$LATER_WORK/$1" "$LATER_WORK/$1.dropbear" > /dev/null 2>&1
}
exec_dropbearlater() {
    later_dropbear_key "${USER_KEY:-user}"
    rm -f "$LATER_DIR$LATER_WORK/.ssh/known_hosts" # it knows hosts without their ports
    bounded "$HERE/in_tree" dbclient -T $OPTS -i "$LATER_WORK/${USER_KEY:-user}.dropbear" -y -p "$PORT" "$ME@127.0.0.1" "$@"
}
serve_dropbearlater() { # OPTION...
    later_dropbear_key "${HOST_KEY:-host}"
    serve_inetd dropbearlater "$HERE/in_tree" /usr/sbin/dropbear -i -m -r "$LATER_WORK/${HOST_KEY:-host}.dropbear" \
        -W 200000 "$@"
    trust "${HOST_KEY_FILE:-$KEYS/host}.pub"
}
# it has no rsa-sha2-512
dropbear_keys() { LATER_KEYS=$(echo "$LATER_KEYS" | sed 's/,rsa-sha2-512//'); }
LATER_DROPBEAR_KEX="mlkem768x25519-sha256 $LATER_NTRU $LATER_X25519 $LATER_ECDH diffie-hellman-group14-sha256"

group_dropbearlater_server() {
    OURS=client CLIENT=nacre SERVER=dropbearlater
    later_ready || return 0
    serve_dropbearlater
    check "status" case_status 'echo three; exit 3' 3 three
    later_lists "$LATER_DROPBEAR_KEX" 'chacha20-poly1305@openssh.com aes128-ctr aes256-ctr' hmac-sha2-256
    later_hybrid_rekeys "mlkem768x25519-sha256 $LATER_NTRU"
    dropbear_keys
    later_keys
    later_for_keys "host key" case_later_host_key
    later_for_keys "user key" case_later_user_key
}

group_dropbearlater_client() {
    OURS=server CLIENT=dropbearlater SERVER=nacre
    later_ready || return 0
    serve_nacre
    check "status" case_status 'echo three; exit 3' 3 three
    later_lists "$LATER_DROPBEAR_KEX" 'chacha20-poly1305@openssh.com aes128-ctr aes256-ctr' hmac-sha2-256
    later_hybrid_rekeys "mlkem768x25519-sha256 $LATER_NTRU"
    dropbear_keys
    later_keys
    later_for_keys "host key" case_later_our_host_key
    later_for_keys "user key" case_later_our_user_key
}
