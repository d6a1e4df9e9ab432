# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2086,SC2034
#
# Programs that bring their own SSH library (curl) or run ssh (git, rsync, lftp, sshfs, sftp -S, scp -S): with
# nacre-ssh to OpenSSH's daemon, and with OpenSSH's client to nacre-sshd.

version_curl() { curl --version | sed -n '1s/^\(curl [^ ]*\).*\(libssh[^ ]*\).*/\1 with \2/p'; }
missing_curl() {
    if command -v curl > /dev/null && ! curl --version | grep -q '^Protocols:.* sftp'; then
        echo "curl with sftp"
    else
        absent curl
    fi
}

# ---- curl: libssh2 as a client -----------------------------------------------------------------

sftp_curl() {
    while read -r verb a b; do
        if [ "$verb" = put ]; then
            curl_run -T "$a" "sftp://127.0.0.1:$PORT$b"
        else
            curl_run -o "$b" "sftp://127.0.0.1:$PORT$a"
            [ -e "$b" ] || : > "$b" # curl makes no file of nothing
        fi || return 1
    done < "$1"
}
curl_run() {
    case $AUTH in
    key) set -- --key "$KEYS/user" --pubkey "$KEYS/user.pub" -u "$ME:" "$@" ;;
    *) set -- -u "$ME:$PASSWORD" "$@" ;;
    esac
    pin=$(cut -d' ' -f2 "$KEYS/host.pub" | base64 -d | sha256sum | cut -d' ' -f1 | xxd_reverse | base64 | tr -d =)
    bounded curl -sS --hostpubsha256 "$pin" $OPTS "$@"
}
xxd_reverse() { "$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'; }

group_curl_client() {
    OURS=server CLIENT=curl SERVER=nacre
    serve_nacre
    cases_sftp
    for kex in curve25519-sha256 curve25519-sha256@libssh.org; do
        check "kex $kex" with_ours "-o KexAlgorithms=$kex" case_sftp 1000000
    done
    for cipher in aes128-ctr aes192-ctr aes256-ctr; do
        check "cipher $cipher" with_ours "-o Ciphers=$cipher" case_sftp 1000000
    done
    for mac in hmac-sha2-256 hmac-sha2-512; do
        check "MAC $mac" with_ours "-o MACs=$mac" case_sftp 1000000
    done
    cases_rekey_sftp
    check "SFTP compressed" with_theirs "--compressed-ssh" with_ours "-o Compression=yes" case_sftp 1000000
    check "SFTP compressed, with rekeys by us" with_theirs "--compressed-ssh" \
        with_ours "-o Compression=yes -o RekeyLimit=256K" case_sftp 1000000
    check "a listing" case_curl_list
    case $NACRE_SSHD in
    *nacre-sshd) check "password" case_curl_password ;;
    esac
}

case_curl_list() {
    mkdir -p "$WORK/listed"
    touch "$WORK/listed/some file" "$WORK/listed/another"
    curl_run -l "sftp://127.0.0.1:$PORT$WORK/listed/" > "$WORK/out" || fail "exit status $?"
    cat "$WORK/out"
    [ "$(grep -v '^\.' "$WORK/out" | sort | tr '\n' ,)" = 'another,some file,' ] || fail "the names"
}

case_curl_password() {
    AUTH=password
    serve_passwords PasswordAuthentication
    case_sftp 1000
}

# ---- Programs that run ssh ---------------------------------------------------------------------

version_tools() {
    for tool in git rsync lftp sshfs; do
        command -v "$tool" > /dev/null &&
            echo "$tool $("$tool" --version 2>&1 | grep -i "^$tool" | grep -o '[0-9][0-9.]*[0-9]' | head -n 1)"
    done | tr '\n' ',' | sed 's/,$//; s/,/, /g'
}
missing_tools() { missing_openssh; }

# The same with either program, RUN: $RUNS is ssh's command line
group_tools_client() { # nacre-ssh to sshd
    OURS=client
    serve_openssh
    RUN=$NACRE_SSH
    cases_tools
    check "sftp -S" case_sftp_by_ssh
    check "scp -S" case_scp_by_ssh
}
group_tools_server() { # ssh to nacre-sshd
    OURS=server
    serve_nacre
    RUN=ssh
    cases_tools
}

cases_tools() {
    for tool in git rsync lftp sshfs; do
        if ! command -v "$tool" > /dev/null; then
            skip "$tool" "not installed"
        elif [ "$tool" = sshfs ] && ! can_mount; then
            skip sshfs "this machine does not let us mount (/dev/fuse)"
        else
            check "$tool" with_runs "case_$tool"
        fi
    done
}

with_runs() {
    RUNS="$RUN $(nacre_common)"
    "$@"
}

