#!/bin/sh
# SPDX-License-Identifier: ISC
#
# ssh_config(5) at work: what nacre-ssh and nacre-sftp read in a file is what their connection to nacre-sshd
# is like. Prints TAP lines. BUILD says where the programs are.
set -u
export LC_ALL=C

case ${BUILD:-build} in
/*) build=$BUILD ;;
*) build=$PWD/${BUILD:-build} ;;
esac
work=$(mktemp -d) || exit 2
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
umask 077
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
mkdir -p home/.ssh
HOME=$work/home SHELL=/bin/sh
export HOME SHELL
failed=0
why=
me=$(id -un)

check() { # NAME: reports the checks since the last report
    if [ -z "$why" ]; then
        echo "ok - config: $1"
    else
        failed=1
        echo "not ok - config: $1"
        printf '%s\n' "$why" | sed 's/^/    /'
    fi
    why=
}
bad() {
    why="$why$*
"
}
run() { # STATUS COMMAND...
    want=$1
    shift
    timeout 60 "$@" > out 2> err < /dev/null
    got=$?
    [ "$got" -eq "$want" ] || bad "$*: status $got instead of $want: $(cat out err)"
}
out_is() { [ "$(cat out)" = "$1" ] || bad "output '$(cat out)' instead of '$1'"; }
err_has() { grep -qF -- "$1" err || bad "stderr lacks '$1': $(cat err)"; }

for program in keygen sshd sftp-server ssh sftp; do
    [ -x "$build/nacre-$program" ] && continue
    echo "ok - config # SKIP nacre-$program is not built"
    exit 0
done

"$build/nacre-keygen" -q -t ed25519 -N '' -f host || exit 2
"$build/nacre-keygen" -q -t ed25519 -N '' -f user || exit 2
printf '%s\n' "HostKey $work/host" 'ListenAddress 127.0.0.1' 'PidFile none' 'StrictModes no' \
    'PermitRootLogin yes' 'PerSourcePenalties no' "AuthorizedKeysFile $work/user.pub" 'AcceptEnv NACRE_*' \
    "Subsystem sftp $build/nacre-sftp-server" > sshd_config
: > log
"$build/nacre-sshd" -D -e -f sshd_config -p 0 > log 2>&1 < /dev/null &
server=$!
tries=0
until grep -q 'Server listening on' log; do
    tries=$((tries + 1))
    kill -0 "$server" 2> /dev/null && [ $tries -lt 200 ] || {
        echo "ok - config # SKIP nacre-sshd does not run here: $(cat log)"
        exit 0
    }
    sleep 0.05
done
port=$(sed -n 's/.*Server listening on .* port \([0-9]*\).*/\1/p' log | head -n 1)

common="HostName 127.0.0.1
Port $port
User $me
IdentityFile $work/%u-key
IdentitiesOnly yes
UserKnownHostsFile $work/known-%n
GlobalKnownHostsFile none
StrictHostKeyChecking accept-new
LogLevel ERROR
BatchMode yes"
mv user "$me-key"

printf 'Host alias\nSetEnv NACRE_A=1 "NACRE_B=2 3"\nHashKnownHosts yes\nMatch all\n%s\n' "$common" > config
run 0 "$build/nacre-ssh" -F config alias 'echo $NACRE_A, $NACRE_B, $SSH_CONNECTION' # host, port, user, key, variables
case $(cat out) in
"1, 2 3, 127.0.0.1 "*" 127.0.0.1 $port") ;;
*) bad "output $(cat out)" ;;
esac
grep -q '^|1|' known-alias || bad "no hashed name in known-alias: $(ls; cat known-alias)"
run 0 "$build/nacre-ssh" -F config other 'echo $NACRE_A.'
out_is .
grep -qF "[127.0.0.1]:$port " known-other || bad "known-other: $(cat known-other)"
echo "put $work/config $work/config.copy" > batch
run 0 "$build/nacre-sftp" -F config -b batch other
cmp -s config config.copy || bad "nacre-sftp has copied nothing"
check "paramiko_trap_config_applied"

if ! "$build/nacre-ssh" -G somewhere > out 2>&1; then # this machine's own configuration
    echo "ok - config: the usual file # SKIP $(head -n 1 out)"
else
    printf '%s\n' "$common" > home/.ssh/config
    run 0 "$build/nacre-ssh" somewhere 'echo there'
    out_is there
    chmod 660 home/.ssh/config
    run 255 "$build/nacre-ssh" somewhere 'echo there'
    err_has "Bad owner or permissions on $HOME/.ssh/config"
    chmod 600 home/.ssh/config
    run 255 "$build/nacre-ssh" -F none -o BatchMode=yes -o ConnectTimeout=5 -p 1 127.0.0.1 true
    err_has 'port 1: Connection refused'
    run 255 "$build/nacre-ssh" -p 1 somewhere true
    err_has 'connect to host 127.0.0.1 port 1: Connection refused'
    check "the usual file, and what goes before it"
