#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-keygen run for real: output, prompts, modes and exit status; where ssh-keygen is installed, against
# it: keys of each read by the other, known_hosts answers equal. Prints TAP lines. BUILD says where the
# program is.
set -u
export LC_ALL=C

suite=keygen
. "$(dirname "$0")/keygen_lib.sh"

# ---- Making keys -------------------------------------------------------------------------------

run 0 -q -t ed25519 -N '' -f a -C 'a comment'
out_is ''
[ -s err ] && bad "stderr: $(cat err)"
mode_is 600 a
mode_is 644 a.pub
grep -q '^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI.* a comment$' a.pub || bad "a.pub: $(cat a.pub)"
[ "$(wc -l < a.pub)" -eq 1 ] || bad 'a.pub has not one line'
[ "$(ls | grep -c '^a')" -eq 2 ] || bad "left behind: $(ls)"
check 'a quiet key pair'

for mask in 000 077 177; do
    (umask $mask && "$keygen" -q -t ed25519 -N '' -f "m$mask")
    mode_is 600 "m$mask"
done
mode_is 644 m000.pub
sed -n p m077.pub > /dev/null && mode_is 600 m077.pub
check 's70: modes under each umask'

run 0 -t ed25519 -N '' -f b
sed -e 's/^SHA256:[A-Za-z0-9+/]*  *.*@.*/FP/' -e 's/^|.................|$/ART/' out > shape
cat > want << END
Generating public/private ed25519 key pair.
Your identification has been saved in b
Your public key has been saved in b.pub
The key fingerprint is:
FP
The key's randomart image is:
+--[ED25519 256]--+
ART
ART
ART
ART
ART
ART
ART
ART
ART
+----[SHA256]-----+
END
cmp -s want shape || bad "$(cat out)"
check 'what is told of a new key'

cp b before
run 1 -t ed25519 -N '' -f b
out_is 'Generating public/private ed25519 key pair.\nb already exists.\nOverwrite (y/n)? '
for answer in n no Ny '' ye; do
    printf '%s\n' "$answer" | "$keygen" -t ed25519 -N '' -f b > out 2>&1
    status=$?
    case $answer in
    y*) [ $status -eq 0 ] || bad "'$answer': status $status" ;;
    *) [ $status -eq 1 ] && cmp -s b before || bad "'$answer' wrote" ;;
    esac
done
cmp -s b before && bad "'ye' did not write"
check 'a file is written over only when asked'

printf 'c\n' | "$keygen" -t ed25519 -N '' > out 2>&1 || bad "$(cat out)"
grep -q '^Enter file in which to save the key (.*/\.ssh/id_ed25519): ' out || bad "$(cat out)"
[ -f c ] && [ -f c.pub ] || bad 'no file c'
check 'the file is asked for'

if command -v setsid > /dev/null; then
    printf '\n\n' | setsid -w "$keygen" -t ed25519 -f d > out 2>&1 || bad "$(cat out)"
    grep -q 'Enter passphrase for "d" (empty for no passphrase): Enter same passphrase again: ' out ||
        bad "$(cat out)"
    printf 'x\ny\n' | setsid -w "$keygen" -t ed25519 -f e > out 2>&1 && bad 'different ones taken'
    grep -q 'Passphrases do not match.  Try again.' out || bad "$(cat out)"
    [ -e e ] && bad 'a file e was made'
    printf 'x\nx\n' | setsid -w "$keygen" -t ed25519 -f e > out 2>&1 || bad "$(cat out)"
    printf 'x\n' | setsid -w "$keygen" -y -f e > out 2>&1 || bad "$(cat out)"
    grep -q 'Enter passphrase for "e": ssh-ed25519 ' out || bad "$(cat out)"
    printf 'y\n' | setsid -w "$keygen" -y -f e > out 2>&1 && bad 'a wrong passphrase taken'
    grep -q 'incorrect passphrase supplied' out || bad "$(cat out)"
    rm -f e e.pub
    check 'the passphrase is asked for'
else
    echo 'ok - keygen: the passphrase is asked for # SKIP setsid is missing'
fi

