# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# What the scripts that run nacre-keygen for real begin with: a folder of their own, checks gathered up
# and reported as TAP lines. Sourced in the root of the tree; `suite` names the script's checks. Leaves
# with a skip if the program is not built.

case ${BUILD:-build} in
/*) keygen=$BUILD/nacre-keygen ;;
*) keygen=$PWD/${BUILD:-build}/nacre-keygen ;;
esac
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 022
failed=0
why=

# check NAME: reports the checks since the last report
check() {
    if [ -z "$why" ]; then
        echo "ok - $suite: $1"
    else
        failed=1
        echo "not ok - $suite: $1"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
# run STATUS ARGUMENTS: runs with no input; output in out and err
run() {
    want=$1
    shift
    timeout 120 "$keygen" "$@" < /dev/null > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "nacre-keygen $*: status $got instead of $want: $(cat out err)"
}
out_is() {
    # shellcheck disable=SC2059 # what is expected is a format: lines end in \n
    printf "$1" > want
    cmp -s want out || bad "stdout is: $(cat out)"
}
err_has() {
    grep -qF -- "$1" err || bad "stderr lacks '$1': $(cat err)"
}
mode_is() {
    [ "$(stat -c %a "$2")" = "$1" ] || bad "$2 has mode $(stat -c %a "$2")"
}

if ! [ -x "$keygen" ]; then
    echo "ok - $suite # SKIP $keygen is not built"
    exit 0
fi
