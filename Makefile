# SPDX-License-Identifier: ISC
#
# Builds nacre: libraries, programs, tests. One file, not recursive (the variants asan, valgrind,
# coverage and cross call it again with another BUILD), no configure step.
#
#   make                    libraries and programs, into build/
#   make check              everything a change must pass
#   make help               the list of targets
#
# Variables: CC CFLAGS LDFLAGS AR PREFIX DESTDIR BUILD; STATIC=0 links the programs against the
# shared libc; PORTABLE=1 leaves out code for CPU extensions, LEGACY=0 what only old devices need; WERROR= keeps warnings from failing the
# build; V=1 shows the commands.
#
# Every source file stands in exactly one of the lists below, in alphabetical order.

VERSION = 0.1.0
SOVERSION = 0

# ---- Sources -----------------------------------------------------------------------------------

CRYPTO_SRC = \
	crypto/aes.c \
	crypto/aes_cbc.c \
	crypto/aes_cbc_aesni.c \
	crypto/aes_ctr.c \
	crypto/aes_ctr_aesni.c \
	crypto/aes_ctr_armv8.c \
	crypto/aes_ctr_vaes.c \
	crypto/aes_ctr_vaes256.c \
	crypto/argon2.c \
	crypto/bcrypt_pbkdf.c \
	crypto/blake2b.c \
	crypto/blowfish.c \
	crypto/chacha20.c \
	crypto/chacha20_avx2.c \
	crypto/chacha20_avx512.c \
	crypto/chacha20_neon.c \
	crypto/cpu.c \
	crypto/deflate.c \
	crypto/des_legacy.c \
	crypto/dh.c \
	crypto/ecdsa.c \
	crypto/ecp.c \
	crypto/ecp_invert.c \
	crypto/ecp_p256.c \
	crypto/ecp_p256_adx.c \
	crypto/ecp_p384.c \
	crypto/ecp_p521.c \
	crypto/ecp_p521_limbs.c \
	crypto/ed25519.c \
	crypto/fe25519.c \
	crypto/fe25519_32.c \
	crypto/fe25519_64.c \
	crypto/gcm.c \
	crypto/gcm_aesni.c \
	crypto/gcm_armv8.c \
	crypto/gcm_vaes.c \
	crypto/gcm_vaes256.c \
	crypto/ge25519.c \
	crypto/ge25519_ifma.c \
	crypto/hmac.c \
	crypto/inflate.c \
	crypto/keccak.c \
	crypto/keccak_avx2.c \
	crypto/keccak_avx512.c \
	crypto/md5.c \
	crypto/mldsa44.c \
	crypto/mldsa44_avx2.c \
	crypto/mldsa44_ed25519.c \
	crypto/mlkem.c \
	crypto/mlkem_avx2.c \
	crypto/mlkem_ntt.c \
	crypto/modexp.c \
	crypto/modinv.c \
	crypto/mont.c \
	crypto/mont_ifma.c \
	crypto/pbkdf2.c \
	crypto/pem_kdf.c \
	crypto/poly1305.c \
	crypto/poly1305_avx2.c \
	crypto/poly1305_ifma.c \
	crypto/poly1305_neon.c \
	crypto/rng.c \
	crypto/rng_os.c \
	crypto/rsa.c \
	crypto/rsa_crt.c \
	crypto/rsa_keygen.c \
	crypto/sc25519.c \
	crypto/scrypt.c \
	crypto/sha1.c \
	crypto/sha1_shani.c \
	crypto/sha2.c \
	crypto/sha2_armv8.c \
	crypto/sha2_shani.c \
	crypto/sntrup761.c \
	crypto/sntrup761_avx2.c \
	crypto/umac.c \
	crypto/umac_avx2.c \
	crypto/wipe.c \
	crypto/words.c \
	crypto/words_adx.c \
	crypto/x25519.c \
	crypto/x25519_adx.c \
	crypto/x25519_ifma.c

# proto/ but posix/: the engine, without I/O
PROTO_SRC = \
	proto/adopt.c \
	proto/alg.c \
	proto/alg_default.c \
	proto/alg_legacy.c \
	proto/alg_list.c \
	proto/auth.c \
	proto/auth_client.c \
	proto/auth_server.c \
	proto/buf.c \
	proto/chan.c \
	proto/chan_data.c \
	proto/chan_request.c \
	proto/cipher_cbc_legacy.c \
	proto/compress.c \
	proto/conn.c \
	proto/conn_dispatch.c \
	proto/conn_init.c \
	proto/conn_time.c \
	proto/err.c \
	proto/glob.c \
	proto/global.c \
	proto/kem_sntrup761.c \
	proto/kex.c \
	proto/kex_curve25519.c \
	proto/kex_dh.c \
	proto/kex_dh_legacy.c \
	proto/kex_ecdh.c \
	proto/kex_gex.c \
	proto/kex_gex_legacy.c \
	proto/kex_hybrid.c \
	proto/kexinit.c \
	proto/keys.c \
	proto/mac_legacy.c \
	proto/mac_umac.c \
	proto/msg.c \
	proto/phase.c \
	proto/pkt.c \
	proto/pkt_chapoly.c \
	proto/pkt_clear.c \
	proto/pkt_gcm.c \
	proto/pkt_mac.c \
	proto/report.c \
	proto/sig_cert.c \
	proto/sig_cert_legacy.c \
	proto/sig_ecdsa.c \
	proto/sig_ed25519.c \
	proto/sig_mldsa44.c \
	proto/sig_rsa.c \
	proto/sig_rsa_legacy.c \
	proto/sig_sk.c \
	proto/version.c \
	proto/wire.c

