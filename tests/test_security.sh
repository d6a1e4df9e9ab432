#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The map from classes of weakness that SSH implementations have had, and from points of the RFCs that
# are often missed, to the tests that show how nacre stands: those about packets, key exchange,
# cryptography, authentication, trust, key files and agents. A class has a number; its tests bear it, as
# suite (s13) or in their names (s13_...).
# Points of RFCs, and classes that a test without the number shows too, name tests as SUITE::TEST.
#
# Prints one TAP line a row: ok if each row has a test, and each test that is named exists. With -l the
# map itself, row by row with file and test. What the tests show is their own affair: make check.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 2

# number or source~what nacre must do~tests without the number
rows() {
    cat << 'END'
13~a packet's length is checked against least, most and block before any use, in every mode~security::rfc4253_6_1_largest_packet
14~a short packet with a right tag ends before anything is subtracted from its length~
15~padding under 4 or over the packet ends; ours is the least, and never stale memory~
16~tag before decryption; a tampered, moved or replayed packet is refused, and none of it is told~
17~CBC tells nothing of what a block decrypts to: neither by answers, nor by bytes read, nor by time~
18~keys differ by direction and exchange; no nonce or sequence number is used twice: rekey, else a hard stop~pkt::counters_move_with_each_packet
19~compression is off unless named, waits for authentication, and inflates within a bound~inflate::flipped_at_every_bit inflate::cut_at_every_byte inflate::what_is_bad_stays_bad
20~a decoder takes a message whole or not at all, and nothing beyond what is there~
21~a count that a peer states neither allocates nor loops beyond the bytes~
23~Diffie-Hellman values are from 2 to p - 2, both ways~
24~a group of a server's is odd, of the size asked for, with a sane generator; half-open exchanges are limited~gate::S71_per_source kex_gex::a_server_takes_what_fits_best_of_its_own
25~points are uncompressed, on the curve, and of the curve that the algorithm names~
26~X25519: 32 bytes exactly, and an all-zero result ends~
27~hybrids: exact sizes, coefficients below q, K from both halves, the classical half checked~
28~mpints: minimal when sent, checked when read; K with leading zeros or the top bit set~wire::mpint_written_is_minimal
29~RSA signatures are compared with the one right encoding, not parsed~
30~a faulty RSA signature never leaves: blinded, verified with the public key first~rsa::blinding_does_not_show
31~ECDSA nonces are RFC 6979's, of full width, in constant time~ecdsa::ct_p521 ecdsa::signed_messages_verify
32~Ed25519: exact lengths, S below L, no key of small order is trusted~
33~costly RSA keys are refused before any arithmetic~
34~randomness comes from the system alone, and its failure is an error~rng_os::every_failure_zeroes_the_output rng::a_zeroed_source_fails kex_ecdh::randomness_fails
35~"asked about this key" is not "proved that key"; where a key may come from is decided by address~
36~a verdict belongs to its request and connection, and counts once~
37~another user starts anew; the restrictions of all factors of a login add up~cert_auth::s58_line_and_certificate_both_restrict sshd_cert::two_certificates_are_not_two_keys
38~an unknown user gets the same answers, for the same work, in the same time~
39~passwords: bounds, and fields that are none never match~
40~every attempt and every question counts~
41~success without a credential is told, and nothing is asked after it~
42~the names of algorithm, key and signature agree, and are listed~
43~a security key has been touched, and its user verified, unless and if the key's line, its certificate and the configuration say so~sig_sk::flags_demanded
44~a signature that names a host key is good at that host alone~
45~a certificate counts only whole: kind, names, time, critical options, and its authority's algorithm~
46~what is zeroed refuses: policies, verdicts, tables of calls, keys~
47~one value trusts: a file that cannot be read, memory that runs out, a certificate that is not good refuse~
48~what is revoked is refused, by itself, by hash, serial or key id, or through its authority; a list that cannot be read refuses all~
49~a host's further keys are learned after authentication, for plain lines of the user's own, each proved in this session, and within limits~
50~SSHFP records count only if validated, and one that differs refuses~
51~the order of host key algorithms tells nothing where the best type is known, and asks for known types where not~
58~one function decides each right, and a denial wins, whoever denies~
59~a forced command gets no signals, variables or forwards beside it~
61~a session's variables: none by default, plain names, never those that change what runs~
57~text files are regular and bounded, a line too long is skipped whole and told~
68~what held a key or a passphrase is wiped~
70~key and trust files: opened without waiting, regular, of the right owner and mode; written beside and renamed~
72~an agent loads no code, whoever asks~
73~constraints of an agent's keys: unknown ones refuse the key, each holds for every key and connection~
74~agents' messages: length first, replies of the type that was asked for; guesses at a lock cost more each time~
75~an agent is lent where that was asked for, and not to a host whose key had changed~
92~key files: kdf costs capped, both halves compared~
94~where memory runs out nothing is accepted and nothing leaks~
RFC 4253 4.2~version lines enter H without line ends, comments and all~security::s28_k_with_leading_zeros_and_top_bit
RFC 4253 6~packets of 35,000 octets are taken; multiples of 8 for stream ciphers too~security::rfc4253_6_1_largest_packet s15::padding_sent_is_least_and_the_bytes_given
RFC 4253 6.2~one flush a packet, a new context at each NEWKEYS~compress::s09_rekey_begins_anew_and_may_change compress::every_packet_mode
RFC 4253 6.4~without strict mode sequence numbers run on through rekeys, and wrap~s18::sequence_number_wraps_under_keys s18::new_keys_restart_the_counters
RFC 4253 7.1~the client's first name that the server has, for each list; a guess is right if two agree~kexinit::clients_first_name_that_the_server_has kexinit::what_agrees_and_what_does_not security::s06_wrong_and_right_guesses
RFC 4253 7.2~longer keys are made of K, H and what there is, without letter or session id~keys::rfc4253_formula keys::every_length_is_a_prefix keys::asyncssh
RFC 4253 7.3~NEWKEYS goes under the old keys, and directions switch apart~rekey::any_delay_any_chunk pkt::rekey_between_all_modes
RFC 4253 9~crossing KEXINITs are one exchange; either side may start~rekey::crossing_kexinits_are_one rekey::post_quantum_signature_during_an_exchange
RFC 4344 3~rekeys by packets, by bytes and by time~rekey::on_packets_bytes_and_time security::s18_counters_at_their_limits
RFC 4419 3~the smallest group that is large enough, and its sizes in H~kex_gex::sizes_are_chosen_as_asked kex_gex::a_server_takes_what_fits_best_of_its_own
RFC 5656 3.1~an ECDSA signature is a string that holds two mpints~sig_ecdsa::numbers s20::trailing_bytes_inside_of_the_signature
RFC 6668~a MAC's key is as long as its hash~alg::mac_rows_fit_their_buffers pkt::asyncssh_packets
RFC 8268~all MODP groups have the same checks~kex_dh::rows_say_what_rfc8268_says kex_dh::s23_values_of_the_peer
RFC 8308 2.1~indicators ride in the first KEXINIT and are never chosen~kexinit::indicators_ride_in_the_first_kexinit_only kexinit::what_agrees_and_what_does_not
RFC 8332 3~the key blob stays ssh-rsa, whatever signs~sig_rsa::names_of_keys s29::name_of_another_algorithm
RFC 8709 6~Ed25519 blobs are exact, nothing trails~s32::lengths s20::blobs_cut_extended_and_with_wrong_lengths
RFC 8731 3~K is the big-endian number of X25519's bytes~security::s28_k_with_leading_zeros_and_top_bit
RFC 9142~nothing with SHA-1 is offered~alg::default_tables
chacha20-poly1305@openssh.com~the length has the second half of the key, and the tag covers it encrypted~pkt::openssh_chapoly_packet s16::each_bit_of_a_packet
aes-gcm@openssh.com~the nonce counts in its last eight bytes, the length is authenticated~pkt_gcm::nonce_counts_in_its_last_eight_bytes pkt_gcm::known_packets
PROTOCOL.krl~what is not understood refuses, serial 0 is not revocable by serial, lengths are not believed~krl::krl_unknown_section krl::krl_serial_zero krl::s21_lengths_believed
SSHSIG~the namespace is compared, and only SHA-2 hashes are taken~sshsig::sshsig_namespace_compared sshsig::sshsig_sha256_and_sha512_only sshsig::sshsig_rsa_sha2_only
END
}

