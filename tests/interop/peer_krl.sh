# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2016,SC2086,SC2034,SC3045
#
# Revocation, signatures, fingerprints and SSHFP records: nacre-keygen -k, -Q, -Y, -l, -B and -r beside
# ssh-keygen, of this system and of the newest suite: what one writes the other reads, with the same
# verdicts; standard output and exit status are the same for the same arguments.

NACRE_KEYGEN=${NACRE_KEYGEN:-$(dirname "$NACRE_SSH")/nacre-keygen}
version_krl() { version_openssh; }
missing_krl() { absent ssh-keygen "$NACRE_KEYGEN"; }

krl_theirs() {
    case $GROUP in
    *_newer) in_newer sh -c 'cd "$1" && shift && exec ssh-keygen "$@"' - "$NEWER_WORK" "$@" ;;
    *) (cd "$SHARED" && ssh-keygen "$@") ;;
    esac
}
krl_ours() { (cd "$SHARED" && "$NACRE_KEYGEN" "$@"); }

krl_cert() { # KEY AUTHORITY ID SERIAL FILE
    cp "$SHARED/$1.pub" "$SHARED/tmp.pub"
    krl_theirs -q -s "$2" -I "$3" -z "$4" -n 'user@x,other@y' tmp.pub < /dev/null
    mv "$SHARED/tmp-cert.pub" "$SHARED/$5"
}

# Keys, certificates, specifications and files that hold several keys
krl_files() {
    SHARED=$WORK/keys
    mkdir "$SHARED"
    case $GROUP in
    *_newer)
        newer_share
        rmdir "$SHARED"
        SHARED=$NEWER_DIR$NEWER_WORK
        ;;
    esac
    for spec in a:ed25519:256 b:ecdsa:384 c:rsa:2048 d:ed25519:256 ca:ed25519:256 ca2:rsa:2048; do
        type=${spec#*:}
        krl_theirs -q -t "${type%:*}" -b "${type#*:}" -N '' -C "of ${spec%%:*}" -f "${spec%%:*}" < /dev/null
    done
    case $GROUP in
    *_newer) krl_theirs -q -t mldsa44-ed25519 -N '' -C 'of pq' -f pq < /dev/null ;;
    *) krl_ours -q -t ecdsa -b 521 -N '' -C 'of pq' -f pq < /dev/null ;;
    esac
    krl_cert a ca 'an id' 5 a5.pub
    krl_cert a ca 'of none' 0 a0.pub
    krl_cert b ca 'bad id' 77 b77.pub
    krl_cert c ca2 c 1999 c1999.pub
    krl_cert d ca d 18446744073709551615 dmax.pub
    cp "$SHARED/a5.pub" "$SHARED/a-cert.pub"
    {
        printf 'serial: 5\nserial: 7-9 # some\n SERIAL:0x10-0x20\nserial: 18446744073709551615\n'
        seq -f 'serial: %.0f' 1001 2 3001
        printf 'serial: 5000-100000\nid: bad id\nid:other\n\n# comment\n'
    } > "$SHARED/spec"
    {
        sed 's/^/sha1: /' "$SHARED/a.pub"
        sed 's/^/sha256: /' "$SHARED/b.pub"
        sed 's/^/key: /' "$SHARED/c.pub"
        krl_theirs -lf d.pub | awk '{ print "hash: " $2 }'
    } > "$SHARED/keys_spec"
    : > "$SHARED/empty"
    printf 'a message\n' > "$SHARED/msg"
    krl_signers
}

