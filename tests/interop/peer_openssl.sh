# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2034
#
# OpenSSL's command line as a second opinion: random inputs go through build/kat and through openssl, and
# must come out the same; signatures of each are verified by the other. Post-quantum algorithms, which it
# has since 3.5, go through that of the newest suite.

KAT=${NACRE_KAT:-$(dirname "$NACRE_SSH")/kat}
version_openssl() { openssl version | cut -d' ' -f1,2; }
missing_openssl() { absent openssl "$KAT"; }

version_opensslnewer() { echo "newer $(in_newer openssl version | cut -d' ' -f1,2)"; }
missing_opensslnewer() {
    missing_newer
    [ ! -e "$NEWER_DIR/.complete" ] || in_newer openssl version > /dev/null 2>&1 || echo "newer suite with openssl"
}

hexed() { od -An -v -tx1 "$@" | tr -d ' \n'; }
unhexed() { "$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read().strip()))'; }
ask() { echo "$*" | "$KAT" | cut -d' ' -f2-; }
random_file() { head -c "$1" /dev/urandom > "$WORK/m"; }
some_length() { od -An -N2 -tu2 /dev/urandom | tr -d ' '; }

case_digests() { # TIMES
    for i in $(seq "$1"); do
        random_file $(($(some_length) % 3000))
        for name in md5 sha1 sha256 sha384 sha512 sha3-256 sha3-512; do
            theirs=$(openssl dgst "-$name" -r "$WORK/m" | cut -d' ' -f1)
            m=$(hexed "$WORK/m")
            [ "$(ask hash $name "${m:--}")" = "$theirs" ] || fail "$name of $m"
        done
        key=$(openssl rand -hex $((1 + i * 7)))
        theirs=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -r "$WORK/m" | cut -d' ' -f1)
        [ "$(ask hmac sha256 "$key" "${m:--}")" = "$theirs" ] || fail "HMAC-SHA-256 of $m with $key"
    done
}

case_aes() { # TIMES
    for i in $(seq "$1"); do
        random_file $(((1 + $(some_length) % 200) * 16))
        m=$(hexed "$WORK/m") iv=$(openssl rand -hex 16)
        for bits in 128 192 256; do
            key=$(openssl rand -hex $((bits / 8)))
            for mode in ctr cbc; do
                openssl enc "-aes-$bits-$mode" -K "$key" -iv "$iv" -nopad -in "$WORK/m" -out "$WORK/c"
                verb=aes-$mode
                [ $mode = ctr ] || verb=aes-cbc-enc
                [ "$(ask $verb "$key" "$iv" "$m")" = "$(hexed "$WORK/c")" ] || fail "$mode with $key and $iv of $m"
            done
        done
    done
}

