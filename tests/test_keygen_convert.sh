#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-keygen -m, -e and -i run for real: forms of private keys written, changed and read, public keys
# out and in, what is refused, and what happens when there is no room. Prints TAP lines. BUILD says where
# the program is.
set -u
export LC_ALL=C

suite='keygen convert'
. "$(dirname "$0")/keygen_lib.sh"

first_is() {
    [ "$(head -n 1 "$2")" = "$1" ] || bad "$2 starts with: $(head -n 1 "$2")"
}
key_of() { cut -d ' ' -f 1,2 "$1"; }
# FILE holds the key of PUBLIC, with that passphrase
holds() {
    run 0 -y -P "$3" -f "$1"
    [ "$(key_of out)" = "$(key_of "$2")" ] || bad "$1 holds another key"
}

# ---- Private keys ------------------------------------------------------------------------------

# what -m makes of a type: type, form, first line in clear, and with a passphrase
while read -r type form plain locked; do
    plain=$(echo "$plain" | tr _ ' ') locked=$(echo "$locked" | tr _ ' ')
    bits=2048
    case $type in ecdsa) bits=256 ;; esac
    rm -f k k.pub
    (umask 0 && timeout 120 "$keygen" -q -t "$type" -b $bits -m "$form" -N '' -C 'a comment' -f k < /dev/null > /dev/null) ||
        bad "$type, $form: status $?"
    mode_is 600 k
    first_is "$plain" k
    holds k k.pub ''
    [ "$form" != PPK ] || run 0 -y -f k
    [ "$form" != PPK ] || grep -q ' a comment$' out || bad "comment lost: $(cat out)"
    (umask 0 && timeout 120 "$keygen" -q -p -m "$form" -N 'two words' -f k < /dev/null > /dev/null) || bad "-p: status $?"
    mode_is 600 k
    first_is "$locked" k
    holds k k.pub 'two words'
    run 255 -y -P 'two word' -f k
    err_has 'passphrase'
    run 255 -y -P '' -f k
    err_has 'passphrase'
    [ "$(ls | grep -c '^k')" -eq 2 ] || bad "left behind: $(ls)"
    check "$type in form $form, in clear and not"
done << END
ed25519 RFC4716 -----BEGIN_OPENSSH_PRIVATE_KEY----- -----BEGIN_OPENSSH_PRIVATE_KEY-----
ed25519 PEM -----BEGIN_OPENSSH_PRIVATE_KEY----- -----BEGIN_OPENSSH_PRIVATE_KEY-----
ed25519 PKCS8 -----BEGIN_PRIVATE_KEY----- -----BEGIN_ENCRYPTED_PRIVATE_KEY-----
ed25519 PPK PuTTY-User-Key-File-3:_ssh-ed25519 PuTTY-User-Key-File-3:_ssh-ed25519
ecdsa PEM -----BEGIN_EC_PRIVATE_KEY----- -----BEGIN_EC_PRIVATE_KEY-----
ecdsa PKCS8 -----BEGIN_PRIVATE_KEY----- -----BEGIN_ENCRYPTED_PRIVATE_KEY-----
ecdsa ppk PuTTY-User-Key-File-3:_ecdsa-sha2-nistp256 PuTTY-User-Key-File-3:_ecdsa-sha2-nistp256
rsa pem -----BEGIN_RSA_PRIVATE_KEY----- -----BEGIN_RSA_PRIVATE_KEY-----
rsa PKCS8 -----BEGIN_PRIVATE_KEY----- -----BEGIN_ENCRYPTED_PRIVATE_KEY-----
rsa PPK PuTTY-User-Key-File-3:_ssh-rsa PuTTY-User-Key-File-3:_ssh-rsa
mldsa44-ed25519 PKCS8 -----BEGIN_OPENSSH_PRIVATE_KEY----- -----BEGIN_OPENSSH_PRIVATE_KEY-----
END

run 0 -q -t mldsa44-ed25519 -N '' -f m
cp m before
run 1 -p -m PPK -N '' -f m
err_has "no form for keys of this type"
cmp -s m before || bad 'the file changed'
run 255 -p -m DER -N '' -f m
err_has 'Unsupported conversion format "DER"'
check 'a type that the form has nothing for, a form that is none'

if command -v setsid > /dev/null; then
    run 0 -q -t ed25519 -m PPK -N 'two words' -C c -f p
    echo 'two words' | timeout 120 setsid -w "$keygen" -y -f p > out 2> err || bad "status $?"
    [ "$(cat out)" = "$(cat p.pub)" ] || bad "prints $(cat out)"
    echo 'two word' | timeout 120 setsid -w "$keygen" -y -f p > out 2> err && bad 'opened'
    err_has 'passphrase'
    check "PuTTY's file: the passphrase is asked for"
fi
run 0 -l -f p
grep -q '^256 SHA256:.* c (ED25519)$' out || bad "-l: $(cat out)"
check "PuTTY's file: fingerprint without the passphrase"