krl_signers() {
    one=$(cut -d' ' -f1,2 "$SHARED/a.pub") two=$(cut -d' ' -f1,2 "$SHARED/c.pub") ca=$(cut -d' ' -f1,2 "$SHARED/ca.pub")
    cat > "$SHARED/signers" << END
# who may sign
bob@x,al*,!alien namespaces="git,file",valid-after="20200101" $one bob
"c d" $two
*@x cert-authority,namespaces="git" $ca
old@x valid-before="20200101Z" $one
END
    cat > "$SHARED/damaged" << END
a $one
b bogus x
only
END
    printf 'no-pty,command="echo \\"a b\\" c" %s me\nrestrict %s\nbogus line\n' "$one" "$two" > "$SHARED/authorized"
    printf 'host,[h]:22 %s\n# x\n\n|1|abc=|def= %s c\n' "$one" "$two" > "$SHARED/known"
    cat "$SHARED/a5.pub" "$SHARED/c.pub" > "$SHARED/several"
}

# ARGUMENTS...: the same standard output and status from both, with the message or $INPUT as input
krl_same() {
    krl_ours "$@" < "$SHARED/${INPUT:-msg}" > "$WORK/ours" 2> "$WORK/ours.err"
    our_status=$?
    krl_theirs "$@" < "$SHARED/${INPUT:-msg}" > "$WORK/theirs" 2> "$WORK/theirs.err"
    status=$?
    [ $our_status -eq $status ] ||
        fail "$*: status $our_status instead of $status: $(cat "$WORK/ours.err" "$WORK/theirs.err")"
    cmp -s "$WORK/ours" "$WORK/theirs" || fail "$*: $(diff "$WORK/ours" "$WORK/theirs")"
}

KRL_ASKED='a.pub b.pub c.pub d.pub ca.pub a5.pub a0.pub b77.pub c1999.pub dmax.pub a'

# FILE: both say the same of it and of each key
krl_verdicts() {
    krl_same -Q -l -f "$1"
    krl_same -Q -f "$1"
    krl_same -Q -f "$1" $KRL_ASKED
    for asked in $KRL_ASKED; do
        krl_same -Q -f "$1" "$asked"
    done
}

# ARGUMENTS...: lists made by each are the same to both
case_krl_make() {
    rm -f "$SHARED/l1" "$SHARED/l2"
    krl_ours -k -f l1 "$@" > "$WORK/ours" || fail "ours: $*"
    krl_theirs -k -f l2 "$@" > "$WORK/theirs" || fail "theirs: $*"
    cmp -s "$WORK/ours" "$WORK/theirs" || fail "$*: says $(cat "$WORK/ours")"
    [ "$(wc -c < "$SHARED/l1")" -le "$(wc -c < "$SHARED/l2")" ] || fail "ours is longer: $*"
    [ "$(stat -c %a "$SHARED/l1")" = "$(stat -c %a "$SHARED/l2")" ] || fail 'other modes'
    krl_verdicts l1
    krl_verdicts l2
    krl_theirs -Q -l -f l1 | grep -v '^# Generated' > "$WORK/ours"
    krl_theirs -Q -l -f l2 | grep -v '^# Generated' > "$WORK/theirs"
    cmp -s "$WORK/ours" "$WORK/theirs" || fail "$*: $(diff "$WORK/ours" "$WORK/theirs")"
}

# A list of theirs updated by ours, and the reverse
case_krl_update() {
    krl_theirs -q -k -f u1 -s ca.pub -z 3 spec
    krl_ours -q -k -u -f u1 -z 4 keys_spec a0.pub
    krl_ours -q -k -f u2 -s ca.pub -z 3 spec
    krl_theirs -q -k -u -f u2 -z 4 keys_spec a0.pub
    krl_verdicts u1
    krl_theirs -Q -l -f u1 | grep -v '^# Generated' > "$WORK/ours"
    krl_theirs -Q -l -f u2 | grep -v '^# Generated' > "$WORK/theirs"
    cmp -s "$WORK/ours" "$WORK/theirs" || fail "$(diff "$WORK/ours" "$WORK/theirs")"
}