fi

printf 'Match host here\nRemoteCommand echo "from  the file" %%n\nMatch host none\nSessionType none\nMatch host sub\nSessionType subsystem\nMatch host null\nStdinNull yes\nHost *\n%s\n' \
    "$common" | sed 's/Match host/Match originalhost/' > config
run 0 "$build/nacre-ssh" -F config here
out_is 'from  the file here'
run 255 "$build/nacre-ssh" -F config here true
err_has 'Cannot execute command-line and remote command.'
run 0 "$build/nacre-sftp" -F config -b batch here
echo input > input
timeout 60 "$build/nacre-ssh" -F config null cat < input > out 2> err || bad "StdinNull: $(cat err)"
out_is ''
timeout 60 "$build/nacre-ssh" -F config other cat < input > out 2> err || bad "no StdinNull: $(cat err)"
out_is input
timeout 2 "$build/nacre-ssh" -F config none > out 2> err < /dev/null
[ $? -eq 124 ] || bad "SessionType none: it has ended: $(cat out err)"
run 255 "$build/nacre-ssh" -F config sub no-such-subsystem
err_has 'subsystem request failed'
check "sessions"

# ---- Proxies -----------------------------------------------------------------------------------

cat > relay << 'END'
#!/bin/sh
# stands in for nc: our own -W through the first server
echo "$@" > relay.args
echo $$ > relay.pid
exec "$NACRE" -F "$CONFIG" -W "$1:$2" first
END
chmod +x relay
NACRE=$build/nacre-ssh CONFIG=$work/proxies
export NACRE CONFIG
{
    printf 'Host first\nHost piped\nProxyCommand ./relay %%h %%p %%n-%%r\nHost broken\nProxyCommand echo nonsense; exit 3\n'
    printf 'Host silent\nProxyCommand sleep 1000\nConnectTimeout 1\nHost absent\nProxyCommand /no/such/program\n'
    printf 'Host jumped\nProxyJump first\nHost twice\nProxyJump %s@first:%s,second\nHost none\nProxyJump none\n' "$me" "$port"
    printf 'Host *\n%s\n' "$common"
} > proxies
run 0 "$build/nacre-ssh" -F proxies piped 'echo through; cat'
out_is through
[ "$(cat relay.args)" = "127.0.0.1 $port piped-$me" ] || bad "arguments: $(cat relay.args)"
! kill -0 "$(cat relay.pid)" 2> /dev/null || bad "the proxy is still there"
head -c 5000000 /dev/urandom > bulk
timeout 60 "$build/nacre-ssh" -F proxies piped cat < bulk > out 2> err || bad "bulk: $(cat err)"
cmp -s bulk out || bad "what comes back is not what went there"
run 7 "$build/nacre-ssh" -F proxies piped 'exit 7'
echo "put $work/bulk $work/bulk.copy" > batch
run 0 "$build/nacre-sftp" -F proxies -b batch piped
cmp -s bulk bulk.copy || bad "nacre-sftp has copied nothing"
run 255 "$build/nacre-ssh" -F proxies broken true
run 255 "$build/nacre-ssh" -F proxies absent true
run 255 "$build/nacre-ssh" -F proxies silent true
check "ProxyCommand"

run 0 "$build/nacre-ssh" -F proxies jumped 'echo jumped'
out_is jumped
run 0 "$build/nacre-ssh" -F proxies twice 'echo twice'
out_is twice
run 0 "$build/nacre-ssh" -F proxies -J second,first none 'echo by argument'
out_is 'by argument'
run 0 "$build/nacre-ssh" -F proxies none 'echo direct'
out_is direct
echo "put $work/bulk $work/bulk.jumped" > batch
run 0 "$build/nacre-sftp" -F proxies -b batch -J first none
cmp -s bulk bulk.jumped || bad "nacre-sftp has copied nothing"
run 255 "$build/nacre-ssh" -F proxies -o ProxyJump=first -p 1 none true # nobody listens there
err_has 'channel refused'
run 255 "$build/nacre-ssh" -F proxies -J 'a$(touch ran)b' none true
err_has 'invalid ProxyJump'
[ ! -e ran ] || bad "something ran"
check "ProxyJump"

run 0 "$build/nacre-ssh" -F proxies -o "ProxyJump=%r@second,%r@%n-first" none 'echo by tokens'
out_is 'by tokens'
check "tokens in ProxyJump"