run 255 -q -t ed25519 -N secret -Z rot13 -f e
err_has "Invalid OpenSSH-format cipher 'rot13'"
run 255 -t ed25519 -a 100000000 -N secret -f e
err_has 'Invalid number: 100000000 (too large)'
[ -e e ] && bad 'a file e was made'
run 255 -t dsa -N '' -f e
err_has 'unknown key type dsa'
run 255 -t ed25519-sk -N '' -f e
err_has 'needs a security key'
run 255 -t ecdsa -b 255 -N '' -f e
err_has 'valid lengths are 256, 384 or 521'
run 255 -t rsa -b 1024 -N '' -f e
err_has 'minimum is 2048'
run 255 -t foo -N '' -f e
err_has 'unknown key type foo'
run 255 -t ed25519 -b x -N '' -f e
err_has 'Bits has bad value x (invalid)'
run 0 -q -t ed25519 -b 4096 -N '' -f e
run 1 -t ed25519 -N '' -f none/e
err_has 'Saving key "none/e" failed: No such file or directory'
run 1 -q -t ed25519 -N '' -f f -C 'two
lines'
err_has 'control characters'
[ -e f ] && bad 'a file f was made'
check 'keys that cannot be made are refused by name'

for option in d G j J S T W x X 9; do
    run 1 -$option x
    err_has "option -$option is not supported"
    err_has 'usage: nacre-keygen'
done
for option in 'D x' K 'M generate' 'w x'; do
    run 1 -$option
    err_has "option -${option%% *} is not supported: "
    err_has 'usage: nacre-keygen'
done
for option in a b C D E F f I M m N n O P R r s t V w Y Z z; do
    run 1 -$option
    err_has "option -$option needs an argument"
done
run 1 -q extra
err_has 'Too many arguments.'
run 1 -l extra -f a
err_has 'Too many arguments.'
run 1 -s a
err_has 'Too few arguments.'
run 1 -p -c -f a
err_has 'Can only have one of -p and -c.'
run 255 -l -E foo -f a
err_has 'Invalid hash algorithm "foo"'
run 255 -a 0
err_has 'Invalid number: 0 (too small)'
run 255 -a 99999999999
err_has 'Invalid number: 99999999999 (too large)'
run 255 -m foo
err_has 'Unsupported conversion format "foo"'
for serial in x + 1x -1 18446744073709551616; do
    run 255 -z $serial
    err_has "Invalid serial number \"${serial#+}\""
done
check 'every other option is refused by name'

# ---- Reading keys ------------------------------------------------------------------------------

run 0 -y -f a
cmp -s out a.pub || bad "-y: $(cat out)"
cp a lone
chmod 600 lone
run 0 -l -f lone
grep -q '^256 SHA256:[A-Za-z0-9+/]\{43\} a comment (ED25519)$' out || bad "-l: $(cat out)"
cp out lone_l
run 0 -l -f a.pub
cmp -s out lone_l || bad "-l of a.pub: $(cat out)"
timeout 120 "$keygen" -l -f - < a.pub > out 2> err || bad "-l -f -: $(cat err)"
cmp -s out lone_l || bad "-l -f -: $(cat out)"
run 0 -lv -f a
[ "$(wc -l < out)" -eq 12 ] || bad "-lv: $(cat out)"
run 0 -l -E sha512 -f a
grep -q '^256 SHA512:[A-Za-z0-9+/]\{86\} a comment (ED25519)$' out || bad "sha512: $(cat out)"
{
    echo '# comment'
    echo
    sed 's/^/restrict,command="a b" /' a.pub
    sed 's/^/host,other /; s/ a comment//' b.pub
    sed 's/^/@revoked host /' b.pub
    echo 'ssh-ed25519 AAAA'
} > many
run 0 -l -f many
[ "$(wc -l < out)" -eq 3 ] || bad "many: $(cat out)"
check 'public halves and fingerprints'

run 0 -c -f lone -C 'another one'
out_is "Old comment: a comment\nComment 'another one' applied\n"
mode_is 600 lone
grep -q 'another one$' lone.pub || bad "$(cat lone.pub)"
run 0 -y -f lone
cmp -s out lone.pub || bad "$(cat out)"
run 0 -c -f lone -C 'another one'
out_is 'Old comment: another one\nNo change to comment\n'
printf 'typed\n' | "$keygen" -c -f lone > out 2>&1 || bad "$(cat out)"
out_is "Old comment: another one\nNew comment: Comment 'typed' applied\n"
run 1 -c -f lone
run 0 -c -f lone -C ''
out_is 'Old comment: typed\nComment removed\n'
check 'comments are changed'

