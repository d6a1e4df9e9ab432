#!/bin/sh
# SPDX-License-Identifier: ISC
#
# nacre-sftp over the pipes of nacre-sftp-server, and nacre-ssh as far as it goes without a server: output,
# messages, exit status, what a failure leaves behind. Prints TAP lines. BUILD says where the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
sftp=$build/nacre-sftp
ssh=$build/nacre-ssh
server=$build/nacre-sftp-server
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 022
mkdir remote local home
HOME=$work/home
export HOME
failed=0
why=

# check NAME: reports the checks since the last report
check() {
    if [ -z "$why" ]; then
        echo "ok - $1"
    else
        failed=1
        echo "not ok - $1"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
# batch STATUS: runs the lines on standard input with local as directory; output in out and err
batch() {
    want=$1
    shift
    cat > batch
    (cd local && exec "$sftp" -b ../batch "$@" -D "$server") > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "exit status $got, not $want: $(cat err)"
}
# run STATUS PROGRAM ARGUMENTS
run() {
    want=$1
    shift
    "$@" > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "$*: exit status $got, not $want: $(cat err)"
}
said() { # the error output holds this text
    grep -qF -- "$1" err || bad "no '$1' in: $(cat err)"
}
printed() {
    grep -qF -- "$1" out || bad "no '$1' in: $(cat out)"
}
same() {
    cmp -s "$1" "$2" || bad "$1 and $2 differ"
}
r=$work/remote

# ---- Transfers ---------------------------------------------------------------------------------

for n in 0 1 32767 32768 1000000 5000000; do
    head -c $n /dev/urandom > local/in.$n
    batch 0 << EOF
put in.$n $r/f
get $r/f out.$n
rm $r/f
EOF
    same local/in.$n local/out.$n
done
[ "$(ls local | wc -l)" -eq 12 ] || bad "left behind: $(ls local)"
check "sftp: put and get of several sizes"
rm -f local/*

echo one > "local/a file" && echo two > 'local/b*c' && echo three > local/bxc
batch 0 << EOF
cd $r
put "a file"
put 'b*c' star
put b?c
ls -1
get a\\ file "copy of it"
get "st"*
EOF
same "local/a file" "remote/a file"
same 'local/b*c' remote/star
same local/bxc remote/bxc
same "local/a file" "local/copy of it"
same 'local/b*c' local/star
printed "a file"
check "sftp: quotes and patterns"
rm -rf local/* remote/*

mkdir -p local/tree/sub/deep && echo 1 > local/tree/f1 && echo 2 > local/tree/sub/f2
ln -s f1 local/tree/link
chmod 750 local/tree/sub
batch 0 -r -p << EOF
put tree $r/up
get $r/up down
EOF
same local/tree/sub/f2 remote/up/sub/f2
same local/tree/f1 local/down/f1
[ -d local/down/sub/deep ] || bad "no empty directory"
[ -e remote/up/link ] && bad "a link was followed"
said 'not a regular file'
check "sftp: trees"
rm -rf local/* remote/*

# ---- Failures ----------------------------------------------------------------------------------

batch 1 << EOF
get $r/none
put $r/none
EOF
said "get \"$r/none\": No such file"
grep -q 'put "' err && bad "went on after a failure"
check "sftp: a failure ends a batch"

echo x > local/x
batch 0 << EOF
-get $r/none
- rm $r/none*
@put x $r/x
EOF
[ -f remote/x ] || bad "did not go on"
grep -q 'sftp> put' out && bad "@ does not hush"
check "sftp: '-' forgives, '@' hushes"

batch 1 << EOF
put missing $r/y
EOF
said 'local open missing: No such file or directory'
[ -e remote/y ] && bad "made a file of nothing"
batch 1 << EOF
get $r/x /no/such/directory/x
EOF
said '/no/such/directory/x'
batch 1 << EOF
fly me to the moon
EOF
said 'Invalid command.'
batch 1 << EOF
get "unterminated
EOF
said 'unterminated quote'
check "sftp: messages name what failed"

head -c 3000000 /dev/zero > local/big
batch 0 << EOF
put big $r/big
EOF
echo old > local/target
(
    ulimit -f 2048
    trap '' XFSZ
    echo "get $r/big target" > batch
    cd local && exec "$sftp" -b ../batch -D "$server"
) > out 2> err
[ $? -eq 1 ] || bad "no failure"
said 'local write target: File too large'
[ "$(cat local/target)" = old ] || bad "the target was touched"
ls local/target?* 2> /dev/null && bad "something was left behind"
check "sftp: a full disk leaves the target as it was"

# The server stalls in the middle; an interrupt ends it.
cat > stall << EOF
#!/bin/sh
"$server" | { dd bs=65536 count=20 2> /dev/null; exec sleep 60; }
EOF
chmod +x stall
echo "get $r/big stalled" > batch
(cd local && exec "$sftp" -b ../batch -D ../stall) > out 2> err &
pid=$!
n=0
while [ $n -lt 1200 ] && [ -z "$(find local -name 'stalled.*' -size +0)" ]; do
    sleep 0.05
    n=$((n + 1))
done
sleep 0.1
kill -INT $pid
n=0
while [ $n -lt 600 ] && kill -0 $pid 2> /dev/null; do
    sleep 0.1
    n=$((n + 1))
done
kill -9 $pid 2> /dev/null && bad "an interrupt does not end it"
wait $pid 2> /dev/null
[ -e local/stalled ] && bad "it looks whole"
[ -s local/stalled.part ] || bad "nothing to resume"
batch 0 << EOF
reget $r/big stalled
EOF
same local/stalled remote/big
[ -e local/stalled.part ] && bad "the part is still there"
check "sftp: interrupted and resumed"
rm -rf local/* remote/*

# ---- Commands ----------------------------------------------------------------------------------

echo hello > local/f
batch 0 << EOF
cd $r
pwd
mkdir d
put f d/f
chmod 600 d/f
rename d/f g
ln -s g l
symlink g l2
ln g hard
stat g
ls -l
ls -la d
df
lpwd
lmkdir made
lcd made
!echo from the shell
lls ..
version
help
rm l l2 hard
rmdir d
EOF
printed "Remote working directory: $r"
printed "from the shell"
printed "Local working directory: $work/local"
printed "SFTP protocol version 3"
[ -d local/made ] || bad "no lmkdir"
[ "$(ls remote)" = g ] || bad "left: $(ls remote)"
[ "$(ls -l remote/g | cut -c1-10)" = -rw------- ] || bad "chmod: $(ls -l remote/g)"
check "sftp: commands"

printf 'pwd\nbogus\nbye\n' | "$sftp" -D "$server" > out 2> err || bad "exit status of a session"
printed 'sftp> '
said 'Invalid command.'
printf 'pwd\n' | "$sftp" -q -D "$server" > out 2> err || bad "exit status at the end of the input"
check "sftp: interactive"

run 255 "$sftp" -D /no/such/server
run 255 "$sftp" -b nobatch -D false
run 1 "$sftp" -b nobatch -D "$server"
said 'nobatch: No such file or directory'
run 1 "$sftp"
said 'usage:'
for letter in A X:1 l:5; do
    arg=${letter#?}
    run 255 "$sftp" -${letter%%:*} ${arg#:} host
    said "option -${letter%%:*} is not supported"
done
check "sftp: refusals"

# ---- nacre-ssh without a server ----------------------------------------------------------------

run 255 "$ssh" -F none -p 1 -o ConnectTimeout=5 127.0.0.1 true
said 'nacre-ssh: connect to host 127.0.0.1 port 1: Connection refused'
run 255 "$ssh" -o NoSuchOption=1 host
said 'nacre-ssh: option NoSuchOption is not supported'
run 255 "$ssh" -J 'a;b' host
said 'invalid ProxyJump "a;b"'
run 255 "$ssh" -D 1080 host
said 'option -D is not supported'
run 255 "$ssh" -F other host
said "Can't open user config file other: No such file or directory"
run 255 "$ssh" -F none -c rot13 127.0.0.1
said 'unknown or unavailable cipher: rot13'
run 255 "$ssh"
said 'usage:'
run 0 "$ssh" -V
said 'nacre '
run 0 "$ssh" -F none -G -p 2200 joe@host
printed 'port 2200'
printed 'user joe'
check "ssh: messages and exit status"

for host in -oProxyCommand=x 'a;b' 'a b' '$(x)' '`x`' 'a|b' "a'b" 'ssh://a%00b@c' 'joe@-x' '-x@host'; do
    run 255 "$ssh" -o 'ProxyCommand=touch pwned %h %n %r' -- "$host" true
    said 'in the destination'
done
[ -e pwned ] && bad "something ran"
check "s54: hosts and users"

exit $failed
