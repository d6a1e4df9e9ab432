# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# nacre-keygen beside ssh-keygen, of this system and of the newest suite: the same arguments, input and
# files give the same output, messages, status and files. What is random is left out where keys are made.

NACRE_KEYGEN=${NACRE_KEYGEN:-$(dirname "$NACRE_SSH")/nacre-keygen}
version_keygen() { version_openssh; }
missing_keygen() { absent ssh-keygen setsid "$NACRE_KEYGEN"; }

# Runs one of both in its directory, away from any terminal: prompts are answered from the input
keygen_ours() { (cd "$DIR_OURS" && bounded setsid -w "$NACRE_KEYGEN" "$@"); }
keygen_theirs() {
    case $GROUP in
    *_newer) bounded setsid -w chroot "$NEWER_DIR" env HOME=/root PATH=/usr/bin:/bin sh -c 'cd "$1" && shift && exec ssh-keygen "$@"' - \
        "$NEWER_WORK/theirs" "$@" ;;
    *) (cd "$DIR_THEIRS" && bounded setsid -w ssh-keygen "$@") ;;
    esac
}

keygen_directories() {
    DIR_OURS=$WORK/ours DIR_THEIRS=$WORK/theirs
    if [ "$GROUP" = keygen_newer ]; then
        newer_share
        DIR_THEIRS=$NEWER_DIR$NEWER_WORK/theirs
    fi
    mkdir "$DIR_OURS" "$DIR_THEIRS"
    for key in ed25519: rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521; do
        type=${key%%:*} bits=${key#*:}
        ssh-keygen -q -t "$type" ${bits:+-b $bits} -N '' -C "of $type$bits" -f "$DIR_OURS/$type$bits" < /dev/null
    done
    ssh-keygen -q -t ed25519 -N secret -C 'locked one' -f "$DIR_OURS/locked" < /dev/null
    ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -C pem -f "$DIR_OURS/pem" < /dev/null
    ssh-keygen -q -t ecdsa -m PKCS8 -N secret -C pkcs8 -f "$DIR_OURS/pkcs8" < /dev/null
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$DIR_OURS/bare" < /dev/null
    (cd "$DIR_OURS" && ssh-keygen -q -s ed25519 -I id -n user rsa2048.pub)
    cp "$DIR_OURS/ed25519" "$DIR_OURS/open"
    chmod 644 "$DIR_OURS/open"
    cp "$DIR_OURS/ed25519" "$DIR_OURS/alone"
    echo 'no key' > "$DIR_OURS/text"
    : > "$DIR_OURS/empty"
    chmod 600 "$DIR_OURS/text" "$DIR_OURS/empty"
    {
        echo '# comment'
        cat "$DIR_OURS/ed25519.pub"
        sed 's/^/restrict,command="a b" /' "$DIR_OURS/rsa2048.pub"
        cat "$DIR_OURS/rsa2048-cert.pub"
        sed 's/^/host,other /; s/ of .*//' "$DIR_OURS/ecdsa256.pub"
        echo 'nonsense'
    } > "$DIR_OURS/many"
    for name in rsa2048 ecdsa256 ecdsa384 ecdsa521 ed25519; do
        for format in RFC4716 PKCS8 PEM; do
            ssh-keygen -e -m $format -f "$DIR_OURS/$name.pub" > "$DIR_OURS/$name.$format" 2> /dev/null || rm "$DIR_OURS/$name.$format"
        done
    done
    mkdir "$WORK/first"
    cp -p "$DIR_OURS"/* "$WORK/first/"
}

# A case with the files as they were made
keygen_fresh() { # COMMAND...
    for directory in "$DIR_OURS" "$DIR_THEIRS"; do
        rm -rf "$directory"
        cp -rp "$WORK/first" "$directory"
    done
    "$@"
}

# What differs by intent: the program's name; the file's name in prompts, which 9.2 has not; debugging; line
# ends on a terminal
keygen_words() {
    tr -d '\r' < "$1" | sed -e '/^debug1: /d' -e 's/nacre-keygen/ssh-keygen/g' -e 's/^Enter passphrase for "[^"]*"/Enter passphrase/' \
        -e 's/^\(.*\)Enter passphrase for "[^"]*"/\1Enter passphrase/'
}
keygen_random() {
    sed -e 's/\(SHA256\|SHA512\|MD5\):[A-Za-z0-9+/:]*/\1:FP/g' -e 's/^|.................|$/|ART|/'
}

# keygen_same INPUT ARGUMENTS...: by both, and compared
keygen_same() {
    input=$1
    shift
    printf "$input" | keygen_ours "$@" > "$WORK/ours.out" 2> "$WORK/ours.err"
    ours=$?
    printf "$input" | keygen_theirs "$@" > "$WORK/theirs.out" 2> "$WORK/theirs.err"
    theirs=$?
    [ $ours -eq $theirs ] || fail "$*: status $ours instead of $theirs: $(cat "$WORK/ours.out" "$WORK/ours.err")"
    for stream in out err; do
        for who in ours theirs; do
            keygen_words "$WORK/$who.$stream" > "$WORK/$who.words"
            case " $* " in
            *' -t '*) keygen_random < "$WORK/$who.words" > "$WORK/$who.rest" && mv "$WORK/$who.rest" "$WORK/$who.words" ;;
            esac
        done
        cmp -s "$WORK/ours.words" "$WORK/theirs.words" ||
            fail "$*: $stream is $(cat "$WORK/ours.words") instead of $(cat "$WORK/theirs.words")"
    done
    ls "$DIR_OURS" > "$WORK/ours.ls"
    ls "$DIR_THEIRS" | cmp - "$WORK/ours.ls" || fail "$*: not the same files"
    (cd "$DIR_OURS" && stat -c '%n %a' ./*) > "$WORK/ours.ls"
    (cd "$DIR_THEIRS" && stat -c '%n %a' ./*) | cmp - "$WORK/ours.ls" || fail "$*: not the same modes"
}

case_keygen_made() { # keys are made
    for type in ed25519 rsa ecdsa ssh-ed25519 ecdsa-sha2-nistp384; do
        keygen_same '' -t $type -N '' -C "a comment" -f new
        keygen_same 'n\n' -t $type -N '' -C "a comment" -f new
        keygen_same 'y\n' -t $type -N '' -C "a comment" -f new
        keygen_same 'yes\n' -q -t $type -N '' -C "a comment" -f new
        keygen_same '' -q -t $type -N '' -C "a comment" -f new
        keygen_same 'new-2\n' -t $type -N 'a word' -C ''
        keygen_same 'new-2\ny\n' -t $type -N 'a word' -C ''
        rm -f "$DIR_OURS"/new* "$DIR_THEIRS"/new*
    done
    for bits in 256 384 521; do
        keygen_same '' -t ecdsa -b $bits -N '' -C "" -f new$bits
    done
    for bits in 2048 3072 4096; do
        keygen_same '' -t rsa -b $bits -N '' -C "" -f new$bits
        rm -f "$DIR_OURS"/new$bits* "$DIR_THEIRS"/new$bits*
    done
    keygen_same '' -t ed25519 -b 77 -N '' -C "" -f new
    keygen_same '' -t ed25519 -N pass -a 3 -Z aes128-gcm@openssh.com -C "" -f new3
    keygen_same '' -t RSA -b 2048 -N '' -C '' -f newRSA
    keygen_same '' -t ed25519 -N '' -C '' -f none/new
    keygen_same '' -t ed25519 -N '' -C '' -E sha512 -f new512
    keygen_same '' -t rsa -b 2048 -N '' -m PEM -C '' -f newpem
    keygen_same '' -t ecdsa -N '' -m PKCS8 -C '' -f newpkcs8
    keygen_same '' -o -t ed25519 -N '' -C '' -f newo
    keygen_same '' -O whatever -t ed25519 -N '' -C '' -f newopt
}

case_keygen_prompts() { # passphrases are asked for
    keygen_same '\n\n' -t ed25519 -C '' -f a1
    keygen_same 'word\nword\n' -t ed25519 -C '' -f a2
    keygen_same 'word\nother\nthird\nthird\n' -t ed25519 -C '' -f a3
    keygen_same '' -t ed25519 -C '' -f a4
    keygen_same 'a5\nword\nword\n' -t ed25519 -C ''
    keygen_same 'a5\ny\nword\nword\n' -t ed25519 -C ''
    keygen_same 'secret\n' -y -f locked
    keygen_same 'wrong\n' -y -f locked
    keygen_same '' -y -f locked
    keygen_same 'secret\nlocked one\n' -c -f locked
    keygen_same 'wrong\nlocked one\n' -c -f locked
    keygen_same 'secret\nsecret\nsecret\n' -p -f locked
    keygen_same 'secret\nnew\nother\n' -p -f locked
    keygen_same 'wrong\nnew\nnew\n' -p -f locked
}

case_keygen_shown() { # public halves and fingerprints
    for file in ed25519 rsa2048 ecdsa256 ecdsa384 ecdsa521 bare alone locked; do
        keygen_same '' -y -P secret -f $file
        for what in -l -lv '-l -E sha512' '-l -E MD5' '-lv -E md5' -B; do
            keygen_same '' $what -f $file
        done
    done
    for file in ed25519.pub rsa2048.pub ecdsa521.pub bare.pub many rsa2048-cert.pub empty text none; do
        for what in -l -lv '-l -E sha512' '-l -E md5' -B; do
            keygen_same '' $what -f $file
        done
    done
    for file in pem pkcs8; do
        keygen_same '' -y -P secret -f $file
        keygen_same '' -y -P wrong -f $file
    done
    for file in open none; do
        keygen_same '' -y -P '' -f $file
    done
    keygen_same '' -y -P wrong -f locked
    keygen_same "$(cat "$DIR_OURS/ed25519.pub")\n" -l -f -
    keygen_same "$(cat "$DIR_OURS/many")\n" -l -f -
    case $GROUP in
    *_newer) ;; # whose tree has no /proc, where /dev/stdin leads
    *)
        keygen_same "$(cat "$DIR_OURS/ed25519.pub")\n" -l -f /dev/stdin
        keygen_same "$(cat "$DIR_OURS/rsa2048-cert.pub")\n" -L -f /dev/stdin ;;
    esac
}

case_keygen_changed() { # comments and passphrases
    for file in ed25519 rsa2048 ecdsa384; do
        keygen_same '' -c -C 'a new one' -f $file
        keygen_same '' -c -C 'a new one' -f $file
        keygen_same 'typed\n' -c -f $file
        keygen_same '' -c -C '' -f $file
        keygen_same '' -l -f $file
        keygen_same '' -y -f $file
        keygen_same '' -p -P '' -N 'a word' -f $file
        keygen_same '' -p -P wrong -N 'a word' -f $file
        keygen_same '' -c -C other -P wrong -f $file
        keygen_same '' -c -C "of it" -P 'a word' -f $file
        keygen_same '' -y -P 'a word' -f $file
        keygen_same '' -q -p -P 'a word' -N '' -f $file
        keygen_same '' -p -P '' -N 'a word' -a 2 -Z chacha20-poly1305@openssh.com -f $file
        keygen_same '' -p -P 'a word' -N '' -f $file
        keygen_same '' -l -f $file
    done
    keygen_same '' -p -P '' -N '' -f none
    keygen_same '' -c -C x -f none
    keygen_same '' -p -P '' -N '' -f open
}

case_keygen_converted() { # -e and -i
    for file in rsa2048 ecdsa256 ecdsa384 ecdsa521 ed25519; do
        for format in RFC4716 PKCS8 PEM; do
            [ -e "$DIR_OURS/$file.$format" ] || continue
            keygen_same '' -e -m $format -f $file.pub
            case $format-$file in
            PEM-e*) continue ;; # of RSA keys alone; we read them all
            esac
            keygen_same '' -i -m $format -f $file.$format
        done
        keygen_same '' -e -f $file.pub
    done
    for format in PKCS8 PEM; do
        keygen_same '' -e -m $format -f rsa2048-cert.pub
    done
}

case_keygen_arguments() { # what makes no sense
    keygen_same '' -t foo -N '' -f x
    keygen_same '' -t rsa1 -N '' -f x
    keygen_same '' -t ecdsa -b 255 -N '' -f x
    keygen_same '' -t rsa -b 17000 -N '' -f x
    for bits in 0 -1 x 99999999999 1x; do
        keygen_same '' -b "$bits" -N '' -f x
        keygen_same '' -a "$bits" -N '' -f x
    done
    keygen_same '' -b '' -f x
    keygen_same '' -Z foo -N '' -f x
    keygen_same '' -E foo -l -f ed25519
    keygen_same '' -m foo -e -f ed25519
    keygen_same '' -z x -f ed25519
    keygen_same '' -s ed25519 ed25519.pub
    for arguments in '-l extra' '-p -c -f ed25519' '-l -H' '-l -R x' '-s ed25519 -I id' '-y -f ed25519 extra'; do
        keygen_ours $arguments > "$WORK/ours.out" 2>&1 < /dev/null
        ours=$?
        keygen_theirs $arguments > "$WORK/theirs.out" 2>&1 < /dev/null
        theirs=$?
        [ $ours -eq $theirs ] && [ "$(head -n 1 "$WORK/ours.out")" = "$(tr -d '\r' < "$WORK/theirs.out" | head -n 1)" ] ||
            fail "$arguments: $(cat "$WORK/ours.out")"
    done
    # of several jobs the same one is done
    for arguments in '-l -y' '-y -l' '-e -y' '-y -c -C of' '-l -e' '-B -l'; do
        keygen_same '' $arguments -f ed25519
    done
}

case_keygen_signers() { # who may have signed
    printf 'hello\n' | (cd "$DIR_OURS" && ssh-keygen -q -Y sign -n git -f ed25519 > message.sig)
    {
        echo "bob@example.com,al* namespaces=\"git\" $(cut -d' ' -f1,2 "$DIR_OURS/ed25519.pub")"
        echo "*@other.example,!eve@* valid-before=\"20200101\" $(cut -d' ' -f1,2 "$DIR_OURS/ed25519.pub")"
    } > "$DIR_OURS/signers"
    cp -p "$DIR_OURS/message.sig" "$DIR_OURS/signers" "$DIR_THEIRS/"
    for name in bob@example.com BOB@example.com alice Alice bob@other.example eve@other.example; do
        case $name in
        bob@other*) keygen_same 'hello\n' -Y verify -f signers -I $name -n git -s message.sig -O verify-time=20190101 ;;
        *) keygen_same 'hello\n' -Y verify -f signers -I $name -n git -s message.sig ;;
        esac
        keygen_same '' -Y match-principals -f signers -I $name
    done
    keygen_same '' -Y match-principals -f signers -I alice -O verify-time=20190101
    keygen_same 'hello\n' -Y check-novalidate -n GIT -s message.sig
    keygen_same '' -Y find-principals -f signers -s message.sig
}

case_keygen_host_keys() {
    mkdir -p "$DIR_OURS/etc/ssh" "$DIR_THEIRS/etc/ssh"
    case $GROUP in
    *_newer) ;; # which has a type more than 9.2
    *) ln -s /dev/null "$DIR_OURS/etc/ssh/ssh_host_mldsa44_ed25519_key"
        echo there > "$DIR_OURS/etc/there"
        ln -sf ../there "$DIR_OURS/etc/ssh/ssh_host_mldsa44_ed25519_key" ;;
    esac
    keygen_same '' -A -f .
    keygen_same '' -A -f .
    : > "$DIR_OURS/etc/ssh/ssh_host_rsa_key"
    : > "$DIR_THEIRS/etc/ssh/ssh_host_rsa_key"
    keygen_same '' -q -A -f .
    rm -f "$DIR_OURS/etc/ssh/ssh_host_mldsa44_ed25519_key"
    (cd "$DIR_THEIRS/etc/ssh" && rm -f ssh_host_mldsa44_ed25519_key && stat -c '%n %a' ./*_key) > "$WORK/theirs.ls"
    (cd "$DIR_OURS/etc/ssh" && stat -c '%n %a' ./*_key) | cmp - "$WORK/theirs.ls"
}

keygen_group() {
    keygen_directories
    check "keys are made" keygen_fresh case_keygen_made
    check "passphrases are asked for" keygen_fresh case_keygen_prompts
    check "keys are shown" keygen_fresh case_keygen_shown
    check "keys are changed" keygen_fresh case_keygen_changed
    check "keys are converted" keygen_fresh case_keygen_converted
    check "arguments that make no sense" keygen_fresh case_keygen_arguments
    check "host keys" keygen_fresh case_keygen_host_keys
    check "allowed signers" keygen_fresh case_keygen_signers
}

group_keygen_openssh() { keygen_group; }

group_keygen_newer() {
    why=$(missing_newer)
    [ -z "$why" ] || { skip all "not installed: $why"; return; }
    keygen_group
}