chmod 644 lone
run 255 -y -f lone
err_has "Permissions 0644 for 'lone' are too open"
run 255 -c -f lone -C x
err_has '"lone": bad permissions'
run 0 -l -f lone
chmod 600 lone
check 's70: a private key that others can read is refused'

run 255 -y -f missing
err_has 'missing: No such file or directory'
run 255 -l -f missing
err_has 'missing: No such file or directory'
mkfifo fifo
run 255 -l -f fifo
err_has 'fifo: not a regular file'
run 255 -y -f .
err_has 'Load key ".": Is a directory'
echo garbage > garbage
chmod 600 garbage
run 255 -y -f garbage
err_has 'Load key "garbage": no key file of a known format'
run 255 -l -f garbage
err_has 'garbage is not a public key file.'
: > empty
chmod 600 empty
run 255 -y -f empty
err_has 'Load key "empty": empty file'
chmod 600 a.pub
run 255 -y -f a.pub
err_has 'Load key "a.pub": public key: holds no private key'
head -c 200 a > cut
chmod 600 cut
run 255 -y -f cut
err_has 'Load key "cut": OpenSSH private key: damaged'
dd if=/dev/zero of=big bs=1 count=1 seek=100000000 2> dd.err || bad "$(cat dd.err)" # of 100 MB, sparse
run 255 -l -f big
err_has 'big: file too large'
[ "$(wc -l < err)" -eq 1 ] || bad "more than one line: $(cat err)"
check 's57: a file that is no key is named, and what it is'

# A comment that would be two lines, or move the cursor, in a file of another's making.
esc=$(printf '\033')
{
    sed 's/ a comment$//' a.pub | tr -d '\n'
    printf ' x%s]2;title\007\r\n' "$esc"
} > evil.pub
run 0 -l -f evil.pub
grep -q "$esc" out && bad 'an escape sequence is printed'
grep -qF 'x\033]2;title\007' out || bad "$(cat out)"
check 's53: comments are escaped'

# ---- Hosts -------------------------------------------------------------------------------------

ka=$(cut -d ' ' -f 1,2 a.pub)
kb=$(cut -d ' ' -f 1,2 b.pub)
cat > hosts << END
# a comment
host1,host2 $ka comment here
[host1]:2222 $kb
*.example.com,!bad.example.com $ka
@revoked host1 $kb

@cert-authority *.ca,host1 $ka
Host3 $kb
  192.0.2.1 $ka	tab
host1 $kb
END
cp hosts hosts.orig
run 0 -F host2 -f hosts
out_is "# Host host2 found: line 2 \nhost1,host2 $ka comment here\n"
run 0 -q -F host2 -f hosts
out_is "host1,host2 $ka comment here\n"
run 1 -F nowhere -f hosts
out_is ''
run 0 -lF '[host1]:2222' -f hosts
grep -q '^\[host1\]:2222 ED25519 SHA256:[A-Za-z0-9+/]\{43\}$' out || bad "$(cat out)"
run 255 -F host1 -f nohosts
err_has 'Cannot stat nohosts: No such file or directory'
run 255 -R host1 -f nohosts
err_has 'Cannot stat nohosts: No such file or directory'
run 1 -F 'a b' -f hosts
run 1 -F '' -f hosts
err_has 'host name: empty'
check 'hosts are found'

run 0 -R nowhere -f hosts
err_has 'Host nowhere not found in hosts'
cmp -s hosts hosts.orig || bad 'hosts changed'
run 0 -R host1 -f hosts
out_is '# Host host1 found: line 2\n# Host host1 found: line 10\nhosts updated.\nOriginal contents retained as hosts.old\n'
cmp -s hosts.old hosts.orig || bad 'hosts.old differs'
sed '2d;10d' hosts.orig | cmp -s - hosts || bad "$(cat hosts)"
chmod 600 hosts
ln -s hosts link
run 0 -R host3 -f link
[ -h link ] || bad 'the symbolic link is gone'
grep -q Host3 hosts && bad 'Host3 is left'
mode_is 600 hosts
check 'hosts are removed'

