# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034,SC2046,SC2016
#
# Key files: what ssh-keygen, puttygen and openssl (of this system and of the newest suite) write is read by
# nacre-keygen, and what it writes is read by them, for every type, format and kdf.

NACRE_KEYGEN=${NACRE_KEYGEN:-$(dirname "$NACRE_SSH")/nacre-keygen}
KEYFILE_PASS='a word, or two'
missing_keyfiles() {
    case ${GROUP:-} in
    keyfiles_putty) absent ssh-keygen puttygen "$NACRE_KEYGEN" ;;
    keyfiles_puttylater) missing_later puttygen ;;
    keyfiles_openssl) absent ssh-keygen openssl "$NACRE_KEYGEN" ;;
    keyfiles_opensslnewer) missing_opensslnewer ;;
    keyfiles_newer) missing_newer ;;
    *) absent ssh-keygen "$NACRE_KEYGEN" ;;
    esac
}

# TYPE[:BITS] as options of ssh-keygen
type_options() {
    case $1 in
    *:*) echo "-t ${1%:*} -b ${1#*:}" ;;
    *) echo "-t $1" ;;
    esac
}
# A command that has to succeed (a case is no place for set -e)
must() { "$@" || fail "failed: $*"; }
# The key of a public key line, without its comment
key_of() { cut -d' ' -f1,2; }

# The other ssh-keygen, in $SHARED as it sees it
keyfile_theirs() {
    case $GROUP in
    *_newer) in_newer sh -c 'cd "$1" && shift && exec ssh-keygen "$@"' - "$NEWER_WORK" "$@" ;;
    *) (cd "$SHARED" && ssh-keygen "$@") ;;
    esac
}
keyfile_ours() { (cd "$SHARED" && "$NACRE_KEYGEN" "$@"); }

# Both say of the file FILE, which WRITER has just written, what its .pub file says
case_keyfile() { # WRITER READER TYPE PASS OPTION...
    writer=$1 reader=$2 pass=$4
    type=$(type_options "$3")
    shift 4
    rm -f "$SHARED/k" "$SHARED/k.pub"
    must $writer -q $type -N "$pass" -C 'a comment' -f k "$@"
    [ "$(stat -c %a "$SHARED/k")" = 600 ] || fail "mode $(stat -c %a "$SHARED/k")"
    must $reader -y -P "$pass" -f k > "$WORK/y"
    [ "$(key_of < "$WORK/y")" = "$(key_of < "$SHARED/k.pub")" ] || fail "another key"
    [ -z "$pass" ] || ! $reader -y -P wrong -f k || fail "opened with a wrong passphrase"
}

# A public key goes through the format and comes back, whoever exports and imports it
case_convert() { # TYPE FORM
    rm -f "$SHARED/k" "$SHARED/k.pub"
    must keyfile_theirs -q $(type_options "$1") -N '' -C c -f k
    must keyfile_theirs -e -m "$2" -f k.pub > "$SHARED/theirs"
    must keyfile_ours -e -m "$2" -f k > "$SHARED/ours"
    sed '/^Comment/d' "$SHARED/theirs" > "$WORK/a"
    sed '/^Comment/d' "$SHARED/ours" > "$WORK/b"
    must cmp "$WORK/a" "$WORK/b"
    must keyfile_ours -i -m "$2" -f theirs > "$WORK/a"
    [ "$(cat "$WORK/a")" = "$(key_of < "$SHARED/k.pub")" ] || fail "read: $(cat "$WORK/a")"
    [ "$1:$2" != "ecdsa:256:PEM" ] || return 0 # ssh-keygen -i wants PKCS8 for what -e -m PEM wrote
    must keyfile_theirs -i -m "$2" -f ours > "$WORK/a"
    [ "$(cat "$WORK/a")" = "$(key_of < "$SHARED/k.pub")" ] || fail "they read: $(cat "$WORK/a")"
}

