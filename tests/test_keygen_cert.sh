#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-keygen's certificates and host keys run for real: -s, -L and -A, their output, files, modes and
# exit status. Needs no other program; beside ssh-keygen it stands in tests/interop/peer_certs.sh. Prints
# TAP lines. BUILD says where the program is.
set -u
export LC_ALL=C TZ=UTC0

unset SSH_AUTH_SOCK

suite=keygen
. "$(dirname "$0")/keygen_lib.sh"

err_is() {
    printf "$1" > want
    cmp -s want err || bad "stderr is: $(cat err)"
}
# shows LINES...: the certificate k-cert.pub has these lines
shows() {
    "$keygen" -L -f k-cert.pub > shown 2> err || bad "-L: $(cat err)"
    for line in "$@"; do
        grep -qx -- " *$line" shown || bad "-L lacks '$line': $(cat shown)"
    done
}
# refused MESSAGE ARGUMENTS: nothing is signed
refused() {
    message=$1
    shift
    rm -f k-cert.pub
    run 255 -s ca -I id -n user "$@" k.pub
    err_is "$message\n"
    [ -e k-cert.pub ] && bad "$*: signed"
}

run 0 -q -t ed25519 -N '' -f ca -C ca
run 0 -q -t ed25519 -N '' -f k -C 'a comment'
run 0 -q -t ecdsa -N 'a word' -f locked -C locked
ca_print=$("$keygen" -l -f ca.pub | cut -d' ' -f2)
k_print=$("$keygen" -l -f k.pub | cut -d' ' -f2)

# ---- What is written and said ------------------------------------------------------------------

run 0 -s ca -I 'key one' -n alice,bob -z 7 k.pub
out_is ''
err_is 'Signed user key k-cert.pub: id "key one" serial 7 for alice,bob valid forever\n'
mode_is 644 k-cert.pub
grep -q '^ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQt[A-Za-z0-9+/=]* a comment$' k-cert.pub ||
    bad "$(cat k-cert.pub)"
[ "$(wc -l < k-cert.pub)" -eq 1 ] || bad 'not one line'
run 0 -L -f k-cert.pub
cat > want << END
k-cert.pub:
        Type: ssh-ed25519-cert-v01@openssh.com user certificate
        Public key: ED25519-CERT $k_print
        Signing CA: ED25519 $ca_print (using ssh-ed25519)
        Key ID: "key one"
        Serial: 7
        Valid: forever
        Principals: 
                alice
                bob
        Critical Options: (none)
        Extensions: 
                permit-X11-forwarding
                permit-agent-forwarding
                permit-port-forwarding
                permit-pty
                permit-user-rc
END
cmp -s want out || bad "-L: $(cat out)"
sed 1d want > rest
timeout 120 "$keygen" -L -f - < k-cert.pub > out 2>&1
printf '(stdin):1:\n' | cat - rest > want
cmp -s want out || bad "-L -f -: $(cat out)"
check 'a certificate is issued and shown'

run 0 -q -s ca -I h -h -n 'host.example,*.example' -V 20200101:20300101123000Z k.pub
err_is ''
shows 'Type: ssh-ed25519-cert-v01@openssh.com host certificate' \
    'Valid: from 2020-01-01T00:00:00 to 2030-01-01T12:30:00' 'host.example' '\*.example' \
    'Critical Options: (none)' 'Extensions: (none)'
(umask 077 && "$keygen" -q -s ca -I id -n user k.pub) # what is there is replaced
mode_is 600 k-cert.pub
check 'a certificate of a host'

run 0 -s ca -I id k.pub
err_is 'Warning: certificate will contain no principals (-n)\nSigned user key k-cert.pub: id "id" serial 0 valid forever\n'
shows 'Principals: (none)'
check 's45: a certificate for nobody is warned of'

# ---- Options -----------------------------------------------------------------------------------

run 0 -q -s ca -I id -n user -O clear -O verify-required -O source-address=192.0.2.0/24,198.51.100.7 -O force-command='echo a b' \
    -O extension:z@example=value -O extension:a@example -O critical:new@example -O permit-pty -O no-touch-required k.pub
shows 'force-command echo a b' 'source-address 192.0.2.0/24,198.51.100.7' 'verify-required' 'new@example UNKNOWN FLAG OPTION' \
    'a@example UNKNOWN FLAG OPTION' 'z@example UNKNOWN OPTION: 0000000576616c7565 (len 9)' permit-pty no-touch-required
sed -n '/Critical/,$p' shown | sed '/:/d; s/ *\([^ ]*\).*/\1/' | tr '\n' ' ' > order
[ "$(cat order)" = 'force-command new@example source-address verify-required a@example no-touch-required permit-pty ' ] ||
    bad "order: $(cat order)"
