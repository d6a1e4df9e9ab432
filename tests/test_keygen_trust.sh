#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-keygen run for real: key revocation lists (-k, -Q), signatures of files (-Y), fingerprints of every
# file (-l, -B) and SSHFP records (-r), without another program beside it: tests/interop compares with
# ssh-keygen. Prints TAP lines. BUILD says where the program is.
set -u
export LC_ALL=C TZ=UTC
unset SSH_AUTH_SOCK

suite=keygen
. "$(dirname "$0")/keygen_lib.sh"

# run STATUS ARGUMENTS: runs with the file msg as input; output in out and err
run() {
    want=$1
    shift
    timeout 120 "$keygen" "$@" < msg > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-keygen $*: status $got instead of $want: $(cat out err)"
}
out_is() {
    printf '%b' "$1" > want
    cmp -s want out || bad "stdout is: $(cat out)"
}
out_has() {
    grep -qF -- "$1" out || bad "stdout lacks '$1': $(cat out)"
}

printf 'a message\n' > msg
for key in a b ca; do
    "$keygen" -q -t ed25519 -N '' -C "of $key" -f $key
done
"$keygen" -q -t ecdsa -N '' -C 'of c' -f c
cp a.pub u.pub
"$keygen" -q -s ca -I 'the id' -z 7 -n bob@x,al@x u.pub
cp a.pub v.pub
"$keygen" -q -s ca -I 'no serial' -n bob@x v.pub

# ---- Key revocation lists ----------------------------------------------------------------------

printf 'serial: 1-6\nserial: 0x8\nid: other\n# comment\n' > spec
run 0 -k -f krl -s ca.pub -z 3 -C 'of today' spec c.pub
out_is 'Revoking from spec\nRevoking from c.pub\n'
[ "$(stat -c %a krl)" = 644 ] || bad "mode $(stat -c %a krl)"
run 0 -Q -l -f krl
sed -i 's/^# Generated at .*/# Generated/; s/SHA256:[A-Za-z0-9+/]*/FP/' out
out_is '# KRL version 3\n# Generated\n# Comment: of today\n\nhash: FP # ecdsa-sha2-nistp256\n
# CA key ssh-ed25519 FP\nserial: 1-6\nserial: 8\nid: other\n'
run 0 -Q -f krl a.pub b.pub u-cert.pub
out_is 'a.pub (of a): ok\nb.pub (of b): ok\nu-cert.pub (of a): ok\n'
run 1 -Q -f krl a.pub c.pub c
out_is 'a.pub (of a): ok\nc.pub (of c): REVOKED\nc (of c): REVOKED\n'
check 'a list of serials, ids and keys'

run 0 -q -k -u -f krl u-cert.pub v-cert.pub
run 1 -Q -f krl u-cert.pub v-cert.pub a.pub
out_is 'u-cert.pub (of a): REVOKED\nv-cert.pub (of a): REVOKED\na.pub (of a): ok\n'
run 0 -Q -l -f krl
out_has '# KRL version 3'
out_has 'serial: 1-8'
out_has 'id: no serial'
run 0 -q -k -u -f krl -z 4 a.pub
run 1 -Q -f krl u-cert.pub a.pub b.pub
out_is 'u-cert.pub (of a): REVOKED\na.pub (of a): REVOKED\nb.pub (of b): ok\n'
check 's48: a list that is updated revokes more, nothing less'

for kind in key sha1 sha256; do
    sed "s/^/$kind: /" ca.pub > by
    run 0 -q -k -f krl2 by
    run 1 -Q -f krl2 ca.pub u-cert.pub a.pub
    out_is 'ca.pub (of ca): REVOKED\nu-cert.pub (of a): REVOKED\na.pub (of a): ok\n'
done
"$keygen" -lf b.pub | awk '{ print "hash: " $2 }' > by
run 0 -q -k -f krl2 by
run 1 -Q -f krl2 b.pub ca.pub
out_is 'b.pub (of b): REVOKED\nca.pub (of ca): ok\n'
check 's48: keys and authorities by themselves and by hash'

run 255 -k -f new spec
err_has 'requires specification of a CA key'
for line in 'serial: 0' 'serial: 5-' 'serial: 9-5' 'serial: -1' bogus 'hash: SHA256:xx' 'key: xx'; do
    echo "$line" > by
    run 255 -q -k -f new -s ca.pub by
    err_has 'by:1: '