{
    echo 'broken line'
    cat hosts.orig
    head -c 9000 /dev/zero | tr '\0' x
    printf '\nhost1 %s' "$ka"
} > hosts
run 0 -F host1 -f hosts
err_has 'hosts:1: invalid line: not of the form'
err_has 'hosts:12: line too long, skipped'
grep -q 'found: line 13 ' out || bad "$(cat out)"
run 0 -R host1 -f hosts
err_has 'hosts:1: invalid line'
err_has 'hosts:12: line too long, kept'
sed '3d;11d;13d' hosts.old | cmp -s - hosts || bad "$(cut -c 1-80 hosts)"
check 's57: lines that cannot be read are named and kept'

# Of "host1" and "[host1]:2222" with a salt of blanks, by Python's hmac and base64.
hashed='|1|ICAgICAgICAgICAgICAgICAgICA=|CMpOF2GCASasM5QzkHIvBehhGto='
hashed2222='|1|ICAgICAgICAgICAgICAgICAgICA=|Bamxf3+unI1ZwHTSgRbzvs4k1m8='
{
    echo "$hashed2222 $kb"
    echo "$hashed $ka comment"
    echo "@revoked $hashed $kb"
    echo '|1|AAAA|AAAA ssh-ed25519 AAAA'
} > hosts
cp hosts hosts.hashed
run 0 -F HOST1 -f hosts
out_is "# Host HOST1 found: line 2 \\n$hashed $ka comment\\n# Host HOST1 found: line 3 REVOKED\\n@revoked $hashed $kb\\n"
err_has 'hosts:4: invalid line: bad hashed name'
run 0 -qF '[host1]:2222' -f hosts
out_is "$hashed2222 $kb\\n"
run 1 -F host2 -f hosts
run 0 -R host1 -f hosts
sed 2d hosts.hashed | cmp -s - hosts || bad "$(cat hosts)"
cmp -s hosts.old hosts.hashed || bad 'hosts.old differs'
check 'hashed names are found and removed'

sed '/^@cert/d' hosts.orig > hosts
printf 'last %s' "$ka" >> hosts
cp hosts hosts.clear
chmod 600 hosts
run 0 -H -f hosts
out_is 'hosts updated.\nOriginal contents retained as hosts.old\n'
err_has 'hosts:4: ignoring host name with wildcard: *.example.com,!bad.example.com'
err_has 'WARNING: hosts.old contains unhashed entries'
cmp -s hosts.old hosts.clear || bad 'hosts.old differs'
mode_is 600 hosts
grep -qi 'host[13],\|^host\|last' hosts && bad "a name is left: $(cat hosts)"
[ "$(grep -c '^|1|' hosts)" -eq 7 ] || bad "$(cat hosts)"
[ "$(cut -d ' ' -f 1 hosts | grep '^|1|' | sort -u | wc -l)" -eq 7 ] || bad 'salts repeat'
run 0 -qF host2 -f hosts
grep -q "^|1|[^ ]* $ka comment here$" out || bad "$(cat out)"
for host in host1 '[host1]:2222' host3 192.0.2.1 last x.example.com; do
    run 0 -F "$host" -f hosts
done
run 1 -F bad.example.com -f hosts
cp hosts hosts.once
run 0 -H -f hosts
cmp -s hosts hosts.once || bad 'hashed twice'
grep -q WARNING err && bad 'a warning of nothing'
check 'a file is hashed'

printf 'a %s\nbroken\n@foo b %s\n' "$ka" "$kb" > hosts
cp hosts hosts.broken
rm -f hosts.old
run 1 -H -f hosts
err_has 'hosts:2: invalid line'
err_has 'hosts:3: invalid line'
err_has 'Not replacing existing known_hosts file because of errors'
cmp -s hosts hosts.broken || bad 'a broken file was changed'
[ -e hosts.old ] && bad 'hosts.old was made'
run 255 -H -f nohosts
err_has 'Cannot stat nohosts: No such file or directory'
mkdir kept kept/hosts.old
cp hosts.orig kept/hosts
for job in -H '-R host1'; do
    run 255 $job -f kept/hosts
    err_has 'nacre-keygen: kept/hosts: '
    cmp -s hosts.orig kept/hosts || bad "$job changed the file without a copy of it"