case_krl_refused() {
    for line in 'serial: 0' 'serial: x' 'serial: 5-' 'serial: 9-5' bogus 'hash: SHA256:xx' 'hash: MD5:aa' 'serial:  0-1' \
        'serial: 18446744073709551616' 'key: xx' 'ssh-ed25519 AAAA' 'serial: -1'; do
        echo "$line" > "$SHARED/bad"
        rm -f "$SHARED/l1" "$SHARED/l2"
        krl_ours -q -k -f l1 -s ca.pub bad && fail "ours takes '$line'"
        [ ! -e "$SHARED/l1" ] || fail 'a list was written all the same'
        [ "$line" = 'serial: -1' ] || { krl_theirs -q -k -f l2 -s ca.pub bad && fail "theirs takes '$line'"; }
    done
    krl_same -q -k -f l1 spec # without -s
    krl_same -q -k -u -f nothere spec
    krl_same -q -k -f l1 -s nothere spec
    krl_same -q -k -f l1 nothere
    krl_same -Q -f nothere a.pub
    krl_same -Q -f spec a.pub
    krl_same -Q a.pub
    krl_same -k spec
}

# SIGNER ARGUMENTS...: a signature of each is verified by the other
case_krl_sign() {
    signer=$1
    shift
    for side in ours theirs; do
        krl_$side -Y sign -q -f "$signer" -n git "$@" < "$SHARED/msg" > "$SHARED/sig.$side" || fail "$side: no signature"
        krl_same -Y check-novalidate -n git -s "sig.$side" -O print-pubkey
        krl_same -Y find-principals -f signers -s "sig.$side"
        krl_same -Y verify -f signers -I bob@x -n git -s "sig.$side"
        krl_same -Y verify -f signers -I user@x -n git -s "sig.$side"
        krl_same -Y verify -f signers -I user@x -n file -s "sig.$side"
    done
}

case_krl_sign_file() {
    cp "$SHARED/msg" "$SHARED/m1"
    cp "$SHARED/msg" "$SHARED/m2"
    rm -f "$SHARED"/m?.sig
    krl_ours -Y sign -f a -n file m1 m2 2> "$WORK/ours" || fail 'no signatures'
    rm -f "$SHARED"/m?.sig
    krl_theirs -Y sign -f a -n file m1 m2 2> "$WORK/theirs"
    cmp -s "$WORK/ours" "$WORK/theirs" || fail "says $(cat "$WORK/ours")"
    krl_ours -Y sign -q -f a -n file m1 < /dev/null # not written over
    krl_same -Y verify -f signers -I bob@x -n file -s m1.sig
    krl_same -Y verify -f signers -I alfred -n file -s m2.sig
    krl_same -Y verify -f signers -I alien -n file -s m2.sig
}

case_krl_verify() {
    krl_theirs -Y sign -q -f a -n git < "$SHARED/msg" > "$SHARED/msg.sig"
    krl_theirs -q -k -f revoked a.pub
    while read -r arguments; do
        krl_same -Y $arguments
    done << 'END'
verify -f signers -I bob@x -n git -s msg.sig
verify -q -f signers -I bob@x -n git -s msg.sig
verify -E md5 -f signers -I bob@x -n git -s msg.sig
verify -f signers -I bob@x -n git -s msg.sig -r revoked
verify -f signers -I bob@x -n git -s msg.sig -r a.pub
verify -f signers -I bob@x -n git -s msg.sig -r b.pub
verify -f signers -I bob@x -n git -s msg.sig -r nothere
verify -f signers -I bob@x -n git -s msg.sig -r spec
verify -f signers -I bob@x -n git -s msg.sig -O verify-time=20190101
verify -f signers -I bob@x -n git -s msg.sig -O verify-time=20210101Z -O print-pubkey
verify -f signers -I bob@x -n git -s msg.sig -O verify-time=x
verify -f signers -I bob@x -n git -s msg.sig -O bogus
verify -f signers -I bob@x -n bad -s msg.sig
verify -f signers -I eve@x -n git -s msg.sig
verify -f signers -I old@x -n git -s msg.sig
verify -f signers -I old@x -n git -s msg.sig -O verify-time=20191231
verify -f damaged -I a -n git -s msg.sig
verify -f damaged -I b -n git -s msg.sig
verify -f damaged -I only -n git -s msg.sig
verify -f nothere -I a -n git -s msg.sig
verify -f signers -I bob@x -n git -s nothere
verify -f signers -I bob@x -n git -s signers
verify -f signers -I bob@x -n git
verify -f signers -n git -s msg.sig
verify -I a -n git -s msg.sig
verify -f signers -I a -s msg.sig
find-principals -f signers -s msg.sig
find-principals -f signers -s msg.sig -O verify-time=20190101
find-principals -f damaged -s msg.sig
find-principals -f nothere -s msg.sig
find-principals -f signers -s nothere
match-principals -f signers -I alfred
match-principals -f signers -I eve@x
match-principals -f signers -I nobody
match-principals -f damaged -I b
match-principals -f damaged -I a
match-principals -f nothere -I a
check-novalidate -n git -s msg.sig
check-novalidate -n file -s msg.sig
check-novalidate -n git
sign -f a -n git -O hashalg=sha1 msg
sign -f nothere -n git msg
sign -f a -n git nothere
sign -f a -n git -U msg
sign -f a msg
sign -n git msg
bogus
END
}

