#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Tests the kat oracle: every case of tests/kat_cases.txt, and what cannot be written there (long lines, NUL
# bytes, lines without an end, answers before the next request). Prints TAP lines, one per section of
# the cases. BUILD says where kat is, KAT_RUNNER what runs it (qemu).
set -u
export LC_ALL=C

binary=${BUILD:-build}/kat
cases=tests/kat_cases.txt
kat() {
    # shellcheck disable=SC2086
    ${KAT_RUNNER:-} "$binary"
}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0

result() { # STATUS NAME
    if [ "$1" -eq 0 ]; then
        echo "ok - kat: $2"
    else
        failed=1
        echo "not ok - kat: $2"
        [ -s "$work/why" ] && sed 's/^/    /' "$work/why"
    fi
    : > "$work/why"
}

# same WANT NAME: the last answers are in $work/got
same() {
    printf "$1" > "$work/want"
    cmp -s "$work/want" "$work/got" || { head -c 400 "$work/got" > "$work/why"; false; }
    result $? "$2"
}

# ---- The cases ---------------------------------------------------------------------------------

sed -n 's/^> //p' $cases > "$work/requests"
kat < "$work/requests" > "$work/answers"
result $? "exits 0 at the end of its input"

if [ "$(grep -c '' "$work/requests")" -eq "$(grep -c '' "$work/answers")" ]; then
    result 0 "one answer for each request"
    awk -v answers="$work/answers" '
        function flush_section() {
            if (count == 0)
                return
            print (bad == "" ? "ok" : "not ok") " - kat: " section " (" count " cases)"
            printf "%s", bad
            bad = ""
            count = 0
        }
        /^# / { flush_section(); section = substr($0, 3) }
        /^> / { request = substr($0, 3) }
        /^< / {
            getline got < answers
            want = substr($0, 3)
            count++
            if (want == "error" ? got !~ /^error / : got != want)
                bad = bad "    > " substr(request, 1, 200) "\n    < " substr(got, 1, 200) "\n    want " \
                    substr(want, 1, 200) "\n"
        }
        END { flush_section() }' $cases > "$work/tap"
    cat "$work/tap"
    grep -q '^not ok' "$work/tap" && failed=1
else
    echo "$(grep -c '' "$work/requests") requests, $(grep -c '' "$work/answers") answers" > "$work/why"
    result 1 "one answer for each request"
fi

# Every twin of the fast code gives the same answers.
for cpu in portable avx2 vaes256; do
    sed -n 's/^> //p' $cases | NACRE_CPU=$cpu kat > "$work/got" 2> "$work/why"
    cmp -s "$work/answers" "$work/got" && [ ! -s "$work/why" ]
    result $? "the same answers with NACRE_CPU=$cpu"
done

# ---- Lines -------------------------------------------------------------------------------------

printf '\n# comment\n\nping\n#ping\nping' | kat > "$work/got"
same 'ok\nok\n' "blank lines and comments get no answer, a last line needs no end"

printf 'ping\0\nhash sha256 \000061\nping\n' | kat | sed 's/error .*/error/' > "$work/got"
same 'error\nerror\nok\n' "a NUL byte is an error"

printf 'ping\r\n\377\376\nhash sha256 00\t00\n' | kat | sed 's/error .*/error/' > "$work/got"
same 'unsupported\nunsupported\nerror\n' "other control characters"

# 4,194,290 bytes of message: a line of 8 MiB less a few characters
awk 'BEGIN { for (i = 0; i < 21; i++) z = (z == "") ? "00000000" : z z; printf "hash sha256 %s\n", substr(z, 1, 8388580) }' |
    kat > "$work/got"
same "ok $(head -c 4194290 /dev/zero | sha256sum | cut -d' ' -f1)\n" "a line of 8 MiB"