done
run 1 -lF a -H -f hosts
err_has 'Cannot use -l with -H or -R.'
check 's57: a file with lines that cannot be read is not hashed'

printf 'a,b %s\n@revoked b %s\n*b %s\n' "$ka" "$ka" "$ka" > hosts
cp hosts hosts.clear
run 0 -HF b -f hosts
[ "$(grep -c '^|1|' out)" -eq 2 ] || bad "$(cat out)"
grep -q "^@revoked b $ka$" out || bad "$(cat out)"
cmp -s hosts hosts.clear || bad 'the file was changed'
check 'what is found is shown hashed'

# ---- Against ssh-keygen ------------------------------------------------------------------------

if ! command -v ssh-keygen > /dev/null; then
    echo 'ok - keygen: against ssh-keygen # SKIP ssh-keygen is missing'
    exit $failed
fi

for length in 0 1 2 3 4 5 6 7 8 40; do
    comment=$(head -c $length /dev/zero | tr '\0' c)
    run 0 -q -t ed25519 -N '' -f "ours$length" -C "$comment"
    ssh-keygen -y -f "ours$length" > theirs 2>&1 || bad "ssh-keygen -y: $(cat theirs)"
    run 0 -y -f "ours$length"
    cmp -s out theirs || bad "-y of ours$length: $(cat out theirs)"
    ssh-keygen -q -t ed25519 -N '' -f "theirs$length" -C "$comment"
    run 0 -y -f "theirs$length"
    ssh-keygen -y -f "theirs$length" | cmp -s - out || bad "-y of theirs$length: $(cat out)"
    for hash in sha256 sha512; do
        ssh-keygen -lv -E $hash -f "theirs$length.pub" > theirs
        run 0 -lv -E $hash -f "theirs$length.pub"
        [ $length -eq 0 ] || cmp -s out theirs || bad "-lv of theirs$length: $(cat out)"
    done
    echo data > data
    rm -f data.sig
    ssh-keygen -q -Y sign -n file -f "ours$length" data 2> err || bad "-Y sign: $(cat err)"
    printf 'me %s\n' "$(cat "ours$length.pub")" > allowed
    ssh-keygen -Y verify -f allowed -I me -n file -s data.sig < data > out 2>&1 || bad "$(cat out)"
done
check 'keys of each are read by the other'

run 0 -c -f theirs40 -C 'by us'
ssh-keygen -y -f theirs40 > out
cmp -s out theirs40.pub || bad "$(cat out)"
ssh-keygen -q -c -P '' -C 'by them' -f ours40 > /dev/null
run 0 -y -f ours40
cmp -s out ours40.pub || bad "$(cat out)"
check 'comments changed by each are read by the other'

ssh-keygen -q -t ed25519 -N passphrase -f locked -C 'with a passphrase'
run 255 -y -P wrong -f locked
err_has 'Load key "locked": incorrect passphrase supplied to decrypt private key'
run 0 -y -P passphrase -f locked
cmp -s out locked.pub || bad "$(cat out)"
run 0 -l -f locked
ssh-keygen -l -f locked | cmp -s - out || bad "-l: $(cat out)"
for form in RFC4716 PEM PKCS8; do # RFC4716 is its word for its own form
    ssh-keygen -q -t rsa -b 2048 -m $form -N passphrase -f "rsa$form"
    run 0 -y -P passphrase -f "rsa$form"
    cut -d' ' -f1,2 "rsa$form.pub" | cmp -s - "out" || [ "$(cut -d' ' -f1,2 "rsa$form.pub")" = "$(cut -d' ' -f1,2 out)" ] ||
        bad "$form: $(cat out)"
    run 255 -y -P passphrasE -f "rsa$form"
    err_has 'incorrect passphrase'
done
check 'encrypted keys of ssh-keygen are read'