case_krl_large() { # more than would be held
    head -c 70000000 /dev/zero | krl_ours -Y sign -q -f a -n file > "$SHARED/large.sig" || fail 'no signature'
    head -c 70000000 /dev/zero | krl_theirs -Y check-novalidate -n file -s large.sig > "$WORK/theirs" || fail 'theirs says no'
    (
        ulimit -v 65536
        head -c 70000000 /dev/zero | krl_ours -Y check-novalidate -n file -s large.sig
    ) > "$WORK/ours" || fail 'ours says no'
    cmp -s "$WORK/ours" "$WORK/theirs"
}

case_krl_fingerprints() {
    for file in a a.pub b.pub c c.pub pq.pub a5.pub several authorized known empty spec; do
        for options in -l -lv '-l -E md5' '-lv -E sha512' '-l -E sha1' -B '-B -v'; do
            krl_same $options -f "$file"
        done
    done
    for file in a.pub several known; do
        INPUT=$file
        krl_same -l -f -
    done
}

case_krl_records() {
    for file in a.pub b.pub c pq.pub a5.pub nothere; do
        for options in '' -g '-O hashalg=sha256' '-g -O hashalg=SHA1' '-O hashalg=md5' '-O hashalg=none'; do
            case $GROUP$options in
            *_openssh*-O*) continue ;; # older ones know no such option
            esac
            krl_same -r host.example $options -f "$file"
        done
    done
}

krl_cases() {
    krl_files
    check 'lists of serials and key ids' case_krl_make -s ca.pub -z 42 spec
    check 'lists under any authority' case_krl_make -s none -C 'a comment' spec
    check 'lists of keys and hashes' case_krl_make keys_spec d.pub
    check 'lists of certificates' case_krl_make a5.pub b77.pub a0.pub dmax.pub
    check 'lists of an authority' case_krl_make ca.pub ca2.pub
    check 'lists of nothing' case_krl_make empty
    check 'lists updated' case_krl_update
    check 'specifications that are refused' case_krl_refused
    check 'signatures with Ed25519' case_krl_sign a
    check 'signatures with SHA-256' case_krl_sign a -O hashalg=sha256
    check 'signatures with ECDSA' case_krl_sign b
    check 'signatures with RSA' case_krl_sign c.pub
    check 'signatures with a certificate' case_krl_sign a-cert.pub
    check 'signatures with the newest type' case_krl_sign pq
    check 'signatures of files' case_krl_sign_file
    check 'verdicts on signatures' case_krl_verify
    check 'signatures of what is streamed' case_krl_large
    check 'fingerprints, pictures and words' case_krl_fingerprints
    check 'SSHFP records' case_krl_records
}

group_krl_openssh() { krl_cases; }
group_krl_newer() {
    krl_cases
}