# One file through every form with -p, old and new passphrase each; theirs reads each
case_change() { # TYPE
    rm -f "$SHARED/k" "$SHARED/k.pub"
    must keyfile_theirs -q $(type_options "$1") -N '' -C 'a comment' -f k
    old=
    for form in PEM PPK PKCS8 RFC4716 PKCS8 PPK PEM RFC4716; do
        new=$KEYFILE_PASS
        [ -z "$old" ] || new=
        must keyfile_ours -q -p -P "$old" -N "$new" -m $form -f k
        old=$new
        [ "$(keyfile_ours -y -P "$old" -f k | key_of)" = "$(key_of < "$SHARED/k.pub")" ] || fail "$form: ours"
        [ $form = PPK ] || [ "$1:$form" = ed25519:PKCS8 ] ||
            [ "$(keyfile_theirs -y -P "$old" -f k | key_of)" = "$(key_of < "$SHARED/k.pub")" ] || fail "$form: theirs"
    done
}

group_keyfiles_ssh() {
    SHARED=$WORK/keys
    mkdir "$SHARED"
    KEYFILE_TYPES='ed25519 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048'
    if [ "$GROUP" = keyfiles_newer ]; then
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK
        KEYFILE_TYPES="$KEYFILE_TYPES mldsa44-ed25519"
    fi
    for type in $KEYFILE_TYPES; do
        for form in RFC4716 PEM PKCS8; do
            for pass in '' "$KEYFILE_PASS"; do
                name="$type, $form${pass:+, encrypted}"
                if [ "$GROUP:$type:$form" = keyfiles_newer:ed25519:PEM ]; then # 9.2 writes its own form
                    skip "$name: theirs is read" "they refuse it"
                else
                    check "$name: theirs is read" case_keyfile keyfile_theirs keyfile_ours $type "$pass" -m $form
                fi
                if [ "$GROUP:$type:$form" = keyfiles_openssh:ed25519:PKCS8 ] && ! ssh_has_pkcs8_ed25519; then
                    skip "$name: ours is read by them" "$(ssh -V 2>&1 | cut -d, -f1) cannot"
                else
                    check "$name: ours is read by them" case_keyfile keyfile_ours keyfile_theirs $type "$pass" -m $form
                fi
            done
        done
    done
    for cipher in aes128-ctr aes192-ctr aes256-ctr aes128-cbc aes192-cbc aes256-cbc aes128-gcm@openssh.com \
        aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
        check "$cipher: theirs is read" case_keyfile keyfile_theirs keyfile_ours ed25519 "$KEYFILE_PASS" -Z $cipher -a 2
        check "$cipher: ours is read by them" case_keyfile keyfile_ours keyfile_theirs ed25519 "$KEYFILE_PASS" -Z $cipher -a 2
    done
    for type in rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521; do
        check "$type: RFC 4716 both ways" case_convert $type RFC4716
        check "$type: PKCS8 both ways" case_convert $type PKCS8
    done
    check "rsa: PEM both ways" case_convert rsa:2048 PEM
    check "ecdsa: PEM both ways" case_convert ecdsa:256 PEM
    check "ed25519: RFC 4716 both ways" case_convert ed25519 RFC4716
    for type in rsa:2048 ecdsa:256 ed25519; do
        check "$type: from format to format" case_change $type
    done
}
# since 9.6
ssh_has_pkcs8_ed25519() {
    printf '%s\n' "$(ssh -V 2>&1 | sed 's/^OpenSSH_//; s/[^0-9.].*//')" 9.6 | sort -V | head -n 1 | grep -qx 9.6
}

# The least user CPU of several openings by each, in turn, in milliseconds. On a busy machine a program's CPU
# time varies by half: more rounds find the quiet moments.
case_speed() {
    rm -f "$WORK/slow" "$WORK/slow.pub"
    must ssh-keygen -q -t ed25519 -N "$KEYFILE_PASS" -f "$WORK/slow"
    "$PYTHON" -c '
import resource, subprocess, sys

def cpu(program):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([program] + sys.argv[3:], check=True, stdout=subprocess.DEVNULL)
    return 1000 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)

ours = theirs = float("inf")
for i in range(20):
    ours, theirs = min(ours, cpu(sys.argv[1])), min(theirs, cpu(sys.argv[2]))
    if i > 1 and ours <= theirs * 5 / 4:
        break
print(f"CPU of an opening: ours {ours:.0f} ms, theirs {theirs:.0f} ms")
sys.exit(ours > theirs * 5 / 4)' "$NACRE_KEYGEN" ssh-keygen -y -P "$KEYFILE_PASS" -f "$WORK/slow" || fail "slower than ssh-keygen"
}
group_keyfiles_openssh() {
    group_keyfiles_ssh
    check "a key of 24 rounds opens as fast as ssh-keygen opens it" case_speed
}
group_keyfiles_newer() { group_keyfiles_ssh; }