KEYS_SRC = \
	proto/keys/addr_list.c \
	proto/keys/agent_constraint.c \
	proto/keys/agent_key.c \
	proto/keys/agent_msg.c \
	proto/keys/allowed_signers.c \
	proto/keys/asn1.c \
	proto/keys/authorized_keys.c \
	proto/keys/base64.c \
	proto/keys/cert.c \
	proto/keys/cert_judge.c \
	proto/keys/der.c \
	proto/keys/fingerprint.c \
	proto/keys/hostkeys.c \
	proto/keys/key_ecdsa.c \
	proto/keys/key_ed25519.c \
	proto/keys/key_mldsa44.c \
	proto/keys/key_rsa.c \
	proto/keys/key_sk.c \
	proto/keys/keyfile.c \
	proto/keys/keyfile_cipher.c \
	proto/keys/keyfile_openssh.c \
	proto/keys/keyfile_pem.c \
	proto/keys/keyfile_pem_write.c \
	proto/keys/keyfile_ppk.c \
	proto/keys/keyfile_public.c \
	proto/keys/known_hosts.c \
	proto/keys/krl.c \
	proto/keys/krl_write.c \
	proto/keys/moduli.c \
	proto/keys/pattern.c \
	proto/keys/pem.c \
	proto/keys/privkey.c \
	proto/keys/pubkey.c \
	proto/keys/rfc4716.c \
	proto/keys/sshfp.c \
	proto/keys/sshsig.c \
	proto/keys/text.c

SFTP_SRC = \
	sftp/fs_memory.c \
	sftp/fs_posix.c \
	sftp/fs_posix_dir.c \
	sftp/fs_posix_names.c \
	sftp/fs_posix_path.c \
	sftp/sftp_client.c \
	sftp/sftp_msg.c \
	sftp/sftp_server.c \
	sftp/sftp_server_ops.c \
	sftp/sftp_server_reply.c \
	sftp/transfer.c

POSIX_SRC = \
	proto/posix/clock.c \
	proto/posix/config_lexer.c \
	proto/posix/drive.c \
	proto/posix/duration.c \
	proto/posix/escape.c \
	proto/posix/file.c \
	proto/posix/loop.c \
	proto/posix/loop_epoll.c \
	proto/posix/loop_poll.c \
	proto/posix/relay.c \
	proto/posix/revoked_file.c \
	proto/posix/socket.c \
	proto/posix/tty.c

CLIENT_SRC = \
	client/add_destinations.c \
	client/add_keys.c \
	client/agent_client.c \
	client/agent_confirm.c \
	client/agent_keyring.c \
	client/agent_requests.c \
	client/agent_server.c \
	client/ask.c \
	client/auth_plan.c \
	client/client.c \
	client/client_config.c \
	client/client_run.c \
	client/client_text.c \
	client/dial.c \
	client/files.c \
	client/files_transfer.c \
	client/forward_agent.c \
	client/forward_client.c \
	client/front.c \
	client/hash_names.c \
	client/host_names.c \
	client/host_trust.c \
	client/host_update.c \
	client/identities.c \
	client/key_load.c \
	client/keygen_ask.c \
	client/keygen_cert.c \
	client/keygen_change.c \
	client/keygen_convert.c \
	client/keygen_cert_show.c \
	client/keygen_file.c \
	client/keygen_fingerprint.c \
	client/keygen_generate.c \
	client/keygen_host_keys.c \
	client/keygen_hosts.c \
	client/keygen_key.c \
	client/keyscan.c \
	client/keygen_krl.c \
	client/keygen_public.c \
	client/keygen_sign.c \
	client/keygen_sshfp.c \
	client/keygen_time.c \
	client/keygen_verify.c \
	client/known_hosts_file.c \
	client/names.c \
	client/options.c \
	client/options_cfg.c \
	client/options_show.c \
	client/options_target.c \
	client/options_values.c \
	client/proxy.c \
	client/sftp_commands.c \
	client/sftp_ls.c \
	client/sftp_moves.c \
	client/sftp_paths.c \
	client/sftp_progress.c \
	client/sftp_words.c \
	client/ssh_canonical.c \
	client/ssh_config.c \
	client/ssh_config_system.c \
	client/ssh_escape.c \
	client/ssh_match.c \
	client/ssh_session.c \
	client/ssh_tokens.c

SERVER_SRC = \
	server/account.c \
	server/attach.c \
	server/auth_command.c \
	server/authorized.c \
	server/cert_auth.c \
	server/daemon.c \
	server/gate.c \
	server/groups.c \
	server/host_keys_update.c \
	server/inherit.c \
	server/judge.c \
	server/login.c \
	server/logline.c \
	server/monitor.c \
	server/monitor_msg.c \
	server/network.c \
	server/peer.c \
	server/rights.c \
	server/sandbox.c \
	server/server.c \
	server/session_agent.c \
	server/session_env.c \
	server/session_forward.c \
	server/session_posix.c \
	server/spawn.c \
	server/sshd_config.c \
	server/sshd_config_use.c \
	server/sshd_keyword.c \
	server/sshd_line.c \
	server/users_file.c