done
run 255 -k -f new nothere
run 255 -k -u -f new a.pub
err_has 'KRL "new" does not exist'
run 255 -k a.pub
run 255 -Q a.pub
run 255 -k -f no/such/directory a.pub
[ ! -e new ] || bad 'a list was written'
check 'specifications that are refused write nothing'

cp krl before
for damage in 's/SSHKRL/SSHKRM/' 's/$/x/'; do
    sed "$damage" before > krl
    run 255 -Q -f krl b.pub
    err_has 'Invalid KRL file krl'
    cp krl damaged
    run 255 -q -k -u -f krl b.pub
    cmp -s krl damaged || bad 'a damaged list was written over'
done
head -c 30 before > krl
run 255 -Q -l -f krl
run 255 -Q -f msg b.pub
run 255 -Q -f nothere b.pub
check 's47: a damaged list answers for no key'

# ---- Signatures --------------------------------------------------------------------------------

one=$(cut -d' ' -f1,2 a.pub)
authority=$(cut -d' ' -f1,2 ca.pub)
printf 'bob@x,al* namespaces="git,file" %s\n' "$one" > signers
"$keygen" -lf a.pub | awk '{ print $2 }' > fp

cp msg m1
run 0 -Y sign -f a -n file m1
[ "$(cat err)" = 'Signing file m1
Write signature to m1.sig' ] || bad "$(cat err)"
[ "$(stat -c %a m1.sig)" = 644 ] || bad "mode $(stat -c %a m1.sig)"
[ "$(head -n 1 m1.sig)$(tail -n 1 m1.sig)" = '-----BEGIN SSH SIGNATURE----------END SSH SIGNATURE-----' ] || bad "$(cat m1.sig)"
run 0 -Y verify -f signers -I bob@x -n file -s m1.sig
out_is "Good \"file\" signature for bob@x with ED25519 key $(cat fp)\n"
run 0 -Y check-novalidate -n file -s m1.sig -O print-pubkey
out_is "Good \"file\" signature with ED25519 key $(cat fp)\n$one\n"
run 0 -Y find-principals -f signers -s m1.sig
out_is 'bob@x\nal*\n'
run 0 -Y match-principals -f signers -I alfred
out_is 'bob@x,al*\n'
run 0 -q -Y verify -f signers -I bob@x -n file -s m1.sig
out_is ''
check 'a file signed and verified'

for key in b c c.pub u-cert.pub; do
    for hash in sha256 sha512; do
        cp a u
        run 0 -q -Y sign -f $key -n git -O hashalg=$hash
        mv out sig
        run 0 -Y check-novalidate -n git -s sig
    done
done
out_has 'with ED25519-CERT key '
check 'standard input, with keys of several types and a certificate'

run 255 -Y verify -f signers -I bob@x -n git -s m1.sig
out_is 'Could not verify signature.\n'
err_has 'namespace does not match'
run 0 -q -Y sign -f a -n other
mv out sig
run 255 -Y verify -f signers -I bob@x -n other -s sig
err_has 'signers:1: key is not permitted for use in signature namespace "other"'
run 255 -Y verify -f signers -I eve@x -n file -s m1.sig
run 210 -Y match-principals -f signers -I eve@x
err_has 'No principal matched.'
run 255 -Y verify -f signers -I Bob@x -n file -s m1.sig
run 210 -Y match-principals -f signers -I Bob@x
run 246 -Y match-principals -f signers -I bob@x -O verify-time=20200101
err_has 'Invalid option "verify-time=20200101"'
echo changed > msg
run 255 -Y verify -f signers -I bob@x -n file -s m1.sig
err_has 'Signature verification failed: incorrect signature'
printf 'a message\n' > msg
run 255 -q -Y verify -f signers -I eve@x -n file -s m1.sig
out_is ''
check 'another namespace, signer or message'

for list in a.pub krl3 nothere spec; do
    [ $list != krl3 ] || "$keygen" -q -k -f krl3 a.pub
    run 255 -Y verify -f signers -I bob@x -n file -s m1.sig -r $list
    out_is 'Could not verify signature.\n'
done
run 0 -Y verify -f signers -I bob@x -n file -s m1.sig -r b.pub
check 's48: revoked, or not known not to be'

run 0 -q -Y sign -f u-cert.pub -n git
mv out sig
printf '*@x cert-authority,namespaces="git" %s\n' "$authority" > signers
run 0 -Y verify -f signers -I bob@x -n git -s sig
out_has 'Good "git" signature for bob@x with ED25519-CERT key '
run 255 -Y verify -f signers -I eve@x -n git -s sig
err_has 'certificate not authorized: is for another user'
run 0 -Y find-principals -f signers -s sig
out_is 'bob@x\nal@x\n'
printf '*@x %s\n' "$authority" > signers
run 255 -Y verify -f signers -I bob@x -n git -s sig
printf '*@x cert-authority %s\n' "$one" > signers
run 255 -Y verify -f signers -I bob@x -n git -s sig
check 's45: certificates of an authority, and of none'

printf 'bob@x valid-after="20200101Z",valid-before="20210101Z" %s\n' "$one" > signers
run 255 -Y verify -f signers -I bob@x -n file -s m1.sig
err_has 'signers:1: key has expired: verify time '
run 0 -Y verify -f signers -I bob@x -n file -s m1.sig -O verify-time=20200601
run 255 -Y verify -f signers -I bob@x -n file -s m1.sig -O verify-time=201912312359Z
err_has 'key is not yet valid: verify time 2019-12-31T23:59:00 < valid-after 2020-01-01T00:00:00'
for time in 2020 +1d always x; do
    run 255 -Y verify -f signers -I bob@x -n file -s m1.sig -O verify-time=$time
    err_has 'Invalid "verify-time" option'
done
check 'times of signers'

printf 'a bogus %s\nbob@x %s\nbob@x rubbish\n' "$one" "$one" > signers
run 0 -Y verify -f signers -I bob@x -n file -s m1.sig
run 255 -Y verify -f signers -I a -n file -s m1.sig
err_has 'signers:1: unknown key option'
printf 'bob@x rubbish\nbob@x %s\n' "$one" > signers
run 255 -Y verify -f signers -I bob@x -n file -s m1.sig
err_has 'signers:1: unknown key option'
check 'a damaged line ends the search for its principal'

mkfifo pipe
printf 'bob@x %s\n' "$one" > signers
for option in 'verify -I bob@x -n file -s m1.sig -f pipe' 'match-principals -I bob@x -f pipe'; do
    timeout 120 sh -c 'cat signers > pipe' &
    # shellcheck disable=SC2086 # several words
    run 0 -Y $option
    wait
done
timeout 120 sh -c 'cat m1.sig > pipe' &
run 0 -Y verify -I bob@x -n file -f signers -s pipe
wait
# shellcheck disable=SC2002 # a pipe
cat a.pub | timeout 120 "$keygen" -l -f /dev/fd/0 > out 2> err || bad "-l of a pipe: $(cat err)"
run 255 -Y verify -I bob@x -n file -f . -s m1.sig
err_has 'Is a directory'
check 'files that are pipes, as a shell makes them for <(...)'

run 1 -Y sign -f a
err_has 'Too few arguments for sign: missing namespace'
run 1 -Y sign -n file
run 1 -Y verify -f signers -I bob@x -n file
run 1 -Y bogus
err_has 'Unsupported operation for -Y: "bogus"'
run 255 -Y sign -f nothere -n file
run 255 -Y sign -f a -n file -O hashalg=sha1
run 255 -Y sign -f a -n file -O bogus
run 255 -Y sign -f a -n file nothere
err_has 'Cannot open nothere for signing'
run 255 -Y sign -U -f a -n file
err_has "Couldn't get agent socket"
mv b kept
run 255 -Y sign -f b.pub -n file
err_has 'No private key found for public key "b.pub"'
cp c b
run 255 -Y sign -f b.pub -n file
err_has "Public key b.pub doesn't match private b"
mv kept b
check 'signing that cannot be'

# ---- Keys that an agent holds ------------------------------------------------------------------

programs=$(dirname "$keygen")
if [ -x "$programs/nacre-agent" ] && [ -x "$programs/nacre-add" ]; then
    timeout 120 "$programs/nacre-agent" -D -a "$work/socket" > agent.log 2>&1 &
    agent=$!
    tries=0
    while [ ! -S socket ] && [ $tries -lt 1200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    export SSH_AUTH_SOCK="$work/socket"
    "$programs/nacre-add" -q a c > out 2>&1 || bad "$(cat out)"
    mkdir away
    mv a c away
    for key in a.pub c.pub u-cert.pub; do
        run 0 -q -Y sign -U -f $key -n git
        mv out sig
        run 0 -Y check-novalidate -n git -s sig
    done
    out_has 'with ED25519-CERT key '
    run 255 -q -Y sign -U -f b.pub -n git
    err_has "Couldn't find key in agent"
    run 0 -q -Y sign -f b.pub -n git # it has a file
    mv away/a away/c .
    kill $agent
    wait $agent 2> /dev/null
    unset SSH_AUTH_SOCK
    check 'signatures by an agent'
else
    echo 'ok - keygen: signatures by an agent # SKIP nacre-agent and nacre-add are not built'
fi

# ---- What fails on the way ---------------------------------------------------------------------

"$keygen" -q -Y sign -f a -n file < msg > /dev/full 2> err && bad 'a full disk was not noticed'
err_has 'standard output: write failed'
mkdir full
cp msg full/m
(
    ulimit -f 0
    trap '' XFSZ
    timeout 120 "$keygen" -Y sign -f a -n file full/m
) > out 2>&1 && bad 'a signature that cannot be written'
(
    ulimit -f 0
    trap '' XFSZ
    timeout 120 "$keygen" -q -k -f full/krl a.pub
) >> out 2>&1 && bad 'a list that cannot be written'
[ "$(ls full)" = m ] || bad "left behind: $(ls full): $(cat out)"
check 'output that cannot be written'

# a program with sanitizers takes more than that at once
limit() {
    # shellcheck disable=SC3045 # dash and bash have -v
    grep -qa __asan_init "$keygen" || ulimit -v 65536
}
head -c 80000000 /dev/zero | (
    limit
    timeout 120 "$keygen" -q -Y sign -f a -n file
) > big.sig || bad 'no signature'
head -c 80000000 /dev/zero | timeout 120 "$keygen" -q -Y check-novalidate -n file -s big.sig || bad 'not verified'
timeout 120 "$keygen" -q -Y sign -f a -n file < . > out 2> err && bad 'a directory was signed'
err_has 'Signing (stdin) failed: Is a directory'
check 'input is streamed, and read errors are told'

# ---- Fingerprints and records ------------------------------------------------------------------

printf 'no-pty,command="a \\"b\\" c" %s me\n# x\n\n%s\n' "$one" "$authority" > several
run 0 -l -f several
[ "$(wc -l < out)" -eq 2 ] || bad "$(cat out)"
out_has "256 $(cat fp) me (ED25519)"
run 0 -l -f u-cert.pub
out_is "256 $(cat fp) of a (ED25519-CERT)\n"
run 0 -lv -E md5 -f a
grep -q '^256 MD5:\([0-9a-f][0-9a-f]:\)\{15\}[0-9a-f][0-9a-f] of a (ED25519)$' out || bad "$(cat out)"
out_has '+------[MD5]------+'
[ "$(wc -l < out)" -eq 12 ] || bad "$(cat out)"
run 0 -B -f a.pub
grep -q '^256 x[a-z]\{4\}\(-[a-z]\{5\}\)\{9\}-[a-z]\{4\}x of a (ED25519)$' out || bad "$(cat out)"
"$keygen" -q -t rsa -b 2048 -m PEM -N 'a word' -C 'in PEM' -f pem
run 0 -l -f pem # the public half beside it tells
out_has ' in PEM (RSA)'
rm pem.pub
run 255 -l -f pem
run 255 -l -E md4 -f a
run 255 -l -f msg
cp a.pub msg
run 0 -l -f -
out_is "256 $(cat fp) of a (ED25519)\n"
check 'fingerprints of each file, in each form'

run 0 -r host.example -f a
grep -q '^host.example IN SSHFP 4 1 [0-9a-f]\{40\}$' out || bad "$(cat out)"
grep -q '^host.example IN SSHFP 4 2 [0-9a-f]\{64\}$' out || bad "$(cat out)"
run 0 -r host.example -g -O hashalg=sha256 -f c.pub
grep -q '^host.example IN TYPE44 .# 34 03 02 [0-9a-f]\{64\}$' out || bad "$(cat out)"
[ "$(wc -l < out)" -eq 1 ] || bad "$(cat out)"
run 0 -r host.example -f u-cert.pub
out_is ''
run 255 -r 'host example' -f a
run 255 -r host -f nothere
run 255 -r host -f a -O bogus
check 'SSHFP records'

exit $failed