# ---- No room -----------------------------------------------------------------------------------

run 0 -q -t ed25519 -N '' -f d
cp d before
for form in RFC4716 PKCS8 PPK; do
    # a limit on file sizes stands for a full disk; the messages go through a pipe
    (
        trap '' XFSZ
        ulimit -f 0
        timeout 120 "$keygen" -p -m $form -N 'x y z' -f d < /dev/null 2>&1
        echo "status $?"
    ) | cat > said
    grep -q '^status 1$' said || bad "$form: $(cat said)"
    grep -q 'Saving key "d" failed: ' said || bad "$form: $(cat said)"
    cmp -s d before || bad "$form: the key changed"
    [ "$(ls | grep -c '^d')" -eq 2 ] || bad "left behind: $(ls)"
done
check 'a full disk leaves the key as it was'

# limit KIB: of address space; a program with sanitizers takes far more than that at once
limit() {
    # shellcheck disable=SC3045 # dash and bash have -v
    [ -n "$sanitized" ] || ulimit -v "$1"
}
sanitized=$(grep -al __asan_init "$keygen")

run 0 -q -t ed25519 -m PPK -N x -f q
chmod 600 q
if [ -z "$sanitized" ]; then
    sed 's/^Argon2-Memory: .*/Argon2-Memory: 2097152/; s/^Argon2-Passes: .*/Argon2-Passes: 1/' q > big
    chmod 600 big
    (limit 500000 && timeout 120 "$keygen" -y -P x -f big) > out 2> err < /dev/null
    [ $? -eq 255 ] || bad "$(cat out err)"
    err_has 'not enough memory'
    check 's92: more memory than there is'
else
    echo 'ok - keygen convert: s92: more memory than there is # SKIP it cannot be limited here'
fi
sed 's/^Argon2-Memory: .*/Argon2-Memory: 2097153/' q > big
chmod 600 big
(limit 500000 && timeout 120 "$keygen" -y -P x -f big) > out 2> err < /dev/null
[ $? -eq 255 ] || bad "$(cat out err)"
err_has 'more memory or passes than are sensible'
check 's92: more memory than is sensible'

truncate -s 100000000 huge && chmod 600 huge
for job in '-y' '-l' '-i' '-e' '-p -N x' '-c -C x'; do
    (limit 100000 && timeout 120 "$keygen" $job -f huge) > out 2> err < /dev/null
    [ $? -eq 255 ] || bad "$job: $(cat out err)"
    err_has 'file too large'
done
check 's92: a file of 100 MB is refused at once'

# ---- Public keys -------------------------------------------------------------------------------

for type in ed25519 ecdsa rsa mldsa44-ed25519; do
    rm -f k k.pub
    bits=2048
    case $type in ecdsa) bits=384 ;; esac
    run 0 -q -t $type -b $bits -N '' -C 'c d' -f k
    for form in RFC4716 PKCS8 PEM; do
        case $type:$form in
        mldsa44-ed25519:P* | ed25519:PEM)
            run 255 -e -m $form -f k.pub
            err_has 'unsupported key type'
            continue
            ;;
        esac
        run 0 -e -m $form -f k.pub
        mv out exported
        run 0 -e -m $form -f k # the private file tells its public half
        cmp -s out exported || bad "$type, $form: private and public file differ"
        run 0 -i -m $form -f exported
        [ "$(cat out)" = "$(key_of k.pub)" ] || bad "$type, $form: $(cat out)"
        run 0 -l -f exported
        [ "$(cut -d ' ' -f 2 out)" = "$("$keygen" -l -f k.pub | cut -d ' ' -f 2)" ] || bad "-l: $(cat out)"
    done
    check "$type: exported and imported"
done
run 0 -q -s k -I id -n me k.pub # a certificate is a public key, too, but in PEM
run 0 -e -f k-cert.pub
mv out exported
run 0 -i -f exported
[ "$(cat out)" = "$(key_of k-cert.pub)" ] || bad "$(cat out)"
run 255 -e -m PKCS8 -f k-cert.pub
err_has 'unsupported key type'
check 'a certificate exported and imported'

run 0 -e -f k.pub
[ "$(awk '{ if (length($0) > 72) print }' out)" = '' ] || bad 'a line over 72 bytes'
check 'RFC 4716: lines of 72 bytes at most'

run 0 -q -t ecdsa -m PEM -N secret -f e
rm e.pub
run 255 -e -f e -P wrong
run 0 -e -f e -P secret
check 'a private file that hides its public half is opened for -e'

run 255 -e -m PPK -f k.pub
err_has "PuTTY's format is one of private keys"
run 0 -i -m PPK -f p
[ "$(cat out)" = "$(key_of p.pub)" ] || bad "$(cat out)"
for file in k k.pub; do
    run 255 -i -f $file
    err_has 'format'
done
echo nonsense > n
run 255 -i -f n
err_has 'not a key file'
run 255 -i -f nowhere
run 255 -e -f nowhere
check 'what is no key of another program'

exit $failed