run 0 -q -s ca -I id -n user -O no-pty -O NO-X11-forwarding k.pub
shows permit-agent-forwarding permit-port-forwarding permit-user-rc
grep -q 'pty\|X11' shown && bad "$(cat shown)"
check 'certkeys: options in order'

refused 'Unsupported certificate option "foo"' -O foo
refused 'Empty force-command option' -O force-command=
refused 'force-command already specified' -O force-command=a -O force-command=b
refused 'Invalid source-address list' -O source-address=192.0.2.1/24
refused 'Invalid source-address list' -O 'source-address=192.0.2.*'
refused 'Certificate option "a@example" stands twice' -O extension:a@example -O extension:a@example=1
refused 'Certificate option "permit-pty" stands twice' -O extension:permit-pty
run 0 -q -s ca -I id -n user -O extension:a@example -O critical:a@example k.pub
check 'certkeys: options once each'

many=
i=0
while [ $i -lt 257 ]; do
    many=$many,u$i
    i=$((i + 1))
done
run 255 -s ca -I id -n "${many#,}" k.pub
err_is 'Too many certificate principals specified\n'
run 0 -q -s ca -I id -n "${many#,u0,}" k.pub
run 255 -s ca -I id -n user -V +0 -V always:0x0 k.pub
set --
i=0
while [ $i -lt 65 ]; do
    set -- "$@" -O "extension:e$i@example"
    i=$((i + 1))
done
run 255 -s ca -I id -n user "$@" k.pub
err_has "Couldn't certify key k.pub: "
run 255 -s ca -I "$(head -c 1025 /dev/zero | tr '\0' i)" -n user k.pub
err_has "Couldn't certify key k.pub: "
check 's45: limits of a certificate'

# ---- Validity ----------------------------------------------------------------------------------

for case in always:forever=forever 0x1:0x3c='from 1970-01-01T00:00:01 to 1970-01-01T00:01:00' \
    always:20240229='before 2024-02-29T00:00:00' 202402291234:forever='after 2024-02-29T12:34:00' \
    20000301000000Z:20240229235959utc='from 2000-03-01T00:00:00 to 2024-02-29T23:59:59' \
    19700101Z:99991231='before 9999-12-31T00:00:00'; do
    run 0 -q -s ca -I id -n user -V "${case%%=*}" k.pub
    shows "Valid: ${case#*=}"
done
TZ=IST-5:30 "$keygen" -q -s ca -I id -n user -V 20240101:20240101Z k.pub 2> err || bad "$(cat err)"
shows 'Valid: from 2023-12-31T18:30:00 to 2024-01-01T00:00:00'
now=$(date +%s)
run 0 -q -s ca -I id -n user -V +1w2d3h4m5s k.pub
"$keygen" -L -f k-cert.pub | sed -n 's/T\([0-9:]*\)/ \1/g; s/.*from \(.*\) to \(.*\)/\1\n\2/p' > times
from=$(date -d "$(sed -n 1p times)" +%s) to=$(date -d "$(sed -n 2p times)" +%s)
[ $((from % 60)) -eq 0 ] && [ $((now - from)) -ge 0 ] && [ $((now - from)) -le 120 ] || bad "from $from at $now"
[ $((to - now - 788645)) -ge 0 ] && [ $((to - now - 788645)) -le 20 ] || bad "to $to at $now"
for case in '+1x=Invalid relative certificate life +1x' '+=Invalid relative certificate life +' \
    'a=Invalid certificate life specification a' ':1=Invalid certificate life specification :1' \
    '+1:-1=Empty certificate validity interval' 'x:y=Invalid from time "x"' 'always:y=Invalid to time "y"' \
    '20240230:forever=Invalid from time "20240230"' '20230229:forever=Invalid from time "20230229"' \
    '202401012460:forever=Invalid from time "202401012460"' 'always:always=Invalid to time "always"' \
    '-1x:forever=Invalid relative certificate time -1x' '0x:forever=Invalid certificate time: not a number' \
    '0x-1:forever=Invalid certificate time: not a number' \
    '-2147483648:forever=Invalid relative certificate time -2147483648' \
    'always:0x10000000000000000=Invalid certificate time: Numerical result out of range'; do
    refused "${case#*=}" -V "${case%%=*}"
done
check 'validity in every form'

# ---- Keys --------------------------------------------------------------------------------------

run 0 -q -t ecdsa -N '' -f k2 -C ''
run 0 -s ca -I id -n user -z +9 -q k.pub k2.pub locked
for pair in k:9 k2:10 locked:11; do
    "$keygen" -L -f "${pair%:*}-cert.pub" | grep -q "Serial: ${pair#*:}$" || bad "$pair"