for spec in ed25519: rsa:2048 rsa:3072 ecdsa:256 ecdsa:384 ecdsa:521; do
    type=${spec%:*} bits=${spec#*:}
    name=ours-$type$bits
    run 0 -q -t "$type" ${bits:+-b "$bits"} -N 'a b' -a 2 -C there -f "$name"
    ssh-keygen -y -P 'a b' -f "$name" > theirs || bad "$name is not read by ssh-keygen"
    cmp -s theirs "$name.pub" || bad "$name: $(cat theirs)"
    ssh-keygen -l -f "$name.pub" > theirs
    run 0 -l -f "$name.pub"
    cmp -s out theirs || bad "$name: $(cat out) instead of $(cat theirs)"
    run 0 -q -p -P 'a b' -N '' -f "$name"
    ssh-keygen -y -P '' -f "$name" | cmp -s - "$name.pub" || bad "$name without passphrase"
    for cipher in aes128-ctr aes256-cbc aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
        run 0 -q -p -P '' -N new -Z "$cipher" -a 1 -f "$name"
        ssh-keygen -y -P new -f "$name" | cmp -s - "$name.pub" || bad "$name with $cipher"
        run 0 -q -p -P new -N '' -f "$name"
    done
    run 0 -q -p -P '' -N new -f "$name"
    run 0 -q -c -P new -C 'other words' -f "$name"
    ssh-keygen -y -P new -f "$name" | grep -q ' other words$' || bad "$name: comment"
    [ "$(stat -c %a "$name")" = 600 ] || bad "$name: mode"
done
check 'keys of every type, with passphrases and ciphers, are read by ssh-keygen'


cp hosts.orig hosts
for host in host1 host2 HOST2 host3 '[host1]:2222' '[host2]:2222' a.example.com bad.example.com \
    example.com x.ca 192.0.2.1 192.0.2.2 nowhere '[HOST1]:2222' '*.example.com' '!bad.example.com'; do
    for options in -F -qF -lF -lvF; do
        ssh-keygen $options "$host" -f hosts > theirs 2> /dev/null
        want=$?
        timeout 120 "$keygen" $options "$host" -f hosts > out 2> err
        [ $? -eq $want ] || bad "$options $host: status"
        cmp -s out theirs || bad "$options $host: $(cat out) instead of $(cat theirs)"
    done
done
check 'known_hosts: the same answers as ssh-keygen -F'

for host in host1 host2 '[host1]:2222' a.example.com '*.example.com' x.ca nowhere; do
    cp hosts.orig hosts
    ssh-keygen -R "$host" -f hosts > theirs 2> /dev/null
    want=$?
    mv hosts hosts.theirs
    cp hosts.orig hosts
    run $want -R "$host" -f hosts
    cmp -s out theirs || bad "-R $host: $(cat out) instead of $(cat theirs)"
    cmp -s hosts hosts.theirs || bad "-R $host leaves: $(cat hosts)"
done
check 'known_hosts: the same lines stay as with ssh-keygen -R'

cp hosts.orig hosts
ssh-keygen -H -f hosts > theirs 2> theirs.err
cut -d ' ' -f 2- hosts > theirs.rest
cp hosts hosts.theirs
cp hosts.orig hosts
run 0 -H -f hosts
cmp -s out theirs || bad "-H: $(cat out) instead of $(cat theirs)"
tr -d '\r' < theirs.err | cmp -s err || bad "-H: $(cat err) instead of $(cat theirs.err)"
cut -d ' ' -f 2- hosts | cmp -s - theirs.rest || bad "-H makes: $(cat hosts)"
for host in host1 host2 host3 '[host1]:2222' a.example.com x.ca 192.0.2.1 nowhere; do
    ssh-keygen -lF "$host" -f hosts > theirs 2> /dev/null
    want=$?
    run $want -lF "$host" -f hosts
    cmp -s out theirs || bad "$host in ours: $(cat out) instead of $(cat theirs)"
    ssh-keygen -lF "$host" -f hosts.theirs > theirs 2> /dev/null
    run $want -lF "$host" -f hosts.theirs
    cmp -s out theirs || bad "$host in theirs: $(cat out) instead of $(cat theirs)"
done
check 'known_hosts: files hashed by each are read by the other'

exit $failed
