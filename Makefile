# SPDX-License-Identifier: GPL-2.0-only
#
# The front door; "make help" lists what there is.  The module's object list is
# in Kbuild, the library and the tool have Makefiles of their own.

VERSION	:= $(shell cat VERSION)
KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
MODULE	?= yes
PREFIX	?= /usr/local
LIBDIR	?= $(PREFIX)/lib
MANDIR	?= $(PREFIX)/share/man
SBINDIR	?= $(PREFIX)/sbin
UDEVDIR	?= $(PREFIX)/lib/udev/rules.d
UNITDIR	?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
STATEDIR ?= /var/lib/snapset
INSTALL	?= install
HOST	:= $(CURDIR)/build/host
NEEDS	:= libnl-3.0 libnl-genl-3.0 mount blkid uuid libsystemd json-c smartcols

ifneq ($(filter-out /%,$(DESTDIR)),)
$(error DESTDIR is no absolute path: $(DESTDIR))
endif

# several targets make something of the same directory, whose own make is parallel
.NOTPARALLEL:

# the harness reads these from its environment
export K T JOBS LONG ALL

all: $(if $(filter no,$(MODULE)),,module) user

help:
	@echo 'make              the module for the running kernel, the library, the command'
	@echo 'make install      all of them (DESTDIR=, PREFIX=, KVER=, MODULE=no: not the module);'
	@echo '                  or install-module, install-user, install-dev: one of them;'
	@echo '                  install-dkms: the sources of the module, for DKMS'
	@echo 'make uninstall    the opposite; say the same variables'
	@echo 'make dist         the sources of the last commit: build/dist/snapset-$(VERSION).tar.xz'
	@echo 'make deb          packages for this Debian: build/deb/*.deb'
	@echo 'make demo         see it work, in a VM'
	@echo 'make check        the tests, on every kernel (K=6.1: that one; T="words": those tests)'
	@echo 'make check-all    everything on everything, before a release; takes hours'
	@echo 'make check-debug  the tests on a kernel that looks for faults (KASAN, lockdep, ...)'
	@echo 'make bench        measure, in virtual time'
	@echo 'make lint         style, sparse, shellcheck, man pages'
	@echo 'make clean'
	@echo 'tests/vm/vm shell a VM to look around in (Documentation/testing.rst)'

user: lib transactions tools

headers:
	@[ -e $(KDIR)/Makefile ] || { \
		echo 'No headers of kernel $(KVER) here (package linux-headers-$(KVER)); all but the module: MODULE=no.' >&2; \
		exit 1; \
	}

module: headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

lib: needs
	$(MAKE) -C libsnap O=$(HOST)/libsnap

transactions:
	$(MAKE) -C transactions O=$(HOST)/transactions

tools: lib
	$(MAKE) -C tools O=$(HOST)/tools LIBSNAP_O=$(HOST)/libsnap

needs:
	@for p in $(NEEDS); do \
		pkg-config --exists $$p || missing="$$missing $$p"; \
	done; \
	[ -z "$$missing" ] || { \
		echo "pkg-config does not find:$$missing" >&2; \
		echo 'Debian: apt install libnl-genl-3-dev libmount-dev libblkid-dev uuid-dev libsystemd-dev libjson-c-dev libsmartcols-dev' >&2; \
		exit 1; \
	}

install: $(if $(filter no,$(MODULE)),,install-module) install-user install-dev

# As the kernel's own modules are: stripped, compressed if that kernel has it so, and signed if
# its key is there. A distribution's headers have no System.map, without which this calls no depmod.
install-module: module
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install INSTALL_MOD_STRIP=1 INSTALL_MOD_DIR=updates \
		INSTALL_MOD_PATH=$(DESTDIR) DEPMOD=true \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
	[ -n "$(DESTDIR)" ] || depmod "$$($(MAKE) -s -C $(KDIR) kernelrelease)"

# a file with modes of its own, whatever the umask is
define put
$(INSTALL) -D -m 644 $(1) $(DESTDIR)$(2)