done
grep -q ' locked$' locked-cert.pub || bad "$(cat locked-cert.pub)"
rm -f k2-cert.pub
run 255 -s ca -I id -n user k.pub none k2.pub
err_has 'load pubkey "none": No such file or directory'
[ -e k2-cert.pub ] && bad 'signed after an error'
run 255 -s ca -I id -n user k-cert.pub
err_has 'key "k-cert.pub" type ED25519-CERT cannot be certified'
check 'several keys, serials that count'

run 0 -s locked -P 'a word' -I id -n user k.pub
shows 'Signing CA: ECDSA .* (using ecdsa-sha2-nistp256)'
run 255 -s locked -P wrong -I id -n user k.pub
err_is 'Load key "locked": incorrect passphrase supplied to decrypt private key\n'
if command -v setsid > /dev/null; then
    printf 'a word\n' | setsid -w "$keygen" -s locked -I id -n user k.pub > out 2>&1 || bad "$(cat out)"
    grep -q '^Enter passphrase for "locked": Signed user key' out || bad "$(cat out)"
fi
run 0 -q -t rsa -b 2048 -N '' -f rsa -C rsa
for alg in rsa-sha2-256 rsa-sha2-512; do
    run 0 -q -s rsa -t $alg -I id -n user k.pub
    shows "Signing CA: RSA .* (using $alg)"
done
run 0 -q -s rsa -I id -n user k.pub
shows 'Signing CA: RSA .* (using rsa-sha2-512)'
run 255 -s rsa -t ssh-rsa -I id -n user k.pub
run 255 -s rsa -t ssh-ed25519 -I id -n user k.pub
err_is "CA key type ssh-rsa doesn't match specified ssh-ed25519\n"
run 255 -s none -I id -n user k.pub
err_is 'Load key "none": No such file or directory\n'
run 255 -s ca.pub -I id -n user k.pub
err_has 'Load key "ca.pub": bad permissions'
run 255 -U -s ca.pub -I id -n user k.pub
err_is 'Cannot use public key for CA signature: agent not present\n'
run 255 -U -s none -I id -n user k.pub
err_is 'Cannot load CA public key none: No such file or directory\n'
run 255 -s ca -n user k.pub
err_is 'Must specify key id (-I) when certifying\n'
run 1 -s ca -I id
err_has 'Too few arguments.'
check 'the key of an authority'

agent=$(dirname "$keygen")/nacre-agent
add=$(dirname "$keygen")/nacre-add
if [ -x "$agent" ] && [ -x "$add" ]; then
    run 0 -q -t ed25519 -N '' -C '' -f held
    run 0 -q -s held -I of-itself -n a held.pub
    timeout 60 "$agent" sh -c '"$1" -q held && "$2" -q -U -s held.pub -I id -n a k.pub &&
        { "$2" -U -s held-cert.pub -I id -n a k.pub; [ $? -eq 255 ]; }' - "$add" "$keygen" > out 2> err ||
        bad "$(cat out err)"
    err_is 'Cannot sign with held-cert.pub: invalid certificate signing key\n'
    check 'a certificate in the agent is no authority'
else
    echo "ok - $suite: a certificate in the agent is no authority # SKIP nacre-agent or nacre-add is not built"
fi

mkdir d d/k-cert.pub
cp k.pub d/
run 255 -s ca -I id -n user d/k.pub
err_has 'Unable to save public key to d/k-cert.pub: '
[ -z "$(ls d/k-cert.pub)" ] && [ "$(ls d | wc -l)" -eq 2 ] || bad "left behind: $(ls d d/k-cert.pub)"
ln -s /dev/full d/full.pub
run 255 -s ca -I id -n user d/full.pub
err_has 'load pubkey "d/full.pub": '
"$keygen" -L -f k-cert.pub > /dev/full 2> err && bad 'a full device goes unnoticed'
err_has 'write failed'
check 's57: files that cannot be read or written'

# ---- -L ----------------------------------------------------------------------------------------

{
    cat k-cert.pub k.pub
    printf '\n# comment\n\t '
    cat locked-cert.pub
    echo 'ssh-ed25519-cert-v01@openssh.com AAAA'
    echo no key
    head -c 100 k-cert.pub
} > lines
run 0 -L -f lines
[ "$(grep -c '^lines:$' out)$(grep -c '^lines:5:$' out)$(grep -c Type: out)" = 112 ] || bad "$(cat out)"
err_has 'lines:2 is not a certificate'
err_has 'lines:6: invalid key: '
err_has 'lines:7: invalid key: '
err_has 'lines:8: invalid key: '
run 1 -L -f k.pub
err_is 'k.pub:1 is not a certificate\n'
run 255 -L -f none
err_is 'nacre-keygen: none: No such file or directory\n'
: > empty
run 1 -L -f empty
run 255 -L -f .
check 's57: lines that hold no certificate'

