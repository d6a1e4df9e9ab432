/* SPDX-License-Identifier: ISC
 *
 * Every limit on what a peer or a file may ask for, each with its reason. Nothing that arrives
 * becomes a length, an index or an amount of work before it is compared with one of these.
 */
#ifndef NCR_LIMITS_H
#define NCR_LIMITS_H

/* Version exchange: RFC 4253 4.2 allows 255 octets with CR LF. Before its version a server may
 * send other lines; OpenSSH and AsyncSSH read 1,024 of up to 8,192 octets. A client may not. */
#define NCR_VERSION_LINE_MAX 255
#define NCR_PRE_LINES_MAX 1024
#define NCR_PRE_LINE_MAX 8192

/* Packets: RFC 4253 6.1 wants 35,000 octets accepted; the bulk profile takes what its buffer holds,
 * up to OpenSSH's 256 KiB. Smallest: 5 octets of header and padding in a block of 8 give 12. */
#define NCR_PACKET_MAX 35000
#define NCR_PACKET_MAX_BULK (256 * 1024)
#define NCR_PADDING_MIN 4
#define NCR_PADDING_MAX 255

/* KEXINIT: more than any peer offers (OpenSSH 10 about 60 names in all, 1.5 KiB). */
#define NCR_LIST_NAMES_MAX 64
#define NCR_LIST_LEN_MAX 4096
#define NCR_KEXINIT_MAX 8192
#define NCR_KEXINIT_OURS_MAX 3072

/* EXT_INFO: RFC 8308 2.5 names four; OpenSSH sends up to five. A server may send two messages. */
#define NCR_EXT_INFO_ENTRIES_MAX 64
#define NCR_EXT_INFO_FROM_CLIENT_MAX 1
#define NCR_EXT_INFO_FROM_SERVER_MAX 3

/* Rekey: NIST and RFC 4344 3.1 ask for new keys before 2^32 packets, 4253 9 after a gigabyte or an
 * hour. The hard stop stands where a nonce would repeat. */
#define NCR_REKEY_PACKETS ((uint64_t)1 << 31)
#define NCR_REKEY_BYTES ((uint64_t)1 << 30)
#define NCR_REKEY_MS ((uint64_t)3600 * 1000)
#define NCR_SEQUENCE_STOP ((uint64_t)0xffffffff)
/* Exchanges started by the peer without any other traffic between them: each costs public-key
 * work; an honest peer has a reason for every one. */
#define NCR_REKEY_EMPTY_MAX 16
/* Exchanges this far apart are no flood: idle clients change keys by the hour. */
#define NCR_REKEY_CALM_MS 60000

/* Deadlines, ms. */
#define NCR_KEX_MS 20000
/* A re-exchange behind queued data may take so many times that, if the peer sends meanwhile. */
#define NCR_KEX_SLOW 15
#define NCR_AUTH_MS 120000
#define NCR_KEEPALIVE_MAX 3

/* Bytes from the peer before authentication: key exchange and a handful of attempts. */
#define NCR_PREAUTH_BYTES_MAX (1024 * 1024)

/* Authentication. */
#define NCR_USER_MAX 255
#define NCR_ALG_NAME_MAX 64 /* RFC 4251 section 6 */
#define NCR_PASSWORD_MAX 1024
#define NCR_AUTH_TRIES 6
#define NCR_AUTH_QUERIES_MAX 15
#define NCR_AUTH_ROUNDS_MAX 8
#define NCR_PROMPT_TEXT_MAX 8192
#define NCR_BANNER_MAX 8192
#define NCR_BANNERS_MAX 32

/* Channels. */
#define NCR_CHANNELS_MAX 1024
#define NCR_WINDOW (2u * 1024 * 1024)
#define NCR_CHAN_PACKET 32768u
/* What a data packet holds beside its data, with room to spare. */
#define NCR_CHAN_PACKET_SPARE 1024u
/* Data of one packet of ours, for peers that claim to take any size: fits OpenSSH's largest. */
#define NCR_CHAN_SEND_MAX (NCR_PACKET_MAX_BULK - 2048)
#define NCR_COMMAND_MAX 32768
#define NCR_TERM_MAX 64
#define NCR_ENV_MAX 32768
#define NCR_PTY_MODES_MAX 1024
#define NCR_CHAN_TYPE_MAX 64
#define NCR_HOST_MAX 255

