# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2034
#
# zlib, as Python has it, as a second opinion on build/kat: see zlib_kat.py.

version_zlib() { "$PYTHON" -c 'import zlib; print("zlib", zlib.ZLIB_RUNTIME_VERSION)'; }
missing_zlib() { absent "$PYTHON" "$KAT"; }

case_zlib() { # WHAT
    bounded "$PYTHON" "$HERE/zlib_kat.py" "$KAT" "$1" 8
}

group_zlib_kat() {
    check "streams of zlib's, whole, good and damaged" case_zlib raw
    check "streams of zlib's in packets" case_zlib packets
    check "zlib inflates our packets" case_zlib deflate
}