awk 'BEGIN { printf "aes-ctr 00000000000000000000000000000000 00000000000000000000000000000000"
    for (i = 0; i < 100000; i++) printf " -"; printf "\n" }' | kat | wc -c | tr -d ' ' > "$work/got"
same '200003\n' "100,000 arguments"

awk 'BEGIN { for (i = 0; i < 3000; i++) printf " -"; printf "\n" }' | kat | sed 's/error .*/error/' > "$work/got"
same 'error\n' "arguments without a verb"

# A caller may wait for each answer before it sends the next request.
mkfifo "$work/in" "$work/out"
kat < "$work/in" > "$work/out" &
pid=$!
exec 3> "$work/in" 4< "$work/out"
echo ping >&3
read -r first <&4
echo 'hash sha256 616263' >&3
read -r second <&4
exec 3>&-
wait "$pid"
printf '%s %s %s\n' "$?" "$first" "$second" > "$work/got"
exec 4<&-
same '0 ok ok ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n' "answers at once"

# ---- Compression -------------------------------------------------------------------------------

# What is compressed inflates to itself, chunk by chunk, and text that comes again gets shorter.
text=$(printf 'the packets of a channel, and the window of the channel; ' | od -An -v -tx1 | tr -d ' \n')
long=$(awk -v t="$text" 'BEGIN { for (i = 0; i < 1500; i++) printf "%s", t }')
chunks=$(echo "zlib-deflate $text - $text 00 $long $text" | kat | sed 's/^ok //')
echo "zlib-inflate 100000 $chunks" | kat > "$work/got"
echo "ok $text - $text 00 $long $text" | cmp -s - "$work/got"
result $? "zlib-inflate gives back what zlib-deflate took"
# shellcheck disable=SC2086
set -- $chunks
[ $# -eq 6 ] && [ ${#3} -lt 30 ] && [ ${#5} -lt 3000 ] && [ ${#6} -lt 30 ]
result $? "zlib-deflate shortens what comes again"

# ---- The list of verbs -------------------------------------------------------------------------

echo verbs | kat | tr ' ' '\n' | sed 1d | sort > "$work/verbs"
sed 's/^[ ]*//; s/ .*//; /^$/d' "$work/requests" | sort -u > "$work/used"
comm -23 "$work/verbs" "$work/used" > "$work/why"
[ -s "$work/verbs" ] && [ ! -s "$work/why" ]
result $? "every verb has cases"
while read -r verb; do
    echo "$verb"
done < "$work/verbs" | kat | grep -c unsupported > "$work/got"
same '0\n' "every verb listed is there"

# ---- Key files of ssh-keygen -------------------------------------------------------------------

hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
if command -v ssh-keygen > /dev/null &&
    ssh-keygen -q -t ed25519 -N '' -C 'some one' -f "$work/key" > /dev/null 2>&1; then
    blob=$(cut -d' ' -f2 "$work/key.pub" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    echo "key-priv $(hex "$work/key") -" | kat > "$work/got"
    same "ok ssh-ed25519 $blob 736f6d65206f6e65\n" "reads a key of ssh-keygen"
    ssh-keygen -l -f "$work/key.pub" | cut -d' ' -f2 | sed 's/SHA256://' > "$work/want"
    echo "key-pub $blob" | kat | cut -d' ' -f4 | sed 's/../\\x&/g' > "$work/fp"
    # shellcheck disable=SC2059
    printf "$(awk '{ n = split($0, a, "\\\\x"); for (i = 2; i <= n; i++) printf "\\%03o", \
        index("0123456789abcdef", substr(a[i], 1, 1)) * 16 - 16 + index("0123456789abcdef", substr(a[i], 2, 1)) - 1 }' \
        "$work/fp")" | base64 | tr -d '=\n' > "$work/got"
    echo >> "$work/got"
    cmp -s "$work/want" "$work/got"
    result $? "fingerprint as ssh-keygen's"

    unhex() { # text, not bytes of any value
        # shellcheck disable=SC2059
        printf "$(sed 's/../&\n/g' | awk '/./ { printf "\\%03o", index("0123456789abcdef", substr($0, 1, 1)) * 16 - 17 + \
            index("0123456789abcdef", substr($0, 2, 1)) }')"
    }
    text() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
    blob_of() { cut -d' ' -f2 "$1" | base64 -d | od -An -v -tx1 | tr -d ' \n'; }
    for spec in ed25519: rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521; do
        type=${spec%:*} bits=${spec#*:}
        key=$work/$type$bits
        ssh-keygen -q -t "$type" ${bits:+-b "$bits"} -N '' -C c -f "$key" > /dev/null 2>&1 || continue
        name=$(cut -d' ' -f1 "$key.pub")
        blob=$(blob_of "$key.pub")
        : > "$work/requests" && : > "$work/want"
        for form in RFC4716 PEM PKCS8; do # RFC4716 is ssh-keygen's word for its own form here
            for pass in '' 'open sesame'; do
                cp "$key" "$work/form"
                ssh-keygen -q -p -P '' -N "$pass" -m $form -a 2 -f "$work/form" > /dev/null 2>&1 || continue
                grep -q 'OPENSSH' "$work/form" && comment=63 || comment=-
                echo "key-priv $(hex "$work/form") $(text "${pass:-x}")" >> "$work/requests"
                echo "ok $name $blob $comment" >> "$work/want"
                [ -n "$pass" ] || continue
                echo "key-priv $(hex "$work/form") $(text 'open sesame!')" >> "$work/requests"
                echo "key-priv $(hex "$work/form") -" >> "$work/requests"
                printf 'reject\nreject\n' >> "$work/want"
            done
        done
        kat < "$work/requests" > "$work/got"
        cmp -s "$work/want" "$work/got"
        result $? "reads $type $bits of ssh-keygen in every form"

        ssh-keygen -q -s "$work/key" -I 'an id' -n alice,bob -V 20200101:20300101 -z 7 -O force-command=true \
            -f "$key.pub" "$key.pub" > /dev/null 2>&1
        cert=$(blob_of "$key-cert.pub")
        echo "key-cert $cert" | kat | cut -d' ' -f1,3,4,5,6 > "$work/got"
        same "ok 1 7 $(text 'an id') 00000005616c69636500000003626f62\n" "reads a certificate for $type $bits"
        echo "key-cert $cert" | kat | cut -d' ' -f11,12 > "$work/got"
        same "$(blob_of "$work/key.pub") $blob\n" "authority and key of a certificate for $type $bits"
        echo "key-cert ${cert%??}ff" | kat > "$work/got" # S is below 2^253: never ff
        same 'reject\n' "refuses a certificate for $type $bits with a damaged signature"

        printf 'a message' > "$work/message"
        rm -f "$work/message.sig"
        ssh-keygen -q -Y sign -n file -f "$key" "$work/message" > /dev/null 2>&1
        {
            echo "sshsig-verify $(text file) $(text 'a message') $(hex "$work/message.sig")"
            echo "sshsig-verify $(text git) $(text 'a message') $(hex "$work/message.sig")"
            echo "sshsig-verify $(text file) $(text 'a massage') $(hex "$work/message.sig")"
        } | kat > "$work/got"
        same "ok $blob\nreject\nreject\n" "verifies a signature of ssh-keygen -Y with $type $bits"
        echo "sshsig-sign $(hex "$key") - sha256 $(text file) $(text 'a message')" | kat | cut -d' ' -f2 | unhex > "$work/message.sig"
        ssh-keygen -Y check-novalidate -n file -s "$work/message.sig" < "$work/message" > /dev/null 2>&1
        result $? "signs so that ssh-keygen -Y verifies with $type $bits"
    done
else
    echo "ok - kat: reads a key of ssh-keygen # SKIP no ssh-keygen"
fi
exit $failed