/* Global requests whose replies the peer still waits for: NCR_OWED_GLOBAL, per channel
 * NCR_OWED_CHAN, both in nacre.h because they size the struct. */
/* Replies that answer nothing. */
#define NCR_UNSOLICITED_MAX 16

/* ping@openssh.com: OpenSSH's chaff is a few bytes; the echo must fit the reserve. */
#define NCR_PING_MAX 256
#define NCR_IGNORE_MAX 1024

/* Room in the out-buffer that only mandatory replies may use: the largest is a server's answer to a
 * key exchange message with host key (up to a post-quantum certificate by a post-quantum authority,
 * 5.6 KiB), reply and signature, NEWKEYS and EXT_INFO. The small profile has less, and no room for
 * host keys over 1 KiB (post-quantum ones, RSA over 8,000 bits, most certificates). */
#define NCR_OUT_RESERVE 13312
#define NCR_OUT_RESERVE_SMALL 4096
#define NCR_HOST_KEY_MAX 6400 /* NACRE_HOST_KEY_MAX */
#define NCR_HOST_KEY_MAX_SMALL 1024
/* A message held during a key exchange must fit the reserve when it is sealed. Longer ones, with
 * post-quantum user keys and signatures (4 KiB), wait in parts in the scratch area:
 * ncr_auth_keep(). */
#define NCR_HELD_MSG_MAX (NCR_OUT_RESERVE_SMALL - 256)

/* Group exchange, RFC 4419, 8270: bits of the modulus. Over 8,192 a key exchange takes seconds. */
#define NCR_GEX_MIN 2048
#define NCR_GEX_N 3072
#define NCR_GEX_MAX 8192
/* What old devices have; asked for only by configuration. */
#define NCR_GEX_FLOOR 1024

/* What the in-buffer holds beside packet_length bytes: length field, tag and a block to spare. */
#define NCR_IN_SPARE 128

/* Numbers. */
#define NCR_MPINT_BITS_MAX 16384
/* RSA keys to trust. 829 bits have been factored in public (2020), 1,024 are within reach of
 * states; NIST SP 800-131A has asked for 2,048 since 2014. */
#define NCR_RSA_BITS_MIN 2048

/* Host keys that a server announces (hostkeys-00@openssh.com): each one that is new costs a proof.
 * Servers have three to five; post-quantum ones take 1.4 KiB each. */
#define NCR_HOSTKEYS_MAX 64
#define NCR_HOSTKEYS_BYTES_MAX (64 * 1024)

/* Keys, files (proto/keys/). */
#define NCR_KEY_BLOB_MAX 16384
#define NCR_SIG_BLOB_MAX 16384
/* Extensions in a browser's signature, CBOR: those that there are take tens of bytes. */
#define NCR_SK_EXTENSIONS_MAX 1024
#define NCR_KEY_FILE_MAX (1024 * 1024)
#define NCR_TEXT_LINE_MAX 8192
#define NCR_COMMENT_MAX 1024
/* PuTTY's files: memory in KiB as RFC 9106 4 recommends first, and eight times filling it
 * (seconds); puttygen writes 8 MiB, filled some 15 times. */
#define NCR_ARGON2_KIB_MAX (2u * 1024 * 1024)
#define NCR_ARGON2_FILL_MAX (16u * 1024 * 1024)

/* Agents (proto/keys/agent_*): what OpenSSH has, too; a reply with all keys must fit one
 * message. */
#define NCR_AGENT_MSG_MAX (256 * 1024)
#define NCR_AGENT_KEYS_MAX 2048
#define NCR_AGENT_DESTS_MAX 1024
#define NCR_AGENT_BINDS_MAX 16
#define NCR_AGENT_SESSION_ID_MAX 128
#define NCR_AGENT_PASSPHRASE_MAX 4096

/* SFTP (sftp/). */
#define NCR_SFTP_PACKET_MAX (256 * 1024)
#define NCR_SFTP_READ_MAX (255 * 1024)
#define NCR_SFTP_HANDLES_MAX 256
#define NCR_SFTP_HANDLE_LEN 8
#define NCR_SFTP_REQUESTS_MAX 64
#define NCR_SFTP_NAMES_MAX 128
#define NCR_SFTP_PATH_MAX 4096
#define NCR_SFTP_EXT_MAX 64
#define NCR_SFTP_DEPTH_MAX 64

#endif
