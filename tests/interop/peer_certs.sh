# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Certificates: nacre-keygen -s and -L beside ssh-keygen, of this system and of the newest suite: what
# each issues is the same but for nonce and signature, is printed the same by both, and logs in where
# both sides are theirs.

NACRE_KEYGEN=${NACRE_KEYGEN:-$(dirname "$NACRE_SSH")/nacre-keygen}
KAT=${NACRE_KAT:-$(dirname "$NACRE_SSH")/kat}
version_certs() { version_openssh; }
missing_certs() { absent ssh-keygen "$PYTHON" "$NACRE_KEYGEN" "$KAT"; }

# The other ssh-keygen and where it sees $WORK/keys
their_keygen() {
    case $GROUP in
    *_newer) in_newer sh -c 'cd "$1" && shift && TZ=$1 && export TZ && shift && exec ssh-keygen "$@"' - "$NEWER_WORK" "$TZ" "$@" ;;
    *) (cd "$SHARED" && ssh-keygen "$@") ;;
    esac
}
our_keygen() { (cd "$SHARED" && "$NACRE_KEYGEN" "$@"); }

CERT_USERS='ed25519 rsa ecdsa256 ecdsa384 ecdsa521 mldsa sked skec'
CERT_AUTHORITIES='ed25519 rsa ecdsa256 ecdsa384 ecdsa521 mldsa'

