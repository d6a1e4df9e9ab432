# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# ssh_config(5): the same files and arguments given to `ssh -G` and to `nacre-ssh -G`, of this system and of the
# newest suite. What both print is the same, keyword by keyword and in the same order for each; where one
# refuses the other does, for the same lines. Then connections by way of others, with one file for all.

version_sshconfig() { version_openssh; }
missing_sshconfig() { absent ssh sftp "$SSHD" "$NACRE_SSH" "$NACRE_SFTP"; }

# Both in one place: ours is a static program, and goes where the newer one lives.
sshconfig_place() {
    SHARED=$WORK/config THERE=$WORK/config
    case $GROUP in
    *_newer)
        newer_share
        SHARED=$NEWER_DIR$NEWER_WORK THERE=$NEWER_WORK
        cp "$NACRE_SSH" "$SHARED/nacre-ssh"
        chroot "$NEWER_DIR" "$THERE/nacre-ssh" -V 2> /dev/null || return 1
        ;;
    *) mkdir "$SHARED" ;;
    esac
    chmod 700 "$SHARED"
}
sshconfig_run() { # PROGRAM ARGUMENT...: in the place, at its root
    case $GROUP in
    *_newer) bounded chroot "$NEWER_DIR" env HOME=/root SHELL=/bin/sh CONFIG_VAR=value sh -c 'cd "$1" && shift && exec "$@"' - "$THERE" "$@" ;;
    *) (cd "$SHARED" && HOME=$(getent passwd "$ME" | cut -d: -f6) SHELL=/bin/sh CONFIG_VAR=value bounded "$@") ;;
    esac
}
sshconfig_ours() {
    case $GROUP in
    *_newer) echo "$THERE/nacre-ssh" ;;
    *) echo "$NACRE_SSH" ;;
    esac
}

# Keywords in small letters. The usual keys are not the same in all versions, and Debian's sends keepalives
# where BatchMode is on.
sshconfig_plain() {
    awk '{ $1 = tolower($1) }
        $1 == "identityfile" && $2 ~ /^~\/.ssh\/id_(xmss|dsa|mldsa44_ed25519)$/ { next }
        /^serveraliveinterval (0|300)$/ { next }
        { print }' "$1"
}

# What both print, sorted by keyword alone
sshconfig_common() { # FILE OTHER
    sshconfig_plain "$2" | cut -d' ' -f1 | sort -u > "$SHARED/known"
    sshconfig_plain "$1" | awk -v known="$SHARED/known" '
        BEGIN { while ((getline k < known) > 0) has[k] = 1 }
        $1 in has' | sort -s -t' ' -k1,1
}