# LEGACY=0 leaves out what only old devices need; programs then have nacre_algs_default alone
ifeq ($(LEGACY),0)
CRYPTO_SRC := $(filter-out %_legacy.c,$(CRYPTO_SRC))
PROTO_SRC := $(filter-out %_legacy.c,$(PROTO_SRC))
KEYS_SRC := $(filter-out %_legacy.c,$(KEYS_SRC))
endif

# Of the lists above, the files that use the operating system: compiled with its extensions visible
# and exempt from the symbol rules of the core.
OS_SRC = crypto/cpu.c crypto/rng_os.c sftp/fs_posix.c sftp/fs_posix_dir.c sftp/fs_posix_names.c sftp/fs_posix_path.c

# NAME here is FOLDER/main_NAME.c (with _ for -) and becomes build/nacre-NAME
CLIENT_PROGRAMS = add agent ssh sftp keygen keyscan
SERVER_PROGRAMS = sshd sftp-server

KAT_SRC = tests/kat.c tests/kat_cert.c tests/kat_cipher.c tests/kat_comp.c tests/kat_crypto.c tests/kat_hash.c tests/kat_dsa.c tests/kat_ec.c tests/kat_kem.c tests/kat_key.c tests/kat_rsa.c tests/kat_sntrup.c tests/kat_ssh.c

# NAME here is tests/test_NAME.c; the list says which layers it is linked with (and those below)
CRYPTO_TESTS = \
	aes \
	aes_cbc \
	argon2 \
	bcrypt \
	blake2b \
	chacha20 \
	ct \
	curve25519_32 \
	deflate \
	des \
	des_scalar \
	dh \
	ecdsa \
	ecp \
	ecp_32 \
	ed25519 \
	empty \
	fe25519 \
	gcm \
	ge25519 \
	hmac \
	inflate \
	keccak \
	md5 \
	mldsa44 \
	mldsa44_ed25519 \
	mldsa44_steps \
	mlkem \
	mlkem_steps \
	mont \
	mont_32 \
	pbkdf2 \
	poly1305 \
	rng \
	rsa \
	rsa_32 \
	sc25519 \
	scrypt \
	sha1 \
	sha2 \
	sntrup761 \
	twins \
	umac \
	x25519
PROTO_TESTS = \
	adopt \
	agent_constraint \
	agent_msg \
	alg \
	alg_list \
	allowed_signers \
	auth \
	authorized_keys \
	base64 \
	cert \
	cert_judge \
	cert_rules \
	chan \
	compress \
	conn \
	global \
	hostkeys \
	kex \
	kex_curve25519 \
	kex_dh \
	kex_ecdh \
	kex_gex \
	kex_hybrid \
	kex_sntrup \
	kexinit \
	key_ecdsa \
	key_mldsa44 \
	key_rsa \
	keyfile_openssh \
	keyfile_pem \
	keyfile_ppk \
	keys \
	known_hosts \
	known_hosts_keys \
	krl \
	lines \
	moduli \
	msg \
	phase \
	pkt \
	pkt_cbc \
	pkt_gcm \
	privkey \
	pubkey \
	rekey \
	report \
	rfc4716 \
	security_auth \
	security_channels \
	security_order \
	security_packets \
	sig_cert \
	sig_ecdsa \
	sig_ed25519 \
	sig_mldsa44 \
	sig_rsa \
	sig_sk \
	sshfp \
	sshsig \
	transcript \
	version \
	wire
SFTP_TESTS = fs_memory fs_posix sftp_client sftp_msg sftp_server sftp_server_rules sftp_server_stream transfer transfer_pair
POSIX_TESTS = \
	duration \
	escape \
	file \
	loop \
	relay \
	revoked_file \
	socket \
	tty
CLIENT_TESTS = agent agent_client agent_consent agent_server ask client client_memory files forward_agent forward_client host_trust host_update identities identities_cert key_load known_hosts_file options sftp_words ssh_config ssh_config_files
SERVER_TESTS = account auth_command authorized cert_auth gate groups monitor monitor_login server server_limits session_env sshd sshd_agent sshd_auth sshd_cert sshd_command sshd_config sshd_keys sshd_process users_file
# linked with client and server
SESSION_TESTS = host_keys_update keyscan

# Shell tests: executables that print TAP lines
SCRIPT_TESTS = \
	tests/test_add_program.sh \
	tests/test_agent_login.sh \
	tests/test_agent_program.sh \
	tests/test_config_program.sh \
	tests/test_hosts_program.sh \
	tests/test_kat.sh \
	tests/test_keygen.sh \
	tests/test_keygen_trust.sh \
	tests/test_keyscan_program.sh \
	tests/test_keygen_cert.sh \
	tests/test_keygen_convert.sh \
	tests/test_keygen_files.sh \
	tests/test_security.sh \
	tests/test_sftp_program.sh \
	tests/test_sftp_server.sh

