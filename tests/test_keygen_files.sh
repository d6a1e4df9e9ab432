#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What nacre-keygen reads that is no file proper (pipes of a shell, devices) and what it writes to that is
# none, or is a symbolic link; names of types in other case. Prints TAP lines. BUILD says where the program
# is.
set -u
export LC_ALL=C

suite=keygen_files
. "$(dirname "$0")/keygen_lib.sh"

# piped STATUS FILE ARGUMENTS: with the file in a pipe as standard input
piped() {
    want=$1 file=$2
    shift 2
    # a pipe, not the file itself as standard input
    # shellcheck disable=SC2002
    cat "$file" | timeout 20 "$keygen" "$@" > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "$file piped into nacre-keygen $*: status $got instead of $want: $(cat out err)"
}
same_as() {
    cmp -s "$1" out || bad "stdout is: $(cat out)"
}

run 0 -q -t ed25519 -N '' -C 'a comment' -f key
run 0 -q -t rsa -b 2048 -N '' -C ca -f ca
run 0 -q -s ca -I id -n user key.pub

# ---- Pipes -------------------------------------------------------------------------------------

run 0 -l -f key.pub
mv out fingerprint
run 0 -y -f key
mv out public
run 0 -e -f key.pub
mv out exported
piped 0 key.pub -l -f /dev/stdin
same_as fingerprint
piped 0 key -l -f /dev/stdin
same_as fingerprint
piped 0 key -y -f /dev/stdin
same_as public
piped 0 key.pub -e -f /dev/stdin
same_as exported
piped 0 exported -i -f /dev/stdin
cut -d ' ' -f 1,2 public | cmp -s - out || bad "imported: $(cat out)"
check 'keys are read from pipes'

printf 'host1 %s\n' "$(cat key.pub)" > hosts
piped 0 hosts -F host1 -f /dev/stdin
grep -q '^# Host host1 found: line 1' out || bad "$(cat out)"
piped 0 key-cert.pub -L -f /dev/stdin
grep -q 'Key ID: "id"' out || bad "$(cat out)"
run 0 -q -k -f krl key.pub
piped 1 krl -Q -f /dev/stdin key.pub
grep -q ': REVOKED$' out || bad "$(cat out)"
piped 0 ca -q -s /dev/stdin -I piped -n user key.pub
run 0 -L -f key-cert.pub
grep -q 'Key ID: "piped"' out || bad "$(cat out)"
check 'hosts, certificates, lists and authorities are read from pipes'

if [ -c /dev/zero ]; then
    for arguments in -l -L -i -e; do
        run 255 $arguments -f /dev/zero
        err_has '/dev/zero'
    done
    run 255 -Q -l -f /dev/zero
    err_has '/dev/zero: file too large'
    run 1 -L -f /dev/null
fi
check 's57: a device without end is refused, an empty one is empty'

# A file of many keys has no limit of one key's
n=0
while [ $n -lt 12 ]; do
    n=$((n + 1))
    cat key-cert.pub
done > twelve
while [ "$(wc -c < twelve)" -lt 1100000 ]; do
    cat twelve twelve > more
    mv more twelve
done
run 0 -l -f twelve
[ "$(wc -l < out)" -eq "$(wc -l < twelve)" ] || bad "$(wc -l < out) fingerprints of $(wc -l < twelve) keys"
run 0 -L -f twelve
[ "$(grep -c 'Serial: 0' out)" -eq "$(wc -l < twelve)" ] || bad "$(grep -c Serial out) certificates of $(wc -l < twelve)"
check 'a long file of keys or certificates is shown whole'

# ---- Links -------------------------------------------------------------------------------------

mkdir safe
cp key safe/key
cp key.pub safe/key.pub
cp -p safe/key before
ln -s safe/key link
ln -s safe/key.pub link.pub
run 0 -p -P '' -N 'a word' -a 1 -f link
[ -L link ] || bad 'the link is a file now'
cmp -s safe/key before && bad 'the passphrase is not on the key that the link leads to'
mode_is 600 safe/key
run 255 -y -P '' -f safe/key
run 0 -c -C other -P 'a word' -a 1 -f link
[ -L link ] && [ -L link.pub ] || bad 'a link is a file now'
grep -q ' other$' safe/key.pub || bad "$(cat safe/key.pub)"
check 's70: a key is changed where its link leads to'