endef

# with @SBINDIR@ filled in
define put_unit
sed 's|@SBINDIR@|$(SBINDIR)|' $(1) > $(HOST)/$(basename $(notdir $(1)))
$(call put,$(HOST)/$(basename $(notdir $(1))),$(UNITDIR)/$(basename $(notdir $(1))))

endef

install-user: user
	$(MAKE) -C libsnap O=$(HOST)/libsnap install-shared
	$(MAKE) -C transactions O=$(HOST)/transactions install
	$(MAKE) -C tools O=$(HOST)/tools LIBSNAP_O=$(HOST)/libsnap install
	$(foreach f,$(wildcard udev/*.rules),$(call put,$(f),$(UDEVDIR)/$(notdir $(f))))
	$(foreach f,$(wildcard systemd/*.in),$(call put_unit,$(f)))
	$(foreach f,$(wildcard Documentation/man/*.[78]),$(call put,$(f),$(MANDIR)/man$(patsubst .%,%,$(suffix $(f)))/$(notdir $(f))))
	$(INSTALL) -d -m 755 $(DESTDIR)$(SYSCONFDIR)/snapset
	$(INSTALL) -d -m 700 $(DESTDIR)$(STATEDIR)
	[ -n "$(DESTDIR)" ] || ldconfig

install-dev: lib
	$(MAKE) -C libsnap O=$(HOST)/libsnap install-dev
	$(call put,kmod/uapi/linux/snapset.h,$(PREFIX)/include/linux/snapset.h)
	$(foreach f,$(wildcard Documentation/man/*.3),$(call put,$(f),$(MANDIR)/man3/$(notdir $(f))))

# The module's sources, for DKMS: then "dkms install snapset/$(VERSION)"
DKMSDIR := $(DESTDIR)/usr/src/snapset-$(VERSION)
install-dkms:
	for f in Kbuild VERSION $$(find kmod dkms -name '*.[ch]' -o -path 'dkms/unbuilt/Kbuild'); do \
		$(INSTALL) -D -m 644 $$f $(DKMSDIR)/$$f || exit; \
	done
	$(INSTALL) -D -m 755 dkms/build $(DKMSDIR)/dkms/build
	mkdir -p $(HOST)
	sed 's/#MODULE_VERSION#/$(VERSION)/' dkms/dkms.conf > $(HOST)/dkms.conf
	$(INSTALL) -m 644 $(HOST)/dkms.conf $(DKMSDIR)/dkms.conf

# What "make install" would put there, and directories of ours that are empty then: nothing
# that somebody else has written goes.
uninstall:
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(MAKE) -s DESTDIR="$$tmp" MODULE=no install >/dev/null && cd "$$tmp" && \
	find . ! -type d -printf '%P\n' | while read -r f; do rm -fv "$(DESTDIR)/$$f"; done && \
	find . -depth -type d -name '*snapset*' -printf '%P\n' | while read -r d; do \
		[ ! -d "$(DESTDIR)/$$d" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)/$$d"; \
	done
	[ "$(MODULE)" = no ] || rm -fv $(DESTDIR)/lib/modules/$(KVER)/updates/snapset.ko*
	[ -n "$(DESTDIR)" ] || [ "$(MODULE)" = no ] || depmod $(KVER)
	[ -n "$(DESTDIR)" ] || ldconfig

dist:
	@scripts/dist

deb:
	@scripts/deb

deps:
	@scripts/host-deps

demo: deps
	@tests/demo/run

check: deps
	@tests/run

check-all: deps
	@ALL=1 tests/run

check-debug: deps
	@K=debug tests/run

bench: deps
	@tests/bench/run

lint: deps
	@tests/vm/vm exec -- scripts/lint

clean:
	rm -rf build
	[ ! -e $(KDIR)/Makefile ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: all help user headers module lib transactions tools needs install install-module install-user \
	install-dev install-dkms uninstall dist deb deps demo check check-all check-debug bench lint clean