# What tests share: with crypto alone, and with proto
TEST_CRYPTO_SUPPORT = tests/twins.c tests/twins_portable.c tests/vectors.c
TEST_PROTO_SUPPORT = tests/agent_rig.c tests/certs.c tests/desk.c tests/driver.c tests/hosts_rig.c tests/id_bench.c tests/keyfile_rig.c tests/monitor_rig.c tests/odd_cert.c tests/pair.c tests/rig.c tests/rngs.c tests/rogue.c tests/server_rig.c tests/sftp_rig.c tests/sig_rig.c tests/sshd_rig.c tests/toy_agent.c tests/xfer_rig.c
# An allocator that fails when told to, and the tests that are linked with it
TEST_OOM = tests/oom.c
OOM_TESTS = agent agent_server client_memory host_trust host_update key_load ssh_config_files
# What reads NACRE_CPU: linked into each of them, kat and the ciphers' benchmark
TEST_CPU_ENV = tests/cpu_env.c

# NAME here is fuzz/fuzz_NAME.c with its corpus in fuzz/corpus/NAME/
FUZZ = \
	agent \
	allowed_signers \
	authorized_keys \
	cert \
	conn_client \
	conn_server \
	deflate \
	hostkeys \
	inflate \
	kexinit \
	keyfile \
	known_hosts \
	krl \
	msg \
	pem \
	pkt \
	ppk \
	pubkey \
	sftp_client \
	sftp_msg \
	sftp_server \
	ssh_config \
	sshsig
# main() of the fuzz targets where libFuzzer does not bring one
FUZZ_MAIN = fuzz/standalone.c

PUBLIC_HEADERS = crypto/nacre_crypto.h proto/nacre.h proto/keys/nacre_agent.h proto/keys/nacre_hostkeys.h proto/keys/nacre_certauth.h proto/keys/nacre_keys.h proto/keys/nacre_krl.h proto/keys/nacre_sshfp.h proto/keys/nacre_signers.h \
	sftp/nacre_sftp.h \
	client/nacre_client.h server/nacre_server.h

# ---- Settings ----------------------------------------------------------------------------------

BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
WERROR ?= -Werror
# 1 makes programs that run on any Linux of the architecture. What glibc resolves (host names, users) it
# then resolves by its own files and DNS modules; others (LDAP, sssd, mDNS) it loads at run time if
# the system has the same glibc, which is what the linker's "statically linked applications requires at
# runtime" warnings mean. Build with STATIC=0 for a host that needs those modules; musl has no such case.
STATIC ?= 1

WARN = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wundef $(WERROR)
# One set of objects serves the static and the shared library, hence PIC; sections let the linker drop
# the algorithms that a program does not name.
CODEGEN = -fPIC -ffunction-sections -fdata-sections -fno-common -fstack-protector-strong
OWN_CFLAGS = -std=c11 -I. $(WARN) $(CODEGEN) $(if $(filter 1,$(PORTABLE)),-DNACRE_PORTABLE) \
	$(if $(filter 0,$(LEGACY)),-DNACRE_NO_LEGACY)
ALL_CFLAGS = $(OWN_CFLAGS) $(AREA_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LATE_CFLAGS)
GC_LDFLAGS = -Wl,--gc-sections

CRITERION_CFLAGS ?= $(shell pkg-config --cflags criterion 2>/dev/null)
CRITERION_LIBS ?= $(shell pkg-config --libs criterion 2>/dev/null || echo -lcriterion)

ifeq ($(V),1)
Q =
else
Q = @
endif
say = @printf '  %-6s %s\n'

# ---- Derived names -----------------------------------------------------------------------------

OBJ = $(BUILD)/obj
objs = $(patsubst %.c,$(OBJ)/%.o,$(1))
under = $(subst -,_,$(1))
present = $(foreach f,$(1),$(wildcard $(f)))

CLIENT_MAIN = $(foreach p,$(CLIENT_PROGRAMS),client/main_$(call under,$(p)).c)
SERVER_MAIN = $(foreach p,$(SERVER_PROGRAMS),server/main_$(call under,$(p)).c)
CLIENT_BIN = $(foreach p,$(CLIENT_PROGRAMS),$(if $(wildcard client/main_$(call under,$(p)).c),$(BUILD)/nacre-$(p)))
SERVER_BIN = $(foreach p,$(SERVER_PROGRAMS),$(if $(wildcard server/main_$(call under,$(p)).c),$(BUILD)/nacre-$(p)))
KAT_BIN = $(if $(call present,tests/kat.c),$(BUILD)/kat)
PROGRAMS = $(CLIENT_BIN) $(SERVER_BIN) $(KAT_BIN)

CORE_SRC = $(CRYPTO_SRC) $(PROTO_SRC) $(KEYS_SRC) $(SFTP_SRC)
LIB_SRC = $(CORE_SRC) $(POSIX_SRC) $(CLIENT_SRC) $(SERVER_SRC)
CORE_PURE_OBJ = $(call objs,$(filter-out $(OS_SRC),$(CORE_SRC)))
LIB_OBJ = $(call objs,$(LIB_SRC))