ln -s safe/new new
run 0 -q -t ed25519 -N '' -C '' -f new
[ -L new ] && [ -f safe/new ] || bad "$(ls -l new safe)"
mode_is 600 safe/new
ln -s nowhere/new lost
run 1 -q -t ed25519 -N '' -C '' -f lost
err_has 'Saving key "lost" failed: No such file or directory'
ln -s round1 round2
ln -s round2 round1
run 1 -q -t ed25519 -N '' -C '' -f round1
err_has 'Saving key "round1" failed: '
mkdir taken.pub
run 255 -q -t ed25519 -N '' -C '' -f taken
err_has 'Unable to save public key to taken.pub: Is a directory'
check 'links without a file, and what cannot be written'

# As Linux with fs.protected_symlinks, and for FIFOs that wait for a key
if [ "$(id -u)" -eq 0 ] && chown 65534 . 2> /dev/null; then
    chown 0 .
    mkdir tmp
    chmod 1777 tmp
    echo theirs > theirs
    ln -s ../theirs tmp/new.pub
    ln -s ../nothing tmp/other
    ln -s ../mine tmp/mine
    mkfifo -m 666 tmp/pipe
    chown -h 65534 tmp/new.pub tmp/other tmp/pipe
    run 255 -q -t ed25519 -N '' -C '' -f tmp/new
    err_has 'tmp/new.pub: Permission denied'
    [ "$(cat theirs)" = theirs ] || bad 'written through a link of another user'
    run 1 -q -t ed25519 -N '' -C '' -f tmp/other
    [ ! -e nothing ] || bad 'made through a link of another user'
    run 0 -q -t ed25519 -N '' -C '' -f tmp/mine
    [ -f mine ] || bad 'a link of our own is not followed'
    cat tmp/pipe > stolen &
    reader=$!
    printf 'y\n' | timeout 20 "$keygen" -q -t ed25519 -N '' -C '' -f tmp/pipe > out 2> err && bad 'a pipe of another user got a key'
    kill $reader 2> /dev/null
    wait $reader 2> /dev/null
    [ ! -s stolen ] || bad 'a key went into the pipe of another user'
    check 's70: no links and no pipes of others'
else
    echo "ok - $suite: s70: no links and no pipes of others # SKIP needs to be root"
fi

if [ -c /dev/null ]; then
    ln -s /dev/null null
    printf 'y\n' | timeout 20 "$keygen" -q -t ed25519 -N '' -C '' -f null > out 2> err || bad "$(cat out err)"
    [ -L null ] && [ -c /dev/null ] || bad 'the device is a file now'
    run 0 -q -k -f null key.pub
    [ -L null ] && [ -c /dev/null ] || bad 'the device is a file now'
fi
check 'a device is written to, not replaced'

# ---- Names of types ----------------------------------------------------------------------------

for type in RSA rsa-sha2-512 Ed25519 ECDSA; do
    rm -f typed typed.pub
    run 0 -t $type -N '' -C '' -f typed
    grep -q "^Generating public/private $type key pair" out || bad "$(head -n 1 out)"
    case $type in
    RSA | rsa*) grep -q '^ssh-rsa ' typed.pub || bad "$type: $(cat typed.pub)" ;;
    E*) grep -qi "^[a-z]*-*$type" typed.pub || grep -q '^ecdsa-sha2-nistp256 ' typed.pub || bad "$type: $(cat typed.pub)" ;;
    esac
done
for type in SSH-RSA Ecdsa-sha2-nistp256 RSA-SHA2-256; do
    run 255 -t $type -N '' -C '' -f none
    err_has "unknown key type $type"
done
check 'short names of types are taken in any case'

# ---- Certificates as keys ----------------------------------------------------------------------

run 0 -q -s key -I id -n user ca.pub
for format in PEM PKCS8; do
    run 0 -e -m $format -f ca.pub
    mv out plain
    run 0 -e -m $format -f ca-cert.pub
    same_as plain
done
check 'a certificate is exported as its key where the format has no certificates'

exit $failed