can_mount() { [ -w /dev/fuse ] && command -v fusermount3 > /dev/null && unshare -m true 2> /dev/null; }

case_git() {
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_SSH_COMMAND="$RUNS" GIT_SSH_VARIANT=ssh
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
    url=ssh://$ME@127.0.0.1:$PORT$WORK/there.git
    rm -rf "$WORK/there.git" "$WORK/here" "$WORK/clone"
    git init -q --bare -b main "$WORK/there.git" && git init -q -b main "$WORK/here" || fail "git init"
    head -c 5000000 "$DATA/random" > "$WORK/here/file"
    git -C "$WORK/here" add file && git -C "$WORK/here" commit -qm one || fail "git commit"
    bounded git -C "$WORK/here" push -q "$url" main || fail "push"
    bounded git clone -q "$url" "$WORK/clone" || fail "clone"
    cmp "$WORK/here/file" "$WORK/clone/file" || fail "the clone differs"
    echo more > "$WORK/here/file2"
    git -C "$WORK/here" add file2 && git -C "$WORK/here" commit -qm two || fail "git commit"
    bounded git -C "$WORK/here" push -q "$url" main && bounded git -C "$WORK/clone" pull -q || fail "pull"
    cmp "$WORK/here/file2" "$WORK/clone/file2"
}

case_rsync() {
    rm -rf "$WORK/tree" "$WORK/there" "$WORK/back"
    mkdir -p "$WORK/tree/sub"
    head -c 5000000 "$DATA/random" > "$WORK/tree/sub/big"
    for i in 1 2 3 4 5 6 7 8 9; do echo "$i" > "$WORK/tree/$i"; done
    bounded rsync -a -e "$RUNS -p $PORT" "$WORK/tree/" "$ME@127.0.0.1:$WORK/there/" || fail "sending"
    bounded rsync -a -e "$RUNS -p $PORT" "$ME@127.0.0.1:$WORK/there/" "$WORK/back/" || fail "fetching"
    diff -r "$WORK/tree" "$WORK/back"
}

case_lftp() {
    head -c 5000000 "$DATA/random" > "$WORK/sent"
    mkdir -p "$WORK/remote"
    rm -f "$WORK/remote/file" "$WORK/fetched"
    HOME=$WORK bounded lftp -c "set net:max-retries 1; set sftp:auto-confirm yes;
        set sftp:connect-program \"$RUNS -a -x\";
        open -p $PORT sftp://$ME:@127.0.0.1; put $WORK/sent -o $WORK/remote/file; cls $WORK/remote/;
        get $WORK/remote/file -o $WORK/fetched" || fail "exit status $?"
    cmp "$WORK/sent" "$WORK/fetched"
}

case_sshfs() {
    head -c 5000000 "$DATA/random" > "$WORK/sent"
    mkdir -p "$WORK/remote" "$WORK/mnt"
    fusermount3 -u "$WORK/mnt" 2> /dev/null
    rm -rf "$WORK/remote/dir" "$WORK/remote/file"
    bounded sshfs -p "$PORT" -o ssh_command="$RUNS" "$ME@127.0.0.1:$WORK/remote" "$WORK/mnt" || fail "mount"
    (
        cp "$WORK/sent" "$WORK/mnt/file" && mkdir "$WORK/mnt/dir" && mv "$WORK/mnt/file" "$WORK/mnt/dir/moved" &&
            chmod 600 "$WORK/mnt/dir/moved" && ls -l "$WORK/mnt/dir" && cmp "$WORK/sent" "$WORK/mnt/dir/moved" &&
            rm "$WORK/mnt/dir/moved" && rmdir "$WORK/mnt/dir"
    )
    status=$?
    await fusermount3 -u "$WORK/mnt" || fail "unmount" # what has just closed a file may still look busy
    return $status
}

case_sftp_by_ssh() {
    sftp_by_ssh() { bounded sftp -S "$NACRE_SSH" $(nacre_common) -b "$1" -P "$PORT" "$ME@127.0.0.1"; }
    CLIENT=by_ssh
    case_sftp 0 1 1000000
}

case_scp_by_ssh() {
    head -c 1000000 "$DATA/random" > "$WORK/in"
    rm -rf "$WORK/there" "$WORK/back"
    for form in -s -O; do # over SFTP, and the old protocol over a command
        bounded scp $form -q -S "$NACRE_SSH" $(nacre_common) -P "$PORT" "$WORK/in" "$ME@127.0.0.1:$WORK/there" || fail "sending $form"
        bounded scp $form -q -S "$NACRE_SSH" $(nacre_common) -P "$PORT" "$ME@127.0.0.1:$WORK/there" "$WORK/back" || fail "fetching $form"
        cmp "$WORK/in" "$WORK/back" || fail "$form"
        rm -f "$WORK/there" "$WORK/back"
    done
}