# One archive per layer, for linking tests and programs with what they may use and no more
CRYPTO_A = $(OBJ)/crypto.a
PROTO_A = $(OBJ)/proto.a
SFTP_A = $(OBJ)/sftp.a
POSIX_A = $(OBJ)/posix.a
CLIENT_A = $(OBJ)/client.a
SERVER_A = $(OBJ)/server.a
CRYPTO_LIBS = $(CRYPTO_A)
PROTO_LIBS = $(PROTO_A) $(CRYPTO_LIBS)
SFTP_LIBS = $(SFTP_A) $(PROTO_LIBS)
POSIX_LIBS = $(POSIX_A) $(PROTO_LIBS)
CLIENT_LIBS = $(CLIENT_A) $(SFTP_A) $(POSIX_LIBS)
SERVER_LIBS = $(SERVER_A) $(SFTP_A) $(POSIX_LIBS)
SESSION_LIBS = $(CLIENT_A) $(SERVER_LIBS)

TEST_CRYPTO_A = $(OBJ)/tests/crypto_support.a
TEST_PROTO_A = $(OBJ)/tests/proto_support.a

TESTS = $(CRYPTO_TESTS) $(PROTO_TESTS) $(SFTP_TESTS) $(POSIX_TESTS) $(CLIENT_TESTS) $(SERVER_TESTS) \
	$(SESSION_TESTS)
TEST_BIN = $(TESTS:%=$(BUILD)/tests/test_%)
HEADERS = $(call present,$(PUBLIC_HEADERS))
LIBS = $(BUILD)/libnacre.a $(BUILD)/libnacre.so

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: FORCE

## all: libnacre.a, libnacre.so and the programs
.PHONY: all
all: $(LIBS) $(PROGRAMS)

# ---- Objects -----------------------------------------------------------------------------------

# Objects are made again when the compiler or its flags change.
FLAGS_NOW = $(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) STATIC=$(STATIC)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@

$(OBJ)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The core sees the C library as the standard has it; what talks to the system sees all of it. An
# empty value agrees with a file that defines the macro itself.
SYSTEM_SRC = $(OS_SRC) $(POSIX_SRC) $(CLIENT_SRC) $(SERVER_SRC) $(CLIENT_MAIN) $(SERVER_MAIN)
$(call objs,$(SYSTEM_SRC)): private AREA_CFLAGS = -D_GNU_SOURCE=
$(OBJ)/tests/%.o: private AREA_CFLAGS = -D_GNU_SOURCE= $(CRITERION_CFLAGS)
$(OBJ)/fuzz/%.o: private AREA_CFLAGS = -D_GNU_SOURCE=

# Checks of undefined behaviour in every lane of every vector make a compiler work for minutes; there is
# no other arithmetic in these files, and vectors of unsigned integers have none undefined.
$(call objs,$(filter %_ifma.c,$(CRYPTO_SRC))): private LATE_CFLAGS = \
	$(if $(findstring undefined,$(CFLAGS)),-fno-sanitize=undefined)

define archive
	$(say) AR $@
	$(Q)rm -f $@ && mkdir -p $(@D) && $(AR) rcs $@ $(filter %.o,$^)
endef

$(CRYPTO_A): $(call objs,$(CRYPTO_SRC))
	$(archive)
$(PROTO_A): $(call objs,$(PROTO_SRC) $(KEYS_SRC))
	$(archive)
$(SFTP_A): $(call objs,$(SFTP_SRC))
	$(archive)
$(POSIX_A): $(call objs,$(POSIX_SRC))
	$(archive)
$(CLIENT_A): $(call objs,$(CLIENT_SRC))
	$(archive)
$(SERVER_A): $(call objs,$(SERVER_SRC))
	$(archive)
$(TEST_CRYPTO_A): $(call objs,$(call present,$(TEST_CRYPTO_SUPPORT)))
	$(archive)
$(TEST_PROTO_A): $(call objs,$(call present,$(TEST_PROTO_SUPPORT)))
	$(archive)
$(BUILD)/libnacre.a: $(LIB_OBJ)
	$(archive)

$(BUILD)/nacre.map: Makefile
	@mkdir -p $(@D)
	@printf '{ global: nacre_*; local: *; };\n' > $@

$(BUILD)/libnacre.so: $(LIB_OBJ) $(BUILD)/nacre.map
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libnacre.so.$(SOVERSION) -Wl,-Bsymbolic-functions \
		-Wl,--version-script=$(BUILD)/nacre.map -Wl,-z,defs $(GC_LDFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJ)

# Objects are kept, also those that only a chain of rules made: deleting them in a parallel run takes
# them away from under another link.
.SECONDARY:

# ---- Programs ----------------------------------------------------------------------------------

# The flags that make a program static here: position-independent for the sake of address
# randomisation if the toolchain can, else plain, else none (no static libc installed).
$(BUILD)/static: $(BUILD)/flags
	@for f in $(if $(filter 1,$(STATIC)),-static-pie -static) ''; do \
		echo 'int main(void) { return 0; }' | $(CC) $$f -x c - -o /dev/null 2>/dev/null && break; \
	done; echo "$$f" > $@

