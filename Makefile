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
# shared libc; WERROR= keeps warnings from failing the build; V=1 shows the commands.
#
# Every source file stands in exactly one of the lists below, in alphabetical order.

VERSION = 0.1.0
SOVERSION = 0

# ---- Sources -----------------------------------------------------------------------------------

CRYPTO_SRC = \
	crypto/wipe.c

# proto/ but posix/: the engine, without I/O
PROTO_SRC = \
	proto/err.c \
	proto/wire.c

KEYS_SRC =

SFTP_SRC =

POSIX_SRC =

CLIENT_SRC =

SERVER_SRC =

# Of the lists above, the files that use the operating system: compiled with its extensions visible
# and exempt from the symbol rules of the core.
OS_SRC = crypto/cpu.c crypto/rng_os.c sftp/fs_posix.c

# NAME here is FOLDER/main_NAME.c (with _ for -) and becomes build/nacre-NAME
CLIENT_PROGRAMS = ssh sftp keygen
SERVER_PROGRAMS = sshd sftp-server

KAT_SRC = tests/kat.c

# NAME here is tests/test_NAME.c; the list says which layers it is linked with (and those below)
CRYPTO_TESTS =
PROTO_TESTS =
SFTP_TESTS =
POSIX_TESTS =
CLIENT_TESTS =
SERVER_TESTS =
# linked with client and server
SESSION_TESTS =

# Shell tests: executables that print TAP lines
SCRIPT_TESTS =

# What tests share: with crypto alone, and with proto
TEST_CRYPTO_SUPPORT = tests/vectors.c
TEST_PROTO_SUPPORT = tests/pair.c tests/rogue.c

# NAME here is fuzz/fuzz_NAME.c with its corpus in fuzz/corpus/NAME/
FUZZ =
# main() of the fuzz targets where libFuzzer does not bring one
FUZZ_MAIN = fuzz/standalone.c

PUBLIC_HEADERS = crypto/nacre_crypto.h proto/nacre.h proto/keys/nacre_keys.h sftp/nacre_sftp.h \
	client/nacre_client.h server/nacre_server.h

# ---- Settings ----------------------------------------------------------------------------------

BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
WERROR ?= -Werror
STATIC ?= 1
# How the programs become static. glibc resolves names and users through modules that it loads at run
# time even then: see the note that the link prints.
STATIC_LDFLAGS ?= -static

WARN = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wundef $(WERROR)
# One set of objects serves the static and the shared library, hence PIC; sections let the linker drop
# the algorithms that a program does not name.
CODEGEN = -fPIC -ffunction-sections -fdata-sections -fno-common -fstack-protector-strong
OWN_CFLAGS = -std=c11 -I. $(WARN) $(CODEGEN)
ALL_CFLAGS = $(OWN_CFLAGS) $(AREA_CFLAGS) $(CPPFLAGS) $(CFLAGS)
GC_LDFLAGS = -Wl,--gc-sections
ifeq ($(STATIC),1)
PROGRAM_LDFLAGS = $(STATIC_LDFLAGS)
endif

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
FLAGS_NOW = $(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS)
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

# ---- Programs ----------------------------------------------------------------------------------

define link_program
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(PROGRAM_LDFLAGS) $(GC_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
endef

define program_rule
$(BUILD)/nacre-$(2): $(OBJ)/$(1)/main_$(call under,$(2)).o $(3)
	$$(link_program)
endef
$(foreach p,$(CLIENT_PROGRAMS),$(eval $(call program_rule,client,$(p),$(CLIENT_LIBS))))
$(foreach p,$(SERVER_PROGRAMS),$(eval $(call program_rule,server,$(p),$(SERVER_LIBS))))

$(BUILD)/kat: $(call objs,$(KAT_SRC)) $(PROTO_LIBS)
	$(link_program)

# ---- Tests -------------------------------------------------------------------------------------

# Criterion is the one thing that the tests need beyond a compiler.
$(BUILD)/criterion: tests/need_criterion
	@mkdir -p $(@D)
	@CC='$(CC)' CRITERION='$(CRITERION_CFLAGS) $(CRITERION_LIBS)' tests/need_criterion && touch $@

$(TESTS:%=$(OBJ)/tests/test_%.o): | $(BUILD)/criterion

define test_rule
$(BUILD)/tests/test_$(1): $(OBJ)/tests/test_$(1).o $(2)
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

## check: build, lint and every unit test; installs Criterion if it is missing
.PHONY: check
check: all $(TEST_BIN)
	@BUILD='$(BUILD)' tests/run $(TEST_BIN) $(SCRIPT_TESTS)

## test-NAME: one test module, tests/test_NAME.c
.PHONY: unit
unit: $(TEST_BIN)
	@BUILD='$(BUILD)' tests/run $(TEST_BIN)

## fmt: format every source file with clang-format
.PHONY: fmt
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

## clean: remove build/
.PHONY: clean
clean:
	rm -rf $(BUILD)

## help: this list
.PHONY: help
help:
	@awk '/^## / { n = index($$0, ":"); printf "  make %-14s %s\n", substr($$0, 4, n - 4), substr($$0, n + 2) }' Makefile

ALL_OBJ = $(LIB_OBJ) $(call objs,$(CLIENT_MAIN) $(SERVER_MAIN) $(KAT_SRC) $(TESTS:%=tests/test_%.c) \
	$(TEST_CRYPTO_SUPPORT) $(TEST_PROTO_SUPPORT) $(FUZZ:%=fuzz/fuzz_%.c) $(FUZZ_MAIN))
-include $(wildcard $(ALL_OBJ:.o=.d))