# The configuration is standard input; a part after a line "== NAME" is another file.
sshconfig_files() {
    rm -f "$SHARED"/*.conf
    : > "$SHARED/main.conf"
    awk -v dir="$SHARED/" 'BEGIN { out = dir "main.conf" } /^== / { out = dir $2 ".conf"; next } { print > out }'
    sed -i "s|@HERE@|$THERE|g" "$SHARED"/*.conf
}

# ssh does not say where it stops.
case_sshconfig_loop() {
    printf 'Include @HERE@/main.conf\n' | sshconfig_files
    for program in ssh "$(sshconfig_ours)"; do
        sshconfig_run "$program" -G -F "$THERE/main.conf" host 2> "$SHARED/err" && fail "$program takes it"
        cat "$SHARED/err"
        grep -q 'Too many recursive configuration includes' "$SHARED/err" || fail "$program says something else"
    done
}

case_sshconfig() { # CONFIGURATION ARGUMENT...
    printf '%b' "$1" | sshconfig_files
    shift
    [ $# -gt 0 ] || set -- host
    sshconfig_run ssh -G -F "$THERE/main.conf" "$@" > "$SHARED/theirs" 2> "$SHARED/theirs.err"
    theirs=$?
    sshconfig_run "$(sshconfig_ours)" -G -F "$THERE/main.conf" "$@" > "$SHARED/ours" 2> "$SHARED/ours.err"
    ours=$?
    cat "$SHARED"/*.conf "$SHARED"/*.err
    [ "$theirs" -eq "$ours" ] || fail "exit status $ours, theirs is $theirs"
    for who in ours theirs; do
        grep -o '[^ ]*:* line [0-9]*\|terminating, [0-9]* bad' "$SHARED/$who.err" | tr -d : | uniq > "$SHARED/$who.lines"
    done
    diff "$SHARED/theirs.lines" "$SHARED/ours.lines" || fail "other lines are refused"
    sshconfig_common "$SHARED/theirs" "$SHARED/ours" > "$SHARED/theirs.common"
    sshconfig_common "$SHARED/ours" "$SHARED/theirs" > "$SHARED/ours.common"
    diff "$SHARED/theirs.common" "$SHARED/ours.common" || fail "the configuration differs"
    [ "$ours" -ne 0 ] || [ "$(wc -l < "$SHARED/ours.common")" -gt 40 ] || fail "hardly anything is the same: see above"
}

sshconfig_cases() {
    check "nothing" case_sshconfig '# nothing\n\n   # at all\n'
    check "first values" case_sshconfig 'Port 1\nPort 2\nUser a\nUser b\nBatchMode yes\nCompression yes\nBatchMode no\n'
    check "arguments go before" case_sshconfig 'Port 1\nUser a\nLogLevel QUIET\nIdentityFile /f\n' -p 5 -l b -o LogLevel=ERROR -i /etc/passwd host
    check "user of the destination" case_sshconfig 'User a\n' joe@host
    check "quotes, '=' and comments" case_sshconfig '  Port = 22 # c\n\tUser="ab"\nHostName=h2\n"BindAddress" 127.0.0.1\nIdentityFile "/a b"\nIdentityFile /a\\ b#c\n'
    check "escapes" case_sshconfig "IdentityFile a\\\\\\\\\"b\nIdentityFile 'x\"y'\nIdentityFile \"x'y\"\nIdentityFile a\\\\\\\\b\nIdentityFile a\\\\nb\n"
    check "line ends" case_sshconfig 'Port 4\r\nUser joe  \t\r\n'
    check "Host" case_sshconfig 'Host other\nPort 1\nHost h?st\nUser a\nHost *o* !host\nCompression yes\nHost ! host\nBatchMode yes\n'
    check "Host with capitals" case_sshconfig 'Host host\nPort 1\nHost HoSt\nPort 2\n' HoSt
    check "Host denied" case_sshconfig 'Host !host *\nPort 1\nHost * !host\nPort 2\nHost !a\nPort 3\nHost !a *\nPort 4\n'
    check "lists" case_sshconfig 'IdentityFile /a\nIdentityFile /b\nIdentityFile /a\nCertificateFile /c\nCertificateFile /d\nSendEnv A B\nSendEnv C*\nSendEnv -B\nSetEnv A=1 "B=2 3"\nSetEnv C=4\nUserKnownHostsFile /x /y\nUserKnownHostsFile /z\nGlobalKnownHostsFile /g\n'
    check "forwards" case_sshconfig 'LocalForward 80 a:90\nLocalForward [::1]:81 [b]:91\nRemoteForward 82 c:92\nLocalForward 127.0.0.1:83 c:93\nLocalForward 80 a:90\nGatewayPorts yes\nExitOnForwardFailure yes\n'
    check "Match all" case_sshconfig 'Host other\nPort 1\nMatch all\nPort 2\nMatch !all\nUser no\n'
    check "Match host" case_sshconfig 'HostName real\nMatch host REAL\nPort 2\nMatch host host\nUser no\nMatch !host host\nBatchMode yes\n'
    check "Match originalhost" case_sshconfig 'HostName real\nMatch originalhost ho*,!x\nPort 2\nMatch originalhost real\nUser no\nMatch !originalhost real\nBatchMode yes\n'
    check "Match user" case_sshconfig 'Match user joe\nPort 1\nMatch user JOE\nCompression yes\nMatch !user ann,a*\nBatchMode yes\nMatch user=j*,!joe\nHashKnownHosts yes\n' joe@host
    check "Match user of a file" case_sshconfig 'Match user joe\nPort 1\nHost *\nUser joe\nMatch user joe\nPort 2\n'
    check "Match localuser" case_sshconfig "Match localuser $ME\nPort 1\nMatch localuser nobody-else\nUser no\nMatch !localuser nobody-else\nBatchMode yes\n"
    check "Match exec" case_sshconfig 'Match exec "test %h-%n-%p-%r = host-host-22-joe"\nPort 1\nMatch exec false\nUser no\nMatch !exec "exit 3"\nBatchMode yes\nMatch host other exec "touch ran"\nCompression yes\n' joe@host
    check "Match exec, tokens" case_sshconfig 'Match exec "echo %C %d %h %i %k %L %l %n %p %r %u %% > /dev/null; test %u-%i = $(id -un)-$(id -u)"\nPort 1\n'
    check "several criteria" case_sshconfig 'Match host host user joe\nPort 1\nMatch host host user ann\nBatchMode yes\nMatch !host x !user ann # comment\nCompression yes\n' joe@host
    check "Match canonical and final" case_sshconfig 'HostName real\nMatch canonical\nPort 1\nMatch final host real\nUser fin\nMatch !canonical host real\nBatchMode yes\nMatch final all\nCompression yes\n'
    check "no second time" case_sshconfig 'Match canonical\nPort 1\nMatch !canonical\nUser a\nMatch canonical all\nBatchMode yes\n'
    check "second time" case_sshconfig 'HostName A.B\nMatch final\nHost A.B\nUser up\nHost a.b\nPort 77\nHost host\nUser orig\nIdentityFile /k\nSendEnv X\n'
    check "Include" case_sshconfig 'Include @HERE@/a.conf @HERE@/[b-c].conf\nInclude @HERE@/no*.conf\nPort 9\n== a\nUser a\nHost other\nBatchMode yes\n== b\nPort 7\nUser b\nInclude @HERE@/d.conf\n== c\nPort 8\n== d\nCompression yes\n'
    check "Include in blocks" case_sshconfig 'Host other\nInclude @HERE@/a.conf\nHost host\nInclude @HERE@/b.conf\nUser u\nMatch host x\nInclude @HERE@/a.conf\n== a\nPort 1\nHost host\nPort 2\n== b\nHost other\nBatchMode yes\nHost *\nCompression yes\n'
    check "Include of mistakes" case_sshconfig 'Port x\nInclude @HERE@/a.conf\nPort y\n== a\nFoo 1\nPort 1\nBar 2\n'
    check "Include for ever" case_sshconfig_loop
    check "host names" case_sshconfig 'HostName %h.Example.COM\nHostKeyAlias %h\n' Host
    check "addresses" case_sshconfig 'User a\n' 0:0:0::0001
    check "tokens in files" case_sshconfig 'HostName real\nPort 5\nIdentityFile ~/k-%h\nUserKnownHostsFile ~/x-%h-%n-%p-%r %d/y-%i-%u-%k-%C-%% ${CONFIG_VAR}/z\nIdentityAgent ~/ag-%h\nCertificateFile ~/c-%h\n' joe@host
    check "tokens that are not" case_sshconfig 'UserKnownHostsFile /x-%y\n'
    check "tokens that are not, in HostName" case_sshconfig 'HostName %n\n'
    check "variables that are not" case_sshconfig 'UserKnownHostsFile /x-${NO_SUCH_VARIABLE}\n'
    check "canonical names that are not there" case_sshconfig 'CanonicalizeHostname yes\nCanonicalDomains nacre.invalid\nMatch canonical host host\nUser can\nMatch !canonical\nPort 3\n'
    check "canonical names that must be there" case_sshconfig 'CanonicalizeHostname yes\nCanonicalDomains nacre.invalid\nCanonicalizeFallbackLocal no\n'
    check "canonical names with dots" case_sshconfig 'CanonicalizeHostname always\nCanonicalDomains nacre.invalid\nCanonicalizeMaxDots 0\nCanonicalizeFallbackLocal no\nMatch final host a.b\nPort 4\n' a.b
    check "canonical names of this machine" case_sshconfig 'CanonicalizeHostname yes\nCanonicalDomains none\nCanonicalizePermittedCNAMEs *.a:*.b,*.c\nMatch canonical host localhost\nPort 4\n' localhost
    check "words" case_sshconfig 'AddressFamily inet6\nStrictHostKeyChecking accept-new\nRequestTTY force\nPubkeyAuthentication no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUpdateHostKeys ask\nHashKnownHosts yes\nIdentitiesOnly yes\nClearAllForwardings yes\nStdinNull yes\nSessionType none\n'
    check "numbers and times" case_sshconfig 'ConnectTimeout 1m30s\nServerAliveInterval 2h\nServerAliveCountMax 9\nNumberOfPasswordPrompts 2\nRekeyLimit 1G 1h\nCanonicalizeMaxDots 3\nAddKeysToAgent confirm 5m\n'
    check "other values" case_sshconfig 'EscapeChar ^A\nForwardAgent /s\nPreferredAuthentications publickey\nRemoteCommand echo "a  b" # c\nLogLevel verbose\nIdentityAgent none\nIgnoreUnknown a,b\nIPQoS af21\n'
    check "ProxyCommand" case_sshconfig 'ProxyCommand nc  %h %p # c\nProxyJump a\n'
    check "ProxyJump" case_sshconfig 'ProxyJump u@a:5,b,ssh://c:9\nProxyCommand x\n'
    check "ProxyJump to an address" case_sshconfig 'ProxyJump [::1]:5\n'
    check "no proxies" case_sshconfig 'ProxyJump none\nProxyCommand x\nHost host\nProxyJump a\n'
    check "no proxies, by command" case_sshconfig 'ProxyCommand none\nProxyJump a\n'
    check "ProxyJump by argument" case_sshconfig 'ProxyCommand x\nProxyJump b\n' -J a host
    check "names that a proxy has to find" case_sshconfig 'CanonicalizeHostname yes\nCanonicalDomains nacre.invalid\nCanonicalizeFallbackLocal no\nProxyJump a\n'
    check "unknown keywords" case_sshconfig 'Foo bar\nPort 22\nHost other\nBaz\nQux 1\n'
    check "unknown keywords that are ignored" case_sshconfig 'IgnoreUnknown Foo,Q*\nFoo bar\nQux "1\nPort 5\n'
    check "keywords that are gone" case_sshconfig 'UseRoaming no\nRhostsAuthentication no\nCipher 3des\nPort 5\n'
    check "bad values" case_sshconfig 'Port 22x\nPort 99999\nBatchMode maybe\nConnectTimeout soon\nHost other\nRekeyLimit x\nStrictHostKeyChecking perhaps\nSetEnv X\n'
    check "values missing or too many" case_sshconfig 'User\nPort\nUser a b\nIdentityFile a b\nHost ""\nHost\nMatch\nInclude\n'
    check "bad quotes" case_sshconfig 'User "a\nHost "x\nPort 5\nProxyCommand echo "a\nIdentityFile \\"a\n'
    check "bad criteria" case_sshconfig 'Match foo bar\nMatch host\nMatch all host x\nMatch host x all\nMatch exec\nMatch user\n'
    check "a file that is not there" case_sshconfig '' -F @none@ host
}

sshconfig_newer_cases() {
    check "Match exec, jump host" case_sshconfig 'Match exec "test x%j = x"\nPort 1\n'
    check "Match tagged" case_sshconfig 'Tag work\nMatch tagged w*\nPort 1\nMatch tagged play\nUser no\nMatch !tagged play\nBatchMode yes\n'
    check "Match tagged, by argument" case_sshconfig 'Match tagged work\nPort 1\nMatch tagged ""\nUser no\n' -P work host
    check "Match tagged, none" case_sshconfig 'Match tagged work\nPort 1\nMatch tagged ""\nUser none\n'
    check "Match localnetwork" case_sshconfig 'Match localnetwork 127.0.0.0/8\nPort 1\nMatch localnetwork 192.0.2.0/24\nUser no\nMatch !localnetwork 192.0.2.0/24,2001:db8::/32\nBatchMode yes\n'
    check "Match localnetwork, bad" case_sshconfig 'Match localnetwork 127.0.0.1/8\nPort 1\nMatch localnetwork 127.*\nPort 1\nMatch localnetwork x/8\nPort 2\n'
    check "Match version" case_sshconfig 'Match version nosuch_*\nPort 1\nMatch !version nosuch_*\nUser a\nMatch version *\nBatchMode yes\n'
    check "Match sessiontype" case_sshconfig 'Match sessiontype shell\nPort 1\nMatch sessiontype exec,none\nUser no\n'
    check "Match sessiontype of commands" case_sshconfig 'Match sessiontype exec\nPort 1\nMatch sessiontype shell\nUser no\n' host uptime
    check "Match sessiontype of none" case_sshconfig 'Match sessiontype none\nPort 1\nMatch sessiontype shell\nUser no\n' -N host
    check "Match sessiontype of subsystems" case_sshconfig 'Match sessiontype subsystem command sftp\nPort 1\nMatch sessiontype exec\nUser no\n' -s host sftp
    check "Match command" case_sshconfig 'Match command "up* -p"\nPort 1\nMatch command ""\nUser no\nMatch !command x\nBatchMode yes\n' host uptime -p
    check "Match command, none" case_sshconfig 'Match command ""\nPort 1\nMatch command x\nUser no\n'
    check "tokens in User" case_sshconfig 'User a-%n-%u\nHostName real\n'
    check "tokens in Include" case_sshconfig 'Include @HERE@/%n.conf ${CONFIG_VAR}\n== host\nPort 3\n'
    check "RefuseConnection" case_sshconfig 'Host host\nRefuseConnection "go away"\nPort x\n'
    check "RefuseConnection of others" case_sshconfig 'Host other\nRefuseConnection "go away"\nHost *\nPort 3\n'
}

# ---- Connections --------------------------------------------------------------------------------

# One file for all programs; each name in it leads to the server.
sshconfig_hops() { # PROXY
    cat > "$WORK/hops" << EOF
Match originalhost target
    ProxyJump first
Match originalhost far
    ProxyJump first,second
Match originalhost piped
    ProxyCommand $1
Host *
    HostName 127.0.0.1
    Port $PORT
    User $ME
    IdentityFile $KEYS/user
    IdentitiesOnly yes
    UserKnownHostsFile $WORK/known_hosts.$PORT
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
EOF
    chmod 600 "$WORK/hops"
}
case_sshconfig_hop() { # PROGRAM HOST PROXY
    sshconfig_hops "$3"
    head -c 3000000 "$DATA/random" > "$WORK/in"
    bounded $1 -F "$WORK/hops" "$2" 'cat; exit 7' < "$WORK/in" > "$WORK/out"
    status=$?
    [ $status -eq 7 ] || fail "exit status $status, not 7"
    cmp "$WORK/in" "$WORK/out" || fail "what came back is not what was sent"
}
case_sshconfig_hop_sftp() { # HOST
    sshconfig_hops none
    rm -f "$WORK/back"
    head -c 3000000 "$DATA/random" > "$WORK/in"
    echo "put $WORK/in $WORK/back" > "$WORK/batch"
    bounded "$NACRE_SFTP" -F "$WORK/hops" -b "$WORK/batch" "$1" || fail "exit status $?"
    cmp "$WORK/in" "$WORK/back" || fail "what is there is not what was sent"
}

group_sshconfig_openssh() {
    sshconfig_place
    sshconfig_cases
    SERVER=openssh
    serve_openssh
    check "jump" case_sshconfig_hop "$NACRE_SSH" target none
    check "two jumps" case_sshconfig_hop "$NACRE_SSH" far none
    check "a jump by argument" case_sshconfig_hop "$NACRE_SSH -J first" other none
    check "their -W" case_sshconfig_hop "$NACRE_SSH" piped "ssh -F $WORK/hops -W %h:%p first"
    check "our -W" case_sshconfig_hop ssh piped "$NACRE_SSH -F $WORK/hops -W [%h]:%p first"
    check "SFTP by a jump" case_sshconfig_hop_sftp target
}
group_sshconfig_newer() {
    sshconfig_place || { skip all "a program of this system does not run in the other tree"; return; }
    sshconfig_cases
    sshconfig_newer_cases
}