for at in 60 200 300 -8; do # a bit of the nonce, of the fields, of the signature
    "$keygen" -q -s ca -I id -n user k.pub
    cut -d' ' -f2 k-cert.pub | base64 -d > raw
    size=$(wc -c < raw)
    [ "$at" -gt 0 ] || at=$((size + at))
    byte=$(od -An -tu1 -j "$at" -N 1 raw | tr -d ' ')
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of=raw bs=1 seek="$at" conv=notrunc 2> /dev/null
    printf '%s %s\n' "$(cut -d' ' -f1 k-cert.pub)" "$(base64 -w 0 raw)" > flipped
    run 1 -L -f flipped
    out_is ''
    err_has 'flipped:1: invalid key: '
done
check 's47: a certificate that nobody signed is not shown'

esc=$(printf '\033')
run 0 -q -s ca -I "$(printf 'id \033]2;title\007')" -n "$(printf 'a\033b')" -O "$(printf 'force-command=c\033d')" \
    -O "$(printf 'extension:e\033f')" k.pub
run 0 -L -f k-cert.pub
grep -q "$esc" out && bad 'an escape sequence is printed'
grep -qF 'Key ID: "id \033]2;title\007"' out || bad "$(cat out)"
check 's52: texts of a certificate are escaped'

# ---- Memory ------------------------------------------------------------------------------------

# within KIB COMMAND...: with so much address space
within() {
    # shellcheck disable=SC3045
    (ulimit -v "$1" && shift && exec "$@") < /dev/null > out 2> err
}
i=0
while [ $i -lt 300 ]; do
    cat k-cert.pub
    i=$((i + 1))
done > large
least=2500 # what it takes to run at all
while [ $least -lt 20000 ]; do
    within $least "$keygen" -s ca -I id
    [ $? -eq 1 ] && break
    least=$((least + 100))
done 2> /dev/null
if [ $least -lt 20000 ]; then
    refused=0
    kib=$least
    while [ $kib -lt $((least + 3000)) ]; do
        within $kib "$keygen" -L -f large
        case $? in
        0) [ "$(wc -l < out)" -gt 3000 ] || bad "$kib KiB: $(wc -l < out) lines" ;;
        255) grep -q 'memory' err && refused=1 || bad "$kib KiB: $(cat err)" ;;
        *) bad "$kib KiB: -L: $(cat err)" ;;
        esac
        kib=$((kib + 60))
    done
    [ $refused = 1 ] || bad 'memory never ran out'
    check 'memory that runs out'
else
    echo 'ok - keygen: memory that runs out # SKIP it cannot be limited here'
fi

# ---- -A ----------------------------------------------------------------------------------------

mkdir -p root/etc/ssh
run 0 -A -f root
out_is 'nacre-keygen: generating new host keys: RSA ECDSA ED25519 MLDSA44-ED25519 \n'
err_is ''
[ "$(ls root/etc/ssh | wc -l)" -eq 8 ] || bad "$(ls root/etc/ssh)"
for type in rsa ecdsa ed25519 mldsa44_ed25519; do
    mode_is 600 "root/etc/ssh/ssh_host_${type}_key"
    mode_is 644 "root/etc/ssh/ssh_host_${type}_key.pub"
    "$keygen" -y -P '' -f "root/etc/ssh/ssh_host_${type}_key" | cmp -s - "root/etc/ssh/ssh_host_${type}_key.pub" || bad "$type"
done
grep -q "@" root/etc/ssh/ssh_host_ed25519_key.pub || bad 'no comment'
cp -r root/etc/ssh before
run 0 -A -f root
out_is ''
diff -r before root/etc/ssh || bad 'keys that were there are changed'
: > root/etc/ssh/ssh_host_ed25519_key
rm root/etc/ssh/ssh_host_ecdsa_key
run 0 -q -A -N passphrase -f root
out_is 'nacre-keygen: generating new host keys: ECDSA ED25519 \n'
cmp -s before/ssh_host_rsa_key root/etc/ssh/ssh_host_rsa_key || bad 'rsa changed'
"$keygen" -y -P '' -f root/etc/ssh/ssh_host_ed25519_key > out 2>&1 || bad "a host key with passphrase: $(cat out)"
run 0 -A -f nowhere
err_has 'Saving key "nowhere/etc/ssh/ssh_host_ed25519_key" failed: No such file or directory'
check 'host keys of every type'

exit $failed
