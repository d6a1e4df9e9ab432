#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Tests the program nacre-sftp-server: options, log lines, exit status and dialogues written by hand.
# Prints TAP lines. BUILD says where the program is.
set -u
export LC_ALL=C

program=$(cd "${BUILD:-build}" && pwd)/nacre-sftp-server
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
failed=0

result() { # STATUS NAME
    if [ "$1" -eq 0 ]; then
        echo "ok - sftp-server: $2"
    else
        failed=1
        echo "not ok - sftp-server: $2"
        [ -s why ] && sed 's/^/    /' why
    fi
    : > why
}

# run STATUS ARGS...: standard input to the program; its output is in out, its errors in err
run() {
    want=$1
    shift
    timeout 120 "$program" "$@" > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || { { echo "status $got, not $want"; cat err; } > why; return 1; }
}

# ---- Packets, in the escapes of printf(1) -------------------------------------------------------

num() { # N: as uint32
    printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}
str() { # TEXT: as string
    num ${#1}
    printf '%s' "$1"
}
request() { # TYPE ID LENGTH-OF-THE-REST REST
    num $((5 + $3))
    printf '\\%03o' "$1"
    num "$2"
    printf '%s' "$4"
}
init='\000\000\000\005\001\000\000\000\003'
handle='\000\000\000\010\000\000\000\000\000\000\000\001'
path_request() { # TYPE ID PATH
    request "$1" "$2" $((4 + ${#3})) "$(str "$3")"
}
open_request() { # ID PATH FLAGS
    request 3 "$1" $((12 + ${#2})) "$(str "$2")$(num "$3")$(num 0)"
}
say() {
    # shellcheck disable=SC2059
    printf "$init$1"
}
# status ID CODE: is that reply in out?
status() {
    # shellcheck disable=SC2059
    printf "\145$(num "$1")$(num "$2")" | od -An -v -tx1 | tr -d ' \n' > want
    od -An -v -tx1 out | tr -d ' \n' | grep -q -F -f want || {
        { echo "no status $2 for request $1:"; od -c out | head -30; } > why
        return 1
    }
}

# ---- Options ------------------------------------------------------------------------------------

run 1 -x < /dev/null && grep -q "invalid option -- 'x'" err && grep -q '^usage:' err
result $? 'an unknown option is named'
run 1 -h < /dev/null && grep -q '^usage:' err
result $? '-h'
for bad in '-l LOUD' '-f MAIL' '-u 8' '-u 1777' '-P read,rite' '-p read,rite' '-Q cipher' 'extra'; do
    # shellcheck disable=SC2086
    run 1 $bad < /dev/null && grep -q "\"$(echo "$bad" | sed 's/.* //; s/^read,//')\"" err
    result $? "refused by name: $bad"
done
run 0 -Q requests < /dev/null && [ "$(grep -c . out)" = 29 ] && grep -qx posix-rename out
result $? '-Q requests'
run 0 < /dev/null && [ ! -s out ]
result $? 'the end of the input is the end'

# ---- Dialogue -----------------------------------------------------------------------------------

say '' | run 0 && head -c 9 out | tail -c 5 | od -An -tx1 | grep -q '02 00 00 00 03'
result $? 'INIT is answered'
printf 'SSH-2.0-hello\r\n' | run 255 -e -l FATAL && grep -q 'packet length out of range' err
result $? 'not SFTP: one line and status 255'
say "$init" | run 255 -e -l FATAL && grep -q 'SSH_FXP_INIT: second init message' err
result $? 'out of order: one line and status 255'

mkdir dir
say "$(open_request 1 new 26)$(request 6 2 27 "$handle$(num 0)$(num 0)$(str hello)x")" | run 255 -e -l FATAL
result $? 'lengths that disagree: status 255'
rm -f new
say "$(open_request 1 new 26)$(request 6 2 29 "$handle$(num 0)$(num 0)$(str hello)")$(request 4 3 12 "$handle")" |
    run 0 -e -l INFO -u 027 && status 2 0 && status 3 0 && [ "$(cat new)" = hello ]
result $? 'open, write, close'
[ "$(ls -l new | cut -c1-10)" = -rw-r----- ]
result $? '-u'
grep -q '^open "new" flags WRITE,CREATE,TRUNCATE mode 0666$' err &&
    grep -q '^close "new" bytes read 0 written 5$' err && grep -q '^session closed$' err
result $? '-e -l INFO: what was done'

say "$(open_request 1 no 26)$(path_request 13 2 new)$(path_request 15 3 dir)" | run 0 -R &&
    status 1 3 && status 2 3 && status 3 3 && [ -f new ] && [ ! -e no ] && [ -d dir ]
result $? '-R: nothing changes (s90)'
say "$(path_request 13 2 new)$(path_request 17 3 nothing)" | run 0 -P remove,rmdir && status 2 3 && status 3 2
result $? '-P: denied'
say "$(path_request 13 2 new)$(path_request 17 3 nothing)" | run 0 -p stat,lstat && status 2 3 && status 3 2
result $? '-p: only allowed'
say "$(path_request 13 2 gone)" | run 0 -d "$work/dir" && status 2 2 && : > dir/gone &&
    say "$(path_request 13 2 gone)" | run 0 -d "$work/dir" && status 2 0 && [ ! -e dir/gone ]
result $? '-d'
run 1 -d '%x' < /dev/null && grep -q '"%x"' err
result $? '-d: an unknown token is named'
say "$(path_request 17 2 "$(printf 'a\033]52;\n\377b')")" | run 0 -e -l DEBUG &&
    grep -q '^stat name "a\\033]52;\\012\\377b"$' err
result $? 'names are escaped in the log (s53)'

[ "$failed" -eq 0 ]