# ---- PuTTY -------------------------------------------------------------------------------------

# The other puttygen, in $SHARED as it sees it
keyfile_puttygen() {
    case $GROUP in
    *later) in_later sh -c 'cd "$1" && shift && exec puttygen "$@"' - "$LATER_WORK" "$@" ;;
    *) (cd "$SHARED" && puttygen "$@") ;;
    esac
}

ppk_key() { # TYPE: $SHARED/k by ssh-keygen
    rm -f "$SHARED/k" "$SHARED/k.pub" "$SHARED/k.ppk"
    must ssh-keygen -q $(type_options "$1") -N '' -C 'a comment' -f "$SHARED/k"
    printf '%s\n' "$KEYFILE_PASS" > "$SHARED/pass"
    : > "$SHARED/nothing"
}

case_ppk_theirs() { # TYPE ENCRYPTED PARAMETERS
    ppk_key "$1"
    pass=
    set -- "$1" "$2" "$3"
    if [ "$2" = yes ]; then
        pass=$KEYFILE_PASS
        must keyfile_puttygen k -O private -o k.ppk --ppk-param "$3" --new-passphrase pass
    else
        must keyfile_puttygen k -O private -o k.ppk --ppk-param "$3"
    fi
    must "$NACRE_KEYGEN" -y -P "$pass" -f "$SHARED/k.ppk" > "$SHARED/y"
    must cmp "$SHARED/y" "$SHARED/k.pub"
    [ -z "$pass" ] || ! "$NACRE_KEYGEN" -y -P wrong -f "$SHARED/k.ppk" || fail "opened with a wrong passphrase"
    [ "$("$NACRE_KEYGEN" -i -f "$SHARED/k.ppk")" = "$(key_of < "$SHARED/k.pub")" ] || fail "public half"
}

case_ppk_ours() { # TYPE ENCRYPTED
    ppk_key "$1"
    pass='' file=nothing
    [ "$2" = no ] || pass=$KEYFILE_PASS file=pass
    cp "$SHARED/k" "$SHARED/k.ppk"
    must "$NACRE_KEYGEN" -q -p -m PPK -N "$pass" -f "$SHARED/k.ppk"
    rm -f "$SHARED/back"
    must keyfile_puttygen k.ppk --old-passphrase "$file" -O private-openssh-new -o back --new-passphrase nothing
    must ssh-keygen -y -f "$SHARED/back" > "$SHARED/y"
    must cmp "$SHARED/y" "$SHARED/k.pub"
    [ "$2" = yes ] || { # nothing in it is random
        rm -f "$SHARED/theirs.ppk"
        keyfile_puttygen k -O private -o theirs.ppk && cmp "$SHARED/k.ppk" "$SHARED/theirs.ppk"
    }
}

case_ppk_public() { # TYPE
    ppk_key "$1"
    must keyfile_puttygen k -O public > "$SHARED/public"
    [ "$("$NACRE_KEYGEN" -i -f "$SHARED/public")" = "$(key_of < "$SHARED/k.pub")" ] || fail "theirs"
    must "$NACRE_KEYGEN" -e -f "$SHARED/k.pub" > "$SHARED/public"
    [ "$(keyfile_puttygen public -L | key_of)" = "$(key_of < "$SHARED/k.pub")" ] || fail "ours"
}

group_keyfiles_ppk() {
    for type in ed25519 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048 rsa:3072; do
        for version in 2 3; do
            check "$type: version $version is read" case_ppk_theirs $type no version=$version
            check "$type: version $version, encrypted, is read" case_ppk_theirs $type yes version=$version
        done
        check "$type: ours is read by puttygen" case_ppk_ours $type no
        check "$type: ours, encrypted, is read by puttygen" case_ppk_ours $type yes
        check "$type: public keys both ways" case_ppk_public $type
    done
    for kdf in argon2id argon2i argon2d; do
        for costs in memory=8,passes=1,parallelism=1 memory=1000,passes=5,parallelism=3 memory=65536,passes=3,parallelism=4; do
            check "$kdf with $costs is read" case_ppk_theirs ed25519 yes version=3,kdf=$kdf,$costs
        done
    done
}
group_keyfiles_putty() {
    SHARED=$WORK
    group_keyfiles_ppk
}
group_keyfiles_puttylater() {
    later_share
    SHARED=$LATER_DIR$LATER_WORK
    group_keyfiles_ppk
}