define link_program
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $$(cat $(BUILD)/static) $(GC_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		2> $@.ld; status=$$?; $(static_note); cat $@.ld >&2; rm -f $@.ld; exit $$status
endef

# glibc has the linker warn of each call that may load modules; one line says it better.
static_note = if grep -q 'statically linked applications requires' $@.ld; then \
	sed -i -e '/: in function /{N;/statically linked applications requires/d;}' \
		-e '/statically linked applications requires/d' $@.ld; \
	echo '  note   $(@F) looks up names by files and DNS; for LDAP, sssd, mDNS build with STATIC=0'; fi

define program_rule
$(BUILD)/nacre-$(2): $(OBJ)/$(1)/main_$(call under,$(2)).o $(3) $(BUILD)/static
	$$(link_program)
endef
$(foreach p,$(CLIENT_PROGRAMS),$(eval $(call program_rule,client,$(p),$(CLIENT_LIBS))))
$(foreach p,$(SERVER_PROGRAMS),$(eval $(call program_rule,server,$(p),$(SERVER_LIBS))))

$(BUILD)/kat: $(call objs,$(KAT_SRC) $(TEST_CPU_ENV)) $(PROTO_LIBS) $(BUILD)/static
	$(link_program)

# the ciphers' forms on random calls where Criterion is not: make cross
$(BUILD)/twins_random: $(call objs,tests/twins_random.c $(TEST_CPU_ENV)) $(TEST_CRYPTO_A) $(CRYPTO_LIBS) $(BUILD)/static
	$(link_program)

# ---- Tests -------------------------------------------------------------------------------------

# Criterion is the one thing that the tests need beyond a compiler.
$(BUILD)/criterion: tests/need_criterion
	@mkdir -p $(@D)
	@CC='$(CC)' CRITERION='$(CRITERION_CFLAGS) $(CRITERION_LIBS)' tests/need_criterion && touch $@

$(TESTS:%=$(OBJ)/tests/test_%.o): | $(BUILD)/criterion

define test_rule
$(BUILD)/tests/test_$(1): $(OBJ)/tests/test_$(1).o $(call objs,$(TEST_CPU_ENV)) $(2)
	@mkdir -p $$(@D)
	$(say) LD $$@
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(CRITERION_LIBS)
.PHONY: test-$(1)
test-$(1): $(BUILD)/tests/test_$(1)
	tests/run $$<
endef
UPPER_SUPPORT = $(TEST_PROTO_A) $(TEST_CRYPTO_A)
$(foreach t,$(CRYPTO_TESTS),$(eval $(call test_rule,$(t),$(TEST_CRYPTO_A) $(CRYPTO_LIBS))))
$(foreach t,$(PROTO_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(PROTO_LIBS))))
$(foreach t,$(SFTP_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(SFTP_LIBS))))
$(foreach t,$(POSIX_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(POSIX_LIBS))))
$(foreach t,$(CLIENT_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(CLIENT_LIBS))))
$(foreach t,$(SERVER_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(SERVER_LIBS))))
$(foreach t,$(SESSION_TESTS),$(eval $(call test_rule,$(t),$(UPPER_SUPPORT) $(SESSION_LIBS))))
$(OOM_TESTS:%=$(BUILD)/tests/test_%): $(call objs,$(TEST_OOM))

# The order in which they run, several at a time: the longest first, or they would end alone
SLOW_TESTS = conn adopt sshd sshd_cert curve25519_32 mlkem security_packets ecp_32 deflate mont_32 ecp inflate mont
RUN_FIRST = $(SLOW_TESTS:%=$(BUILD)/tests/test_%)
RUN_TESTS = $(SCRIPT_TESTS) $(RUN_FIRST) $(filter-out $(RUN_FIRST),$(TEST_BIN))

## check: build, lint and every unit test; installs Criterion if it is missing
.PHONY: check
check: all $(TEST_BIN) amalgamation
	@$(LINT_ENV) tests/run $(LINT) $(RUN_TESTS)

## test-NAME: one test module, tests/test_NAME.c
.PHONY: unit
unit: $(TEST_BIN) $(PROGRAMS)
	@BUILD='$(BUILD)' TEST_TIMEOUT=900 tests/run $(RUN_TESTS)

# Test modules that compare fast twins with portable code
TWIN_TESTS = ecp ge25519 keccak mldsa44_steps mlkem_steps mont sntrup761 twins x25519

## twins: every fast twin against the portable code on a million random calls
.PHONY: twins
twins: $(TWIN_TESTS:%=$(BUILD)/tests/test_%)
	@NACRE_TWIN_CALLS=$${NACRE_TWIN_CALLS:-1000000} TEST_TIMEOUT=1800 TEST_FILTER='@(*twin*/*|*/*twin*)' \
		tests/run $^

## twins-arm: the same for the ciphers' NEON and Armv8 forms, under qemu-user where need be
ARM_CC = aarch64-linux-gnu-gcc
ARM_RUN = qemu-aarch64-static
.PHONY: twins-arm
twins-arm:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/$(ARM_CC)' CC='$(ARM_CC)' \
		'$(BUILD)/$(ARM_CC)/twins_random'
	@$(ARM_RUN) '$(BUILD)/$(ARM_CC)/twins_random' $${NACRE_TWIN_CALLS:-1000000}

# ---- Lint --------------------------------------------------------------------------------------

