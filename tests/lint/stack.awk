# SPDX-License-Identifier: ISC
#
# Finds the deepest call chains of the core. Input: the core's sources, then the .ci files that gcc
# -fcallgraph-info=su writes for them. A call through a pointer is taken to reach every function that
# some initialiser assigns to the member of that name (`.seal = chapoly_seal`), but for those that a
# comment `none of PREFIX` on the line before takes out; one that reaches none of ours (the
# application's hooks) counts nothing, like the C library. Prints the deepest public functions, and
# the path of the deepest; exits 1 if it takes more than LIMIT (-v) bytes, or if a chain recurs.

function fail(why) {
    print why
    failed = 1
}

# The member through which the call at file:line:col goes, "" if it cannot be told.
function member(place,    at, text) {
    split(place, at, ":")
    text = substr(source[at[1] ":" at[2]], at[3])
    if (!match(text, /(->|[.])[a-z_0-9]+\(/))
        return ""
    text = substr(text, RSTART, RLENGTH - 1)
    sub(/->|[.]/, "", text)
    sub(/.*(->|[.])/, "", text)
    return text
}

# The prefix P that a comment `none of P` on the line before a call through a pointer takes out of what it can
# reach, "" if there is none.
function excluded(place,    at, text) {
    split(place, at, ":")
    text = source[at[1] ":" (at[2] - 1)]
    if (!match(text, /none of [a-z_0-9]+/))
        return ""
    return substr(text, RSTART + 8, RLENGTH - 8)
}

function deepest(f,    i, n, list, worst, d) {
    if (f in depth)
        return depth[f]
    if (f in active) {
        fail("recursion through " f)
        return 0
    }
    active[f] = 1
    worst = 0
    n = split(calls[f], list, SUBSEP)
    for (i = 1; i <= n; i++) {
        d = deepest(list[i])
        if (d > worst) {
            worst = d
            via[f] = list[i]
        }
    }
    delete active[f]
    depth[f] = worst + frame[f]
    return depth[f]
}

function bare(title) {
    sub(/.*:/, "", title)
    return title
}

FILENAME ~ /\.[ch]$/ {
    source[FILENAME ":" FNR] = $0
    rest = $0
    while (match(rest, /\.[a-z_0-9]+ = &?[a-z_0-9]+/)) {
        split(substr(rest, RSTART + 1, RLENGTH - 1), a, " = ")
        assigned[a[1]] = assigned[a[1]] " " a[2]
        rest = substr(rest, RSTART + RLENGTH)
    }
    next
}

/^node: / && / bytes \(/ {
    split($0, q, "\"")
    text = $0
    sub(/ bytes \(.*/, "", text)
    sub(/.*\\n/, "", text)
    frame[q[2]] = text + 0
    titles[bare(q[2])] = titles[bare(q[2])] SUBSEP q[2]
    if ($0 ~ / bytes \(dynamic\)/)
        fail(q[2] " has a frame without bound")
}

/edge: / {
    text = $0
    sub(/.*edge: /, "", text)
    split(text, q, "\"")
    if (q[4] == "__indirect_call")
        indirect[q[2]] = indirect[q[2]] SUBSEP q[6]
    else if (index(calls[q[2]] SUBSEP, SUBSEP q[4] SUBSEP) == 0)
        calls[q[2]] = calls[q[2]] SUBSEP q[4]
}

END {
    for (f in indirect) {
        n = split(indirect[f], places, SUBSEP)
        for (i = 2; i <= n; i++) {
            m = split(assigned[member(places[i])], names, " ")
            not_these = excluded(places[i])
            for (j = 1; j <= m; j++)
                if (names[j] in titles && (not_these == "" || index(names[j], not_these) != 1))
                    calls[f] = calls[f] titles[names[j]]
        }
    }
    for (f in frame)
        if (f ~ /^nacre_/)
            print deepest(f), f | "sort -rn | head -n 12"
    close("sort -rn | head -n 12")
    for (f in frame)
        if (f ~ /^nacre_/ && depth[f] > depth[top])
            top = f
    print "deepest path:"
    for (f = top; f != ""; f = via[f])
        if (frame[f])
            print "  " frame[f], f
    if (depth[top] > LIMIT)
        fail("the deepest chain takes " depth[top] " bytes, the limit is " LIMIT)
    exit failed
}