# ---- OpenSSL -----------------------------------------------------------------------------------

# Their program, of this system or of the newest suite, in $SHARED as it sees it
keyfile_openssl() {
    case $GROUP in
    *newer) in_newer sh -c 'cd "$1" && shift && exec openssl "$@"' - "$NEWER_WORK" "$@" ;;
    *) (cd "$SHARED" && openssl "$@") ;;
    esac
}

# The private key $1 with passphrase $2 is that of the public key of openssl's file pub
agree() {
    chmod 600 "$SHARED/$1"
    must keyfile_ours -y -P "$2" -f "$1" > "$WORK/y"
    must keyfile_ours -i -f pub > "$WORK/i"
    [ "$(key_of < "$WORK/y")" = "$(cat "$WORK/i")" ] || fail "another key"
    [ -z "$2" ] || ! keyfile_ours -y -P wrong -f "$1" || fail "opened with a wrong passphrase"
}

openssl_key() { # KIND: the files p8 and pub
    case $1 in
    ed25519) must keyfile_openssl genpkey -algorithm ED25519 -out p8 ;;
    rsa:*) must keyfile_openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${1#*:}" -out p8 ;;
    *) must keyfile_openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out p8 ;;
    esac 2> /dev/null
    must keyfile_openssl pkey -in p8 -pubout -out pub
}

case_openssl_theirs() { # KIND
    openssl_key "$1"
    agree p8 ''
    for prf in hmacWithSHA1 hmacWithSHA256 hmacWithSHA384 hmacWithSHA512; do
        for cipher in aes-128-cbc aes-192-cbc aes-256-cbc; do
            must keyfile_openssl pkcs8 -topk8 -v2 $cipher -v2prf $prf -in p8 -passout "pass:$KEYFILE_PASS" -out e8
            agree e8 "$KEYFILE_PASS"
        done
    done
    must keyfile_openssl pkcs8 -topk8 -scrypt -in p8 -passout "pass:$KEYFILE_PASS" -out e8
    agree e8 "$KEYFILE_PASS"
    [ "$1" != ed25519 ] || return 0
    must keyfile_openssl pkey -traditional -in p8 -out t
    agree t ''
    for cipher in aes128 aes192 aes256 des3; do
        must keyfile_openssl pkey -traditional -in p8 -$cipher -passout "pass:$KEYFILE_PASS" -out t
        agree t "$KEYFILE_PASS"
    done
}

case_openssl_parameters() { # a block EC PARAMETERS in front
    must keyfile_openssl ecparam -name prime256v1 -genkey -out t
    must keyfile_openssl pkey -in t -pubout -out pub
    agree t ''
}

case_openssl_ours() { # TYPE FORM
    for pass in '' "$KEYFILE_PASS"; do
        rm -f "$SHARED/k" "$SHARED/k.pub"
        must keyfile_ours -q $(type_options "$1") -N "$pass" -m "$2" -f k
        must keyfile_openssl pkey -in k -passin "pass:$pass" -noout -check
        must keyfile_openssl pkey -in k -passin "pass:$pass" -pubout > "$WORK/pub"
        must keyfile_ours -e -m PKCS8 -f k.pub > "$WORK/ours"
        must cmp "$WORK/pub" "$WORK/ours"
    done
}

group_keyfiles_openssl() {
    SHARED=$WORK
    if [ "$GROUP" = keyfiles_opensslnewer ]; then
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK
    fi
    for kind in ed25519 P-256 P-384 P-521 rsa:2048 rsa:4096; do
        check "$kind: theirs is read, all ciphers and PRFs" case_openssl_theirs $kind
    done
    check "EC parameters in front of the key" case_openssl_parameters
    for type in ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048; do
        check "$type: our PEM is read by openssl" case_openssl_ours $type PEM
        check "$type: our PKCS8 is read by openssl" case_openssl_ours $type PKCS8
    done
    check "ed25519: our PKCS8 is read by openssl" case_openssl_ours ed25519 PKCS8
}
group_keyfiles_opensslnewer() { group_keyfiles_openssl; }