certs_keys() {
    export TZ=CET-1CEST,M3.5.0,M10.5.0/3 # without files of zones
    SHARED=$WORK/keys
    mkdir "$SHARED"
    if [ "$GROUP" = certs_newer ]; then
        newer_share
        rmdir "$SHARED"
        SHARED=$NEWER_DIR$NEWER_WORK
    fi
    for spec in ed25519:ed25519:0 rsa:rsa:2048 ecdsa256:ecdsa:256 ecdsa384:ecdsa:384 ecdsa521:ecdsa:521 \
        mldsa:mldsa44-ed25519:0; do
        name=${spec%%:*} type=${spec#*:}
        our_keygen -q -t "${type%:*}" -b "$((${type#*:} + (${type#*:} == 0 ? 256 : 0)))" -N '' -C "of $name" -f "$name" < /dev/null
    done
    our_keygen -q -t ed25519 -N 'a word' -C locked -f locked < /dev/null
    # security keys' public halves; the points are those of other keys
    "$PYTHON" - "$SHARED" << 'END'
import base64, struct, sys
def read(name): return base64.b64decode(open(f"{sys.argv[1]}/{name}.pub").read().split()[1])
def string(b): return struct.pack(">I", len(b)) + b
def write(name, kind, *fields):
    blob = b"".join(map(string, (kind, *fields, b"ssh:")))
    open(f"{sys.argv[1]}/{name}.pub", "w").write(f"{kind.decode()} {base64.b64encode(blob).decode()} of {name}\n")
write("sked", b"sk-ssh-ed25519@openssh.com", read("ed25519")[-32:])
write("skec", b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", read("ecdsa256")[-65:])
END
}

# What they can do: 9.2 knows no post-quantum keys
certs_known() { # KEY
    [ "$1" != mldsa ] || [ "$GROUP" = certs_newer ] || return 1
}

certs_same() { # ARGUMENTS... for the key in $KEY, by both: bodies, what is said, status
    rm -f "$SHARED/$KEY-cert.pub"
    tries=0
    while :; do # again if the clock moved on between the two
        our_keygen "$@" "$KEY.pub" > "$WORK/ours" 2>&1 < /dev/null
        our_status=$?
        [ ! -e "$SHARED/$KEY-cert.pub" ] || mv "$SHARED/$KEY-cert.pub" "$WORK/ours.pub"
        their_keygen "$@" "$KEY.pub" > "$WORK/theirs" 2>&1 < /dev/null
        status=$?
        [ ! -e "$SHARED/$KEY-cert.pub" ] || mv "$SHARED/$KEY-cert.pub" "$WORK/theirs.pub"
        [ $status -eq $our_status ] || fail "$*: status $our_status instead of $status: $(cat "$WORK/ours" "$WORK/theirs")"
        # older ones do not warn of no principals; the parts of a fatal error differ in what stands before the last
        grep -v '^Warning: certificate will contain' "$WORK/ours" > "$WORK/ours.said"
        tr -d '\r' < "$WORK/theirs" | grep -v '^Warning: certificate will contain' | sed 's/^parse_hex_u64: //' > "$WORK/theirs.said"
        [ $status -eq 0 ] || tail -n 1 "$WORK/theirs.said" > "$WORK/theirs.last"
        [ $status -eq 0 ] || mv "$WORK/theirs.last" "$WORK/theirs.said"
        cmp -s "$WORK/ours.said" "$WORK/theirs.said" && break
        tries=$((tries + 1))
        [ $tries -lt 10 ] || fail "$*: says $(cat "$WORK/ours.said") instead of $(cat "$WORK/theirs.said")"
    done
    [ $status -eq 0 ] || { rm -f "$WORK/ours.pub" "$WORK/theirs.pub"; return 0; }
    [ "$("$PYTHON" "$HERE/cert_body.py" "$WORK/ours.pub")" = "$("$PYTHON" "$HERE/cert_body.py" "$WORK/theirs.pub")" ] ||
        fail "$*: not the same certificate"
    certs_printed ours.pub
    certs_printed theirs.pub
}

certs_printed() { # FILE: -L and -l of both, and that the signature verifies here
    cp "$WORK/$1" "$SHARED/shown.pub"
    for what in -L -l -lv '-L -E sha512' '-l -E md5'; do
        our_keygen $what -f shown.pub > "$WORK/ours" || fail "$what of $1: $(cat "$WORK/ours")"
        their_keygen $what -f shown.pub > "$WORK/theirs"
        cmp "$WORK/ours" "$WORK/theirs" || fail "$what of $1: $(cat "$WORK/ours" "$WORK/theirs")"
    done
    our_keygen -L -f - < "$WORK/$1" > "$WORK/ours"
    their_keygen -L -f - < "$WORK/$1" > "$WORK/theirs"
    cmp "$WORK/ours" "$WORK/theirs" || fail "-L of standard input"
    echo "key-cert $(cut -d' ' -f2 "$WORK/$1" | base64 -d | od -An -v -tx1 | tr -d ' \n')" | "$KAT" | grep -q '^ok' ||
        fail "$1: the authority's signature"
}

case_certs_types() { # KEY
    KEY=$1
    certs_same -s ed25519 -I "$KEY" -n "user,$KEY" -z 12 -V always:forever
    certs_same -s ed25519 -I "$KEY" -h -n "$KEY.example,*.example" -V 20200101:20300101
}

case_certs_authorities() { # AUTHORITY
    KEY=ed25519
    certs_same -s "$1" -I "by $1" -n user
    case $1 in
    rsa)
        certs_same -s rsa -I rsa -n user -t rsa-sha2-256
        certs_same -s rsa -I rsa -n user -t rsa-sha2-512
        ;;
    esac
}

case_certs_options() {
    KEY=ed25519
    for options in '' clear no-pty no-x11-forwarding no-agent-forwarding no-port-forwarding no-user-rc no-touch-required \
        verify-required 'clear permit-pty' 'clear permit-x11-forwarding permit-agent-forwarding' 'clear permit-user-rc' \
        'no-touch-required touch-required' 'verify-required no-verify-required' 'CLEAR PERMIT-PTY' \
        force-command=/bin/true 'force-command=/bin/true source-address=192.0.2.0/24' source-address=::/0,10.0.0.0/8 \
        Force-Command=x extension:a@b extension:a@b= extension:a@b=c=d critical:a@b critical:a@b=c critical:force-command=x \
        'extension:zz critical:aa extension:aa critical:zz' 'extension: critical:' 'extension:permit-X11-forwardin' \
        force-command= source-address= 'force-command=a force-command=b' 'source-address=::1 source-address=::1' foo \
        source-address=10.0.0.1/8 'source-address=10.*' 'source-address=!10.0.0.0/8' source-address=10.0.0.0/8, \
        source-address=::1/129 source-address=fe80::1%lo source-address=host permit-x11 no-permit-pty; do
        set -- -s ed25519 -I id -n user
        for option in $options; do set -- "$@" -O "$option"; done
        certs_same "$@"
        certs_same "$@" -h
    done
    certs_same -s ed25519 -I id -n user -O "force-command=echo 'a b'  c" -O 'extension:two words=a  b'
}

case_certs_validity() {
    KEY=ed25519
    for validity in always:forever +1w +1 +1h30m +1H +1w2d3h4m5s +0 -1h:+52w 20200101:20210101 202001011230:20210101123059 \
        20200101Z:20210101123059Z 20200101UTC:20210101utc 20200101z:forever 0x1:0x200 0x0:0xffffffffffffffff \
        always:0xffffffff -1:+1 -1m:forever always:-1 always:+1d 0x10:+1h 20200329023000:forever 20201025023000:forever \
        20240229:20250301 20000229Z:21000228Z always:99991231 197001020000Z:forever 20200101235960Z:forever \
        0xg:0x3 0x1:0x1ffffffffffffffff always:0x0 forever:always x:y +1:-1 -99999999999:+1 +99999999999999999999 +1x : \
        a: :b + +:+1 20201301:forever 20200001:forever 20200100:forever 20200132:forever always:x \
        2020010:forever 20200101246060:forever 202001011260:forever 0X1:forever 0x:forever +1:forever:x +1m:+1m +-1 -1 \
        +1d: 20200101123:forever; do
        certs_same -s ed25519 -I id -n user -V "$validity"
    done
}

case_certs_identity() {
    KEY=ed25519
    for serial in 0 1 18446744073709551615 +5 18446744073709551616 x -1 + '' 1x; do
        certs_same -s ed25519 -I id -n user -z "$serial"
    done
    for names in a a,b,c 'a b' '*' '!a' a, ,a a,,b ,; do
        certs_same -s ed25519 -I id -n "$names"
    done
    certs_same -s ed25519 -I 'key "id" with %s' -n user
    certs_same -s ed25519 -I '' -n user
    certs_same -s ed25519 -I id
    certs_same -s ed25519 -I id -h
    certs_same -s ed25519 -I id -n user -q
    certs_same -s ed25519 -n user
    certs_same -s none -I id -n user
    certs_same -s ed25519 -I id -n user -t rsa-sha2-512
    certs_same -s ed25519 -I id -n user -t foo
    certs_same -s rsa -I id -n user -t ssh-ed25519
    certs_same -s locked -P 'a word' -I id -n user
}

case_certs_many() { # several in a run, counting serials; the run ends at what is no key
    for who in our their; do
        rm -f "$SHARED"/*-cert.pub
        "${who}_keygen" -s ed25519 -I id -n user -z +7 -V always:forever ed25519.pub rsa ecdsa256.pub < /dev/null > "$WORK/$who" 2>&1 ||
            fail "$who: $(cat "$WORK/$who")"
        for key in ed25519 rsa ecdsa256; do
            "$PYTHON" "$HERE/cert_body.py" "$SHARED/$key-cert.pub"
        done > "$WORK/$who.bodies"
        mv "$SHARED/rsa-cert.pub" "$WORK/first"
        rm -f "$SHARED"/*-cert.pub
        "${who}_keygen" -s ed25519 -I id -n user ed25519.pub none rsa.pub < /dev/null >> "$WORK/$who" 2>&1
        echo "status $?" >> "$WORK/$who"
        [ -e "$SHARED/ed25519-cert.pub" ] && [ ! -e "$SHARED/rsa-cert.pub" ] || fail "$who: $(ls "$SHARED")"
        mv "$SHARED/ed25519-cert.pub" "$SHARED/a-cert.pub"
        "${who}_keygen" -s ed25519 -I id -n user a-cert.pub < /dev/null > "$WORK/nested" 2>&1 && fail "$who: a certificate of one"
        sed 's/^do_ca_sign: //' "$WORK/nested" | tr -d '\r' | tail -n 1 >> "$WORK/$who"
    done
    tr -d '\r' < "$WORK/their" | grep -v '^Warning: ' | cmp - "$WORK/our" || fail "$(cat "$WORK/our" "$WORK/their")"
    cmp "$WORK/our.bodies" "$WORK/their.bodies"
}

case_certs_shown() { # a file of many lines, good and bad
    our_keygen -q -s ed25519 -I one -n user rsa.pub
    our_keygen -q -s ed25519 -I two -n user ecdsa256.pub
    {
        cat "$SHARED/rsa-cert.pub" "$SHARED/rsa.pub"
        printf '# comment\n\t'
        cat "$SHARED/ecdsa256-cert.pub"
        echo 'ssh-ed25519 AAAA'
        echo 'ssh-ed25519-cert-v01@openssh.com AAAA'
        echo no key
        cut -d' ' -f1,2 "$SHARED/rsa-cert.pub"
    } > "$SHARED/many"
    for name in many rsa.pub none ed25519; do
        our_keygen -L -f "$name" > "$WORK/ours" 2> "$WORK/ours.err" < /dev/null
        our_status=$?
        their_keygen -L -f "$name" > "$WORK/theirs" 2> "$WORK/theirs.err" < /dev/null
        status=$?
        [ $our_status -eq $status ] && cmp "$WORK/ours" "$WORK/theirs" || fail "$name: $(cat "$WORK/ours")"
        # the reasons that stand behind the last colon are each program's own
        cut -d: -f1-2 "$WORK/ours.err" | sed 's/nacre-keygen/ssh-keygen/' > "$WORK/ours.said"
        tr -d '\r' < "$WORK/theirs.err" | cut -d: -f1-2 | cmp - "$WORK/ours.said" || fail "$(cat "$WORK/ours.err" "$WORK/theirs.err")"
    done
}

case_certs_sha1() { # shown, though nobody takes it
    their_keygen -q -s rsa -t ssh-rsa -I old -n user ed25519.pub < /dev/null || { echo "their build signs nothing with SHA-1"; return 0; }
    our_keygen -L -f ed25519-cert.pub > "$WORK/ours" 2> "$WORK/ours.err"
    their_keygen -L -f ed25519-cert.pub < /dev/null | cmp - "$WORK/ours" || fail "$(cat "$WORK/ours")"
    grep -q 'ed25519-cert.pub:1: the signature is not checked' "$WORK/ours.err"
}

case_certs_agent() { # AGENT COMMAND...: the authority's key is there alone
    rm -f "$WORK/agent"
    start "$WORK/agent.log" "$@" -D -a "$WORK/agent"
    await test -S "$WORK/agent" || fail "no agent: $(cat "$WORK/agent.log")"
    export SSH_AUTH_SOCK="$WORK/agent"
    ssh-add -q "$SHARED/ed25519" "$SHARED/rsa"
    KEY=ecdsa256
    certs_same -U -s ed25519.pub -I id -n user
    certs_same -U -s rsa.pub -I id -n user
    certs_same -U -s rsa.pub -I id -n user -t rsa-sha2-256
    certs_same -U -s ed25519 -I id -n user -z 4
    certs_same -U -s ecdsa384.pub -I id -n user # is not in there
    certs_same -U -s none -I id -n user
    export SSH_AUTH_SOCK=
    certs_same -U -s ed25519 -I id -n user
}

case_certs_login() { # AUTHORITY: the server's and the user's certificate by us, both programs theirs
    stop_all
    cp "$SHARED/$1" "$SHARED/$1.pub" "$WORK/"
    cp "$KEYS/host" "$KEYS/host.pub" "$KEYS/user" "$KEYS/user.pub" "$WORK/"
    "$NACRE_KEYGEN" -s "$WORK/$1" -I host -h -n 127.0.0.1 -V -5m:+1h "$WORK/host.pub"
    "$NACRE_KEYGEN" -s "$WORK/$1" -I user -n "$ME" -V -5m:+1h -O clear -O force-command='echo forced' \
        -O source-address=127.0.0.0/8 "$WORK/user.pub"
    : > "$WORK/nobody"
    serve_openssh -o "TrustedUserCAKeys=$WORK/$1.pub" -o "HostCertificate=$WORK/host-cert.pub" -o "HostKey=$WORK/host" \
        -o "AuthorizedKeysFile=$WORK/nobody"
    echo "@cert-authority [127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$WORK/$1.pub")" > "$WORK/known_hosts.$PORT"
    bounded ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -i "$WORK/user" -o "CertificateFile=$WORK/user-cert.pub" \
        -o "UserKnownHostsFile=$WORK/known_hosts.$PORT" -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes \
        -p "$PORT" "$ME@127.0.0.1" other > "$WORK/out" || fail "no login"
    [ "$(cat "$WORK/out")" = forced ] || fail "$(cat "$WORK/out")"
}

certs_group() {
    certs_keys
    for key in $CERT_USERS; do
        if certs_known "$key"; then
            check "certificates for $key" case_certs_types "$key"
        else
            skip "certificates for $key" "their ssh-keygen does not know such keys"
        fi
    done
    for key in $CERT_AUTHORITIES; do
        if certs_known "$key"; then
            check "certificates by $key" case_certs_authorities "$key"
        else
            skip "certificates by $key" "their ssh-keygen does not know such keys"
        fi
    done
    check "certificates: options" case_certs_options
    check "certificates: validity" case_certs_validity
    check "certificates: serials, names and keys" case_certs_identity
    check "certificates: several keys" case_certs_many
    check "certificates are shown" case_certs_shown
    check "a certificate with SHA-1 is shown" case_certs_sha1
}

group_certs_openssh() {
    certs_group
    check "authority in ssh-agent" case_certs_agent ssh-agent
    check "authority in nacre-agent" case_certs_agent "${NACRE_AGENT:-$(dirname "$NACRE_SSH")/nacre-agent}"
    for key in ed25519 rsa ecdsa384; do
        check "login with certificates by $key" case_certs_login "$key"
    done
}

group_certs_newer() {
    why=$(missing_newer)
    [ -z "$why" ] || { skip all "not installed: $why"; return; }
    certs_group
}