# A file that leads back to itself: nobody is started without end.
printf 'Host *\nProxyJump bastion\n%s\n' "$common" > loop
run 255 "$build/nacre-ssh" -F loop web true
err_has 'jumphost loop via bastion'
run 255 "$build/nacre-ssh" -F loop Bastion true
err_has 'jumphost loop via bastion'
[ "$(wc -l < err)" -eq 1 ] || bad "started for nothing: $(cat err)"
echo "put $work/loop $work/loop.copy" > batch
run 255 "$build/nacre-sftp" -F loop -b batch web
err_has 'jumphost loop via bastion'
printf 'Host a\nProxyJump b\nHost b\nProxyJump a\nHost *\n%s\n' "$common" > loop
run 255 "$build/nacre-ssh" -F loop a true
err_has '16 jump hosts, each through the next: a loop via '
[ "$(wc -l < err)" -le 20 ] || bad "too many programs: $(cat err)"
printf 'Host *\nProxyJump joe@127.0.0.1:%s\n%s\n' "$port" "$common" > loop
run 255 "$build/nacre-ssh" -F loop -l joe web true
err_has 'jumphost loop via 127.0.0.1'
run 255 "$build/nacre-ssh" -F proxies -J first -p 1 first true # another port of the jump host is no loop
err_has 'channel refused'
check "ProxyJump that leads back"

run 255 "$build/nacre-ssh" -F proxies -W 127.0.0.1:1 first
err_has 'channel refused'
for bad in host host:0 host:x :22 a:b:c; do
    run 255 "$build/nacre-ssh" -F proxies -W "$bad" first
    err_has "Bad stdio forwarding specification '$bad'"
done
(sleep 1) | timeout 60 "$build/nacre-ssh" -F proxies -W "[127.0.0.1]:$port" first > out 2> err
[ "$(head -c 8 out)" = SSH-2.0- ] || bad "no version line: $(cat out err)"
check "-W"

run 0 "$build/nacre-ssh" -F none -G -o NumberOfPasswordPrompts=0 -o ServerAliveCountMax=0 other
grep -qx 'numberofpasswordprompts 0' out || bad "-G: $(grep prompts out)"
grep -qx 'serveralivecountmax 0' out || bad "-G: $(grep alive out)"
run 0 "$build/nacre-ssh" -F none -G other
grep -qx 'numberofpasswordprompts 3' out || bad "-G: $(grep prompts out)"
grep -qx 'serveralivecountmax 3' out || bad "-G: $(grep alive out)"
check "counts of zero"

# ---- Refusals ----------------------------------------------------------------------------------

printf 'Host refused\nRefuseConnection "not today"\nHost proxy\nPort 1\nProxyCommand touch ran\nHost *\n%s\n' "$common" > config
run 255 "$build/nacre-ssh" -F config refused true
err_has 'config line 2: RefuseConnection: not today'
run 255 "$build/nacre-sftp" -F config -b batch refused
err_has 'config line 2: RefuseConnection: not today'
run 0 "$build/nacre-ssh" -F config -o ProxyCommand=none -p "$port" proxy true
printf 'Host *\n%s\nNoSuch 1\nAlso x\n' "$common" > config
run 255 "$build/nacre-ssh" -F config other true
err_has 'config: line 12: Bad configuration option: nosuch'
err_has 'config: terminating, 2 bad configuration options'
printf 'Host *\nLogLevel QUIET\nNoSuch 1\n' > config
run 255 "$build/nacre-ssh" -F config other true
err_has 'config: line 3: Bad configuration option: nosuch'
run 255 "$build/nacre-ssh" -q -F config other true
[ ! -s err ] || bad "-q: $(cat err)"
printf 'Host *\n%s\n' "$common" | grep -v Known > config # whose files would be ~/.ssh/known_hosts
long=$(head -c 5000 /dev/zero | tr '\0' x)
run 255 env "HOME=/$long" "$build/nacre-ssh" -F config other true
err_has 'known_hosts: result is too long'
run 255 env "HOME=/$long" "$build/nacre-sftp" -F config -b batch other
err_has 'known_hosts: result is too long'
run 255 "$build/nacre-ssh" -F absent other true
err_has "Can't open user config file absent: No such file or directory"
run 0 "$build/nacre-ssh" -F /dev/null -G other
printf 'Port 77\n' | timeout 60 "$build/nacre-ssh" -F /dev/stdin -G other > out 2> err
grep -qx 'port 77' out || bad "no configuration from a pipe: $(cat err)"
check "refusals"

exit $failed
