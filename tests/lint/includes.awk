# SPDX-License-Identifier: ISC
#
# Enforces who may include whom. Input: tests/lint/layers.txt, then source files with their paths from the
# root. OS_SRC (environment) names the files of the core that may use the operating system; so may the
# header that NAME_posix.c and its files share.

function say(why) {
    print "    " FILENAME ":" FNR ": " why
}

function area(path) {
    if (path ~ /^proto\/posix\//)
        return "posix"
    return substr(path, 1, index(path, "/") - 1)
}

function base(path) {
    sub(/.*\//, "", path)
    return path
}

function is_public(path) {
    return base(path) ~ /^nacre.*\.h$/
}

# The family of a file of proto/, or "" if the table does not know it.
function family(path,    stem) {
    if (path ~ /^proto\/keys\//)
        return "keys"
    stem = base(path)
    sub(/[_.].*/, "", stem)
    return family_of[stem]
}

function check_proto(file, inc,    mine, theirs) {
    if (is_public(inc) && family(inc) == "base")
        return
    mine = family(file)
    theirs = family(inc)
    if (mine == "" || theirs == "")
        say((mine == "" ? file : inc) " has no place in tests/lint/layers.txt")
    else if (mine != theirs && rank[theirs] >= rank[mine])
        say("includes " inc ": " mine " stands below or beside " theirs)
}

function check_own(file, inc,    from, to) {
    from = area(file)
    to = area(inc)
    if (inc ~ /^\.|\/\.\.?\// || index(inc, "/") == 0)
        say("include from the root of the tree: \"" inc "\"")
    else if (to == "tests" || to == "fuzz")
        say("includes " inc ": nothing outside of tests/ and fuzz/ may")
    else if (from == "crypto" && to != "crypto")
        say("includes " inc ": crypto may include crypto alone")
    else if (from == "proto" && to != "crypto" && to != "proto")
        say("includes " inc ": proto may include proto and crypto")
    else if (from == "proto" && to == "proto")
        check_proto(file, inc)
    else if (from == "posix" && to != "crypto" && to != "proto" && to != "posix")
        say("includes " inc ": proto/posix may include proto and crypto")
    else if (from == "sftp" && to != "sftp" && to != "crypto" &&
             inc !~ /^proto\/(nacre|wire|err|limits)\.h$/)
        say("includes " inc ": sftp may include sftp, crypto and proto's public header, wire, err, limits")
    else if ((from == "client" || from == "server") && to != from && to != "posix" &&
             (!is_public(inc) || to == "client" || to == "server") && inc != "proto/limits.h")
        say("includes " inc ": " from " may include its own, public headers of the layers below, limits, proto/posix")
}

function check_system(file, inc,    from) {
    from = area(file)
    if ((from != "crypto" && from != "proto" && from != "sftp") || file in os_file)
        return
    if (inc ~ /^(string|stdbool|stddef|stdint|stdalign|stdnoreturn|limits)\.h$/)
        return
    if (file == "crypto/ct.h" && inc == "valgrind/memcheck.h")
        return
    if (file ~ /^crypto\/.*_.*\.[ch]$/ && inc ~ /^(immintrin|x86intrin|arm_neon|arm_acle)\.h$/)
        return
    say("includes <" inc ">: the core has no use for it")
}

BEGIN {
    n = split(ENVIRON["OS_SRC"], list, " ")
    for (i = 1; i <= n; i++) {
        os_file[list[i]] = 1
        if (sub(/_posix\.c$/, "_posix.h", list[i]))
            os_file[list[i]] = 1
    }
}

FILENAME ~ /layers\.txt$/ {
    if ($0 !~ /^#/ && NF > 2) {
        rank[$2] = $1
        for (i = 3; i <= NF; i++)
            family_of[$i] = $2
    }
    next
}

/^[ \t]*#[ \t]*include/ && area(FILENAME) != "tests" && area(FILENAME) != "fuzz" {
    line = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
    name = substr(line, 2)
    sub(/[">].*/, "", name)
    if (line ~ /^"/)
        check_own(FILENAME, name)
    else if (line ~ /^</)
        check_system(FILENAME, name)
    else
        say("an include must be literal")
}