LINT = $(call present,tests/lint/lint tests/lint/selftest)
LINT_ENV = CC='$(CC)' BUILD='$(BUILD)' LIB_SRC='$(LIB_SRC)' OS_SRC='$(OS_SRC)' CORE_SRC='$(CORE_SRC)' \
	MAIN_SRC='$(call present,$(CLIENT_MAIN) $(SERVER_MAIN))' \
	OTHER_SRC='$(TESTS:%=tests/test_%.c) $(FUZZ:%=fuzz/fuzz_%.c) $(FUZZ_MAIN) $(SCRIPT_TESTS)'

## lint: include table, symbols, names, headers, function lengths (tests/lint/)
.PHONY: lint
lint: $(BUILD)/libnacre.so $(PROGRAMS)
	@$(LINT_ENV) tests/lint/lint

## lint-exports: write the symbols that libnacre.so exports to tests/lint/exports.txt
.PHONY: lint-exports
lint-exports: $(BUILD)/libnacre.so
	tests/lint/exports $< > tests/lint/exports.txt

## fmt: format every source file with clang-format
.PHONY: fmt
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- Variants of the unit tests ----------------------------------------------------------------

# Instrumentation makes the compiler see other warnings, false ones among them: WERROR= here.

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

## asan: the unit tests under address and undefined-behaviour sanitizers
.PHONY: asan
asan:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/asan' STATIC=0 WERROR= CFLAGS='-O1 -g $(SANITIZE)' unit

## valgrind: the unit tests under valgrind's memcheck
.PHONY: valgrind
valgrind: $(TEST_BIN)
	@MEMCHECK=1 TEST_TIMEOUT=900 BUILD='$(BUILD)' tests/run $(TEST_BIN)

# Test modules with operations on marked secrets
CT_TESTS = $(patsubst tests/test_%.c,%,$(shell grep -l '^Test.[a-z0-9_]*, ct_' $(TESTS:%=tests/test_%.c)))

## ct: no branch and no address depends on a secret, for gcc and clang at four optimisation levels
.PHONY: ct
ct:
	@MAKE='$(MAKE)' tests/ct '$(BUILD)/ct' $(CT_TESTS)

## coverage: the unit tests with gcov, and the share of lines run per file
.PHONY: coverage
coverage:
	@find $(BUILD)/coverage -name '*.gcda' -exec rm -f {} + 2>/dev/null || true
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/coverage' STATIC=0 WERROR= CC='gcc' CFLAGS='-O0 -g --coverage' unit
	@tests/coverage '$(BUILD)/coverage' $(LIB_SRC)

## stack: the deepest call chains of the core; fails over 4 KiB (needs gcc)
.PHONY: stack
stack:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/stack' CC='gcc' WERROR= CFLAGS='-O2 -fcallgraph-info=su' core-objects
	@awk -v LIMIT=4096 -f tests/lint/stack.awk $(CORE_SRC) $(CORE_SRC:%.c=$(BUILD)/stack/obj/%.ci)

.PHONY: core-objects
core-objects: $(call objs,$(CORE_SRC))

# ---- Fuzzing -----------------------------------------------------------------------------------

FUZZ_BIN = $(FUZZ:%=$(BUILD)/fuzz_%)
FUZZ_MAIN_OBJ = $(if $(FUZZ_ENGINE),,$(call objs,$(FUZZ_MAIN)))

define fuzz_rule
$(BUILD)/fuzz_$(1): $(OBJ)/fuzz/fuzz_$(1).o $(FUZZ_MAIN_OBJ) $(TEST_PROTO_A) $(SESSION_LIBS) $(BUILD)/static
	$(say) LD $$@
	$$(Q)$$(CC) $$(CFLAGS) $$$$(cat $(BUILD)/static) $$(FUZZ_ENGINE) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^)
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))

.PHONY: fuzzers
fuzzers: $(FUZZ_BIN)

## fuzz: the fuzz targets with the stand-alone main (replay, AFL++), into build/
.PHONY: fuzz
fuzz: fuzzers

# libFuzzer where clang has it, else the stand-alone main and gcc
FUZZ_CC = $(shell echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return (int)(*p + n) * 0; }' | \
	clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null && echo clang)

## fuzz-smoke: replays each corpus under the sanitizers, then mutates it for some seconds
.PHONY: fuzz-smoke
fuzz-smoke:
	@fuzz_cc='$(FUZZ_CC)'; if [ -n "$$fuzz_cc" ]; then \
		$(MAKE) --no-print-directory BUILD='$(BUILD)/fuzz' STATIC=0 WERROR= CC=clang FUZZ_ENGINE=-fsanitize=fuzzer \
			CFLAGS='-O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)' fuzzers; \
	else \
		$(MAKE) --no-print-directory BUILD='$(BUILD)/fuzz' STATIC=0 WERROR= CFLAGS='-O1 -g $(SANITIZE)' fuzzers; \
	fi
	@tests/fuzz_smoke '$(BUILD)/fuzz' $(FUZZ)

## cross: kat, ciphers on random calls, the fuzz corpora on other machines' code (32-bit, big-endian, Arm, musl)
.PHONY: cross
cross:
	@MAKE='$(MAKE)' tests/cross '$(BUILD)/cross' $(FUZZ)

# ---- The whole thing at work -------------------------------------------------------------------

## demo: a server and a client of ours at work: keys, command, files, terminal
.PHONY: demo
demo:
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2)) all
	@BUILD='$(BUILD)' tests/demo.sh