# Every test: suite::name file
tests=$(sed -n 's/^Test(\([A-Za-z0-9_]*\), *\([A-Za-z0-9_]*\)[,)].*/\1::\2/p;F' tests/test_*.c 2> /dev/null |
    awk '/^tests\/test_/ { file = $0; for (i = 0; i < n; i++) print got[i], file; n = 0; next } { got[n++] = $0 }')

numbered() { # NUMBER: what bears it
    echo "$tests" | grep -iE "^(s$1::|[a-z0-9_]+::([a-z0-9]+_)*s$1_)"
}
named() { # TESTS: those that exist; 1 if one does not
    for test in $1; do
        echo "$tests" | grep -F "$test " || { echo "$test"; return 1; }
    done
}

failed=0
rows > "${TMPDIR:-/tmp}/nacre-rows.$$"
trap 'rm -f "${TMPDIR:-/tmp}/nacre-rows.$$"' EXIT
while IFS='~' read -r id what extra; do
    case $id in
    [0-9]*) found=$(numbered "$id") ;;
    *) found= ;;
    esac
    why=
    others=$(named "$extra") || why="there is no test $(echo "$others" | tail -n 1)"
    all=$(printf '%s\n%s\n' "$found" "$others" | grep -c .)
    [ "$all" -gt 0 ] || why="no test bears s$id"
    if [ -z "$why" ]; then
        echo "ok - security: $id: $what ($all)"
    else
        echo "not ok - security: $id: $what"
        echo "    $why"
        failed=1
    fi
    [ "${1:-}" != -l ] || printf '%s\n%s\n' "$found" "$others" | grep . | sort -u | sed 's/^/    /'
done < "${TMPDIR:-/tmp}/nacre-rows.$$"
exit $failed