case_rsa() { # BITS HASH
    openssl genrsa -out "$WORK/rsa.pem" "$1" 2> /dev/null
    random_file 300
    m=$(hexed "$WORK/m") file=$(hexed "$WORK/rsa.pem")
    openssl dgst "-$2" -sign "$WORK/rsa.pem" -out "$WORK/sig" "$WORK/m"
    blob=$(ask key-priv "$file" - | cut -d' ' -f2)
    name=rsa-sha2-${2#sha}
    head=$(printf '%08x' ${#name})$(printf %s "$name" | hexed)
    [ "$(echo "key-verify $name $blob $m $head$(printf '%08x' $(($1 / 8)))$(hexed "$WORK/sig")" | "$KAT")" = ok ] ||
        fail "a signature of openssl is refused"
    ask key-sign "$file" - "$name" "$m" | cut -c $((${#head} + 9))- | unhexed > "$WORK/ours"
    openssl rsa -in "$WORK/rsa.pem" -pubout -out "$WORK/rsa.pub" 2> /dev/null
    openssl dgst "-$2" -verify "$WORK/rsa.pub" -signature "$WORK/ours" "$WORK/m"
}

case_ecdh() { # OPENSSL-CURVE CURVE FIELD-BYTES
    for side in a b; do
        openssl ecparam -name "$1" -genkey -noout -out "$WORK/$side.pem"
        openssl ec -in "$WORK/$side.pem" -pubout -out "$WORK/$side.pub" 2> /dev/null
    done
    private=$(openssl ec -in "$WORK/a.pem" -text -noout 2> /dev/null |
        awk '/^priv:/ { on = 1; next } /^pub:/ { on = 0 } on' | tr -d ' :\n')
    point=$(openssl ec -in "$WORK/b.pem" -text -noout 2> /dev/null |
        awk '/^pub:/ { on = 1; next } /^ASN1/ { on = 0 } on' | tr -d ' :\n')
    openssl pkeyutl -derive -inkey "$WORK/a.pem" -peerkey "$WORK/b.pub" -out "$WORK/shared"
    [ "$(ask ecdh "$2" "$private" "$point")" = "$(hexed "$WORK/shared")" ] || fail "$private times $point"
}

case_x25519() {
    for side in a b; do
        openssl genpkey -algorithm X25519 -out "$WORK/$side.pem"
        openssl pkey -in "$WORK/$side.pem" -pubout -out "$WORK/$side.pub"
    done
    scalar=$(openssl pkey -in "$WORK/a.pem" -outform DER | tail -c 32 | hexed)
    point=$(openssl pkey -in "$WORK/b.pem" -pubout -outform DER | tail -c 32 | hexed)
    openssl pkeyutl -derive -inkey "$WORK/a.pem" -peerkey "$WORK/b.pub" -out "$WORK/shared"
    [ "$(ask x25519 "$scalar" "$point")" = "$(hexed "$WORK/shared")" ] || fail "$scalar times $point"
}

case_ed25519() {
    openssl genpkey -algorithm ED25519 -out "$WORK/ed.pem"
    random_file 200
    m=$(hexed "$WORK/m") seed=$(openssl pkey -in "$WORK/ed.pem" -outform DER | tail -c 32 | hexed)
    openssl pkeyutl -sign -inkey "$WORK/ed.pem" -rawin -in "$WORK/m" -out "$WORK/sig"
    [ "$(ask ed25519-sign "$seed" "$m")" = "$(hexed "$WORK/sig")" ] || fail "seed $seed, message $m"
}

group_openssl_kat() {
    check "digests and HMAC of random messages" case_digests 12
    check "AES-CTR and AES-CBC of random messages" case_aes 12
    for bits in 2048 3072 4096; do
        check "RSA-$bits, each verifies the other" case_rsa $bits sha256
        check "RSA-$bits with SHA-512" case_rsa $bits sha512
    done
    for i in 1 2 3 4; do
        check "ECDH P-256, key $i" case_ecdh prime256v1 nistp256 32
        check "ECDH P-384, key $i" case_ecdh secp384r1 nistp384 48
        check "ECDH P-521, key $i" case_ecdh secp521r1 nistp521 66
        check "X25519, key $i" case_x25519
        check "Ed25519, key $i" case_ed25519
    done
}

# ---- Post-quantum algorithms -------------------------------------------------------------------

pq_openssl() { in_newer sh -c 'cd "$1" && shift && exec openssl "$@"' - "$NEWER_WORK" "$@"; }
pq_file() { hexed "$SHARED/$1"; }

# Both make the same key of a seed: the file k, its public half pub, $theirs its last PUBLIC-BYTES
pq_key() { # ALGORITHM SEED PUBLIC-BYTES
    pq_openssl genpkey -algorithm "$1" -pkeyopt "hexseed:$2" -out k || fail "no key of seed $2"
    pq_openssl pkey -in k -pubout -out pub || fail "no public key"
    theirs=$(pq_openssl pkey -in k -pubout -outform DER | tail -c "$3" | hexed)
}

case_mlkem() { # SIZE PUBLIC-BYTES
    seed=$(openssl rand -hex 64)
    pq_key "ML-KEM-$1" "$seed" "$2"
    keys=$(ask "mlkem$1-keygen" "$seed")
    [ "${keys% *}" = "$theirs" ] || fail "another public key of seed $seed"
    # they encapsulate, we decapsulate; then the reverse
    pq_openssl pkeyutl -encap -pubin -inkey pub -out ct -secret secret || fail "no ciphertext"
    [ "$(ask "mlkem$1-decaps" "${keys#* }" "$(pq_file ct)")" = "$(pq_file secret)" ] ||
        fail "seed $seed, ciphertext $(pq_file ct)"
    ours=$(ask "mlkem$1-encaps" "$theirs" "$(openssl rand -hex 32)")
    echo "${ours% *}" | unhexed > "$SHARED/ct"
    pq_openssl pkeyutl -decap -inkey k -in ct -secret secret || fail "they do not decapsulate"
    [ "${ours#* }" = "$(pq_file secret)" ] || fail "seed $seed, our ciphertext ${ours% *}"
    # a damaged ciphertext: both make the same of it (FIPS 203, implicit rejection)
    { printf x; tail -c +2 "$SHARED/ct"; } > "$SHARED/bad"
    pq_openssl pkeyutl -decap -inkey k -in bad -secret secret || fail "they do not decapsulate"
    [ "$(ask "mlkem$1-decaps" "${keys#* }" "$(pq_file bad)")" = "$(pq_file secret)" ] ||
        fail "seed $seed, damaged ciphertext $(pq_file bad)"
}

case_mldsa() { # CONTEXT in hexadecimal, or -
    seed=$(openssl rand -hex 32)
    pq_key ML-DSA-44 "$seed" 1312
    keys=$(ask mldsa44-keygen "$seed")
    [ "${keys%% *}" = "$theirs" ] || fail "another public key of seed $seed"
    head -c 300 /dev/urandom > "$SHARED/m"
    context=
    [ "$1" = - ] || context="-pkeyopt hexcontext-string:$1"
    # shellcheck disable=SC2086
    pq_openssl pkeyutl -sign -rawin -inkey k -in m $context -out sig || fail "no signature"
    [ "$(echo "mldsa44-verify $theirs $1 $(pq_file m) $(pq_file sig)" | "$KAT")" = ok ] ||
        fail "their signature is refused: seed $seed, message $(pq_file m)"
    ask mldsa44-sign "$seed" "$1" "$(openssl rand -hex 32)" "$(pq_file m)" | unhexed > "$SHARED/sig"
    # shellcheck disable=SC2086
    pq_openssl pkeyutl -verify -rawin -pubin -inkey pub -in m $context -sigfile sig || fail "ours is refused"
    # without randomness the signatures are the same
    # shellcheck disable=SC2086
    pq_openssl pkeyutl -sign -rawin -inkey k -in m $context -pkeyopt deterministic:1 -out sig || fail "no signature"
    zeros=$(printf '%064d' 0)
    [ "$(ask mldsa44-sign "$seed" "$1" "$zeros" "$(pq_file m)")" = "$(pq_file sig)" ] ||
        fail "another deterministic signature: seed $seed, message $(pq_file m)"
}

group_opensslnewer_kat() {
    newer_share
    SHARED=$NEWER_DIR$NEWER_WORK
    for i in 1 2 3 4; do
        check "ML-KEM-768, key $i" case_mlkem 768 1184
        check "ML-KEM-1024, key $i" case_mlkem 1024 1568
        check "ML-DSA-44, key $i" case_mldsa -
        check "ML-DSA-44 with a context, key $i" case_mldsa "$(openssl rand -hex $((i * 20)))"
    done
}
