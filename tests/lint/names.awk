# SPDX-License-Identifier: ISC
#
# Lists what a source file defines at file scope, one item a line:
#
#     function FILE LINE NAME static|global LENGTH
#     variable FILE LINE NAME static
#     macro    FILE LINE NAME
#     style    FILE LINE TEXT...
#
# Relies on the format that make fmt gives: a function's braces stand alone in column 0. Comments
# and strings are cut out first.

function clean(line,    out, c, rest) {
    out = ""
    while (line != "") {
        if (in_comment) {
            c = index(line, "*/")
            if (!c)
                return out
            line = substr(line, c + 2)
            in_comment = 0
        } else if (match(line, /\/\*|\/\/|"|'/)) {
            out = out substr(line, 1, RSTART - 1)
            c = substr(line, RSTART, 2)
            rest = substr(line, RSTART + 1)
            if (c == "//")
                return out
            if (c == "/*") {
                in_comment = 1
                line = substr(rest, 2)
            } else if (match(rest, substr(c, 1, 1) == "\"" ? /^([^"\\]|\\.)*"/ : /^([^'\\]|\\.)*'/)) {
                out = out "0"
                line = substr(rest, RLENGTH + 1)
            } else {
                return out
            }
        } else {
            return out line
        }
    }
    return out
}

function last_word(text) {
    sub(/[ \t]+$/, "", text)
    sub(/.*[^A-Za-z0-9_]/, "", text)
    return text
}

function function_name(sig) {
    gsub(/__attribute__ *\(\([^()]*(\([^()]*\))*[^()]*\)\)/, "", sig)
    sub(/\(.*/, "", sig)
    return last_word(sig)
}

function variable(text) {
    sub(/[=;[].*/, "", text)
    if (text !~ /[(]/)
        print "variable", FILENAME, FNR, last_word(text), "static"
}

FNR == 1 {
    in_comment = in_body = continued = 0
    sig = ""
}

{
    raw = $0
    text = clean($0)
    sub(/[ \t]+$/, "", text)
}

continued || text ~ /^[ \t]*#/ {
    if (!continued && text ~ /^[ \t]*#[ \t]*define[ \t]/) {
        sub(/^[ \t]*#[ \t]*define[ \t]+/, "", text)
        sub(/[^A-Za-z0-9_].*/, "", text)
        print "macro", FILENAME, FNR, text
    }
    continued = raw ~ /\\$/
    next
}

in_body {
    if (text == "}") {
        print "function", FILENAME, start, name, linkage, FNR - start + 1
        in_body = 0
        sig = ""
    }
    next
}

text == "{" && sig ~ /[(]/ {
    in_body = 1
    name = function_name(sig)
    linkage = sig ~ /(^| )static / ? "static" : "global"
    next
}

text ~ /^[A-Za-z].*\)[ \t]*\{/ && text !~ /=/ {
    print "style", FILENAME, FNR, "the brace of a function stands on a line of its own"
}

text ~ /^static / && text ~ /[=;[]/ && text !~ /^[^=;[]*\(/ {
    variable(text)
}

text ~ /^[A-Za-z]/ && sig == "" {
    start = FNR
}

{
    sig = (text == "" || text ~ /[;}]$/) ? "" : sig " " text
}
