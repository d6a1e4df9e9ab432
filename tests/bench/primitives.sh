#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make bench-crypto: what each primitive costs in each of its forms, beside OpenSSL, libsodium and zlib on
# the same machine in the same run; then portable C beside portable C: ours, and those of BearSSL, Monocypher
# and libsodium's reference code that are there (peers.c; Debian: libbearssl0). Figures are cycles of the
# time-stamp counter in CPU time; "ratio" is the other's cost divided by ours (1.00: equal, more: ours is
# faster): OpenSSL's, zlib's where there is no OpenSSL's, the best of the portable ones in the second table.
# Absolute figures do not carry to another machine.
#
# libsodium's reference code is measured if NACRE_BENCH_SODIUM_REF names a shared library made of it: of its
# C files without sse2, ssse3, sse41, avx2, avx512, aesni or sandy2x in their names, with HAVE_TI_MODE=1,
# NATIVE_LITTLE_ENDIAN=1 and CONFIGURED=1 defined.
set -eu

build=${BUILD:-build}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$build/bench/primitives" > "$out/ours"
hz=$(awk -F'\t' '$1 == "hz" { print $2 }' "$out/ours")
: > "$out/openssl"

# cipher or hash: name of ours, name of OpenSSL's; bytes per second at 16 KiB
speed_bytes() {
    v=$(openssl speed -mr -seconds 1 -bytes 16384 $3 -evp "$2" 2> /dev/null | awk -F: '/^\+F:/ { print $NF }')
    [ -z "$v" ] || awk -v n="$1" -v v="$v" -v hz="$hz" 'BEGIN { printf "%s\t%.2f\n", n, hz / v }' >> "$out/openssl"
}
# operations per second: name of ours, algorithm, field of openssl's line that holds operations per second
speed_ops() {
    v=$(openssl speed -mr -seconds 1 "$2" 2> /dev/null | awk -F: -v f="$3" '/^\+F[0-9]+:/ { print $f; exit }')
    [ -z "$v" ] || awk -v n="$1" -v v="$v" -v hz="$hz" 'BEGIN { if (v > 0) printf "%s\t%.1f\n", n, hz / v / 1000 }' >> "$out/openssl"
}

openssl_all() {
    speed_bytes aes128-gcm aes-128-gcm ''
    speed_bytes aes256-gcm aes-256-gcm ''
    speed_bytes aes128-ctr aes-128-ctr ''
    speed_bytes aes256-ctr aes-256-ctr ''
    speed_bytes 'aes128-cbc decrypt' aes-128-cbc -decrypt
    speed_bytes chacha20 chacha20 ''
    speed_bytes chacha20-poly1305 chacha20-poly1305 ''
    speed_bytes md5 md5 ''
    speed_bytes sha1 sha1 ''
    speed_bytes sha256 sha256 ''
    speed_bytes sha512 sha512 ''
    speed_bytes sha3-256 sha3-256 ''
    for bits in 2048 3072 4096; do
        speed_ops "rsa$bits sign" "rsa$bits" 4
        speed_ops "rsa$bits verify" "rsa$bits" 5
    done
    for bits in 256 384 521; do
        speed_ops "ecdsa p$bits sign" "ecdsap$bits" 4
        speed_ops "ecdsa p$bits verify" "ecdsap$bits" 5
        speed_ops "ecdh p$bits" "ecdhp$bits" 4
    done
    speed_ops x25519 ecdhx25519 4
    speed_ops 'ed25519 sign' ed25519 5
    speed_ops 'ed25519 verify' ed25519 6
}
if command -v openssl > /dev/null; then
    openssl_all
    openssl_all # the better one counts
    version=$(openssl version | cut -d' ' -f1,2)
fi

printf '%-24s %-12s %10s %10s %10s %11s %10s %7s\n' primitive unit portable avx2 best 'sodium/zlib' "${version:-no OpenSSL}" ratio
awk -F'\t' 'NR == FNR { if (!($1 in theirs) || $2 + 0 < theirs[$1] + 0) theirs[$1] = $2; next } $1 == "hz" || $1 == "note" { next }
    { o = $1 in theirs ? theirs[$1] : "-"; v = $1 ~ /flate/ ? $6 : o
      r = v == "-" ? "" : sprintf("%.2f", v / $5)
      printf "%-24s %-12s %10s %10s %10s %11s %10s %7s\n", $1, $2, $3, $4, $5, $6, o, r }' "$out/openssl" "$out/ours"
awk -F'\t' '$1 == "note" { print $2 }' "$out/ours"

printf '\n%-24s %-12s %10s %10s %10s %11s %7s\n' 'portable C' unit ours BearSSL Monocypher 'sodium ref' ratio
awk -F'\t' '$1 == "hz" || $1 == "note" { next }
    { best = ""
      for (i = 7; i <= 9; i++) if ($i != "-" && (best == "" || $i + 0 < best + 0)) best = $i
      if (best != "") printf "%-24s %-12s %10s %10s %10s %11s %7.2f\n", $1, $2, $3, $7, $8, $9, best / $3 }' "$out/ours"
if command -v ssh-keygen > /dev/null; then
    ssh-keygen -q -t ed25519 -N passphrase -a 24 -f "$out/key"
    start=$(date +%s%N)
    for i in 1 2 3 4 5; do ssh-keygen -y -P passphrase -f "$out/key" > /dev/null; done
    end=$(date +%s%N)
    echo "ssh-keygen opens a key with 24 rounds in $(((end - start) / 5000000)) ms (bcrypt_pbkdf above, at $((${hz%.*} / 1000000)) MHz)"
fi