# Targets of folders that may be absent from a cut-down tree
ifneq ($(wildcard tests/interop/run),)
## interop: our programs against the SSH implementations found on this machine
.PHONY: interop
interop: all
	@BUILD='$(BUILD)' tests/interop/run
endif

## examples: the programs of client/examples and server/examples, into build/examples/
.PHONY: examples
examples: $(BUILD)/examples/run $(BUILD)/examples/echo
$(BUILD)/examples/run: $(OBJ)/client/examples/run.o $(CLIENT_LIBS) $(BUILD)/static
	@mkdir -p $(@D)
	$(link_program)
$(BUILD)/examples/echo: $(OBJ)/server/examples/echo.o $(SERVER_LIBS) $(BUILD)/static
	@mkdir -p $(@D)
	$(link_program)

ifneq ($(wildcard tests/bench/run),)
## bench: throughput, CPU, connections per second and memory, against OpenSSH
.PHONY: bench
BENCH_TOOLS = $(addprefix $(BUILD)/bench/,ciphers freeport idle measure private nacre-sftp-copies nacre-ssh-copies)
bench: all $(BENCH_TOOLS)
	@BUILD='$(BUILD)' tests/bench/run $(BENCH_ARGS)

## bench-crypto: what each primitive costs in each of its forms, beside OpenSSL, libsodium, zlib
.PHONY: bench-crypto
bench-crypto: $(BUILD)/bench/primitives
	@BUILD='$(BUILD)' tests/bench/primitives.sh
# it looks for other libraries at run time, which a static program cannot
$(BUILD)/bench/primitives: $(OBJ)/tests/bench/primitives.o $(OBJ)/tests/bench/peers.o $(CRYPTO_LIBS)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -ldl

$(BUILD)/bench/ciphers: $(call objs,$(TEST_CPU_ENV))
$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(SESSION_LIBS) $(BUILD)/static
	@mkdir -p $(@D)
	$(link_program)
# memcpy and memmove counted: the programs as they are, but for these two calls
$(BUILD)/bench/nacre-%-copies: $(OBJ)/client/main_%.o $(OBJ)/tests/bench/copies.o $(CLIENT_LIBS) $(BUILD)/static
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $$(cat $(BUILD)/static) $(GC_LDFLAGS) $(LDFLAGS) -Wl,--wrap=memcpy,--wrap=memmove \
		-o $@ $(filter %.o,$^) $(filter %.a,$^)
endif

# ---- Distribution ------------------------------------------------------------------------------

INCLUDEDIR = $(PREFIX)/include/nacre
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin
INSTALL_BIN = $(filter-out $(BUILD)/kat,$(PROGRAMS))

$(BUILD)/nacre.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
		'Name: nacre' 'Description: SSH client, server and SFTP library' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -lnacre' 'Cflags: -I$${includedir}/nacre' > $@

## install: programs, libraries, public headers and nacre.pc, under DESTDIR and PREFIX
.PHONY: install
install: all $(BUILD)/nacre.pc
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	$(if $(INSTALL_BIN),install -m 755 $(INSTALL_BIN) $(DESTDIR)$(BINDIR))
	install -m 644 $(BUILD)/libnacre.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/libnacre.so $(DESTDIR)$(LIBDIR)/libnacre.so.$(VERSION)
	ln -sf libnacre.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libnacre.so.$(SOVERSION)
	ln -sf libnacre.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libnacre.so
	install -m 644 $(BUILD)/nacre.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	for h in $(HEADERS); do install -d $(DESTDIR)$(INCLUDEDIR)/$$(dirname $$h) && \
		install -m 644 $$h $(DESTDIR)$(INCLUDEDIR)/$$h || exit 1; done

$(BUILD)/nacre.c: tests/amalgamate Makefile $(CORE_SRC) $(wildcard crypto/*.h proto/*.h proto/keys/*.h sftp/*.h)
	@mkdir -p $(@D)
	@tests/amalgamate $(CORE_SRC) > $@

$(BUILD)/amalgamation.o: $(BUILD)/nacre.c $(BUILD)/flags
	$(say) CC $<
	$(Q)$(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -O0 -c -o $@ $<

## amalgamation: the core (crypto, proto, sftp) as one file, build/nacre.c
.PHONY: amalgamation
amalgamation: $(BUILD)/amalgamation.o

## clean: remove build/
.PHONY: clean
clean:
	rm -rf $(BUILD)

## help: this list
.PHONY: help
help:
	@awk '/^## (interop|bench):/ && system("test -e tests/" substr($$2, 1, length($$2) - 1) "/run") { next } \
		/^## / { n = index($$0, ":"); printf "  make %-14s %s\n", substr($$0, 4, n - 4), substr($$0, n + 2) }' Makefile

ALL_OBJ = $(LIB_OBJ) $(call objs,$(CLIENT_MAIN) $(SERVER_MAIN) $(KAT_SRC) $(TESTS:%=tests/test_%.c) \
	$(TEST_CRYPTO_SUPPORT) $(TEST_CPU_ENV) $(TEST_OOM) tests/twins_random.c $(TEST_PROTO_SUPPORT) $(FUZZ:%=fuzz/fuzz_%.c) $(FUZZ_MAIN))
-include $(wildcard $(ALL_OBJ:.o=.d))
