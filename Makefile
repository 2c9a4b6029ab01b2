# SPDX-License-Identifier: GPL-2.0-only
#
# The front door; "make help" lists what there is.  The module's object list is
# in Kbuild, the library and the tool have Makefiles of their own.

KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
PREFIX	?= /usr/local
MANDIR	?= $(PREFIX)/share/man
SBINDIR	?= $(PREFIX)/sbin
UDEVDIR	?= /usr/lib/udev/rules.d
UNITDIR	?= /usr/lib/systemd/system
INSTALL	?= install
HOST	:= $(CURDIR)/build/host
NEEDS	:= libnl-3.0 libnl-genl-3.0 mount blkid uuid libsystemd json-c

# the harness reads these from its environment
export K T JOBS LONG ALL

all: module lib transactions tools

help:
	@echo 'make              the module for the running kernel, the library, the command'
	@echo 'make install      all of them (DESTDIR=, PREFIX=, KVER=)'
	@echo 'make demo         see it work, in a VM'
	@echo 'make check        the tests, on every kernel (K=6.1: that one; T="words": those tests)'
	@echo 'make check-all    everything on everything, before a release; takes hours'
	@echo 'make check-debug  the tests on a kernel that looks for faults (KASAN, lockdep, ...)'
	@echo 'make bench        measure, in virtual time'
	@echo 'make lint         style, sparse, shellcheck, man pages'
	@echo 'make clean'
	@echo 'tests/vm/vm shell a VM to look around in (Documentation/testing.rst)'

module:
	@if [ -e $(KDIR)/Makefile ]; then \
		$(MAKE) -C $(KDIR) M=$(CURDIR) modules; \
	else \
		echo 'No headers of kernel $(KVER) here (package linux-headers-$(KVER)): the module is left out.'; \
	fi

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
		echo "pkg-config does not find:$$missing"; \
		echo 'Debian: apt install libnl-genl-3-dev libmount-dev libblkid-dev uuid-dev libsystemd-dev libjson-c-dev'; \
		exit 1; \
	}

install: all
	$(MAKE) -C libsnap O=$(HOST)/libsnap install
	$(MAKE) -C transactions O=$(HOST)/transactions install
	$(MAKE) -C tools O=$(HOST)/tools LIBSNAP_O=$(HOST)/libsnap install
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/include/linux $(DESTDIR)$(UDEVDIR)
	$(INSTALL) -m 644 kmod/uapi/linux/snapset.h $(DESTDIR)$(PREFIX)/include/linux/
	for f in $(wildcard udev/*.rules); do \
		$(INSTALL) -m 644 $$f $(DESTDIR)$(UDEVDIR)/ || exit; \
	done
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	for f in $(wildcard systemd/*.in); do \
		unit=$${f##*/}; \
		sed 's|@SBINDIR@|$(SBINDIR)|' $$f > $(DESTDIR)$(UNITDIR)/$${unit%.in} || exit; \
	done
	for f in $(wildcard Documentation/man/*.[1-9]); do \
		$(INSTALL) -D -m 644 $$f $(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/} || exit; \
	done
	[ ! -e snapset.ko ] || \
		$(INSTALL) -D -m 644 snapset.ko $(DESTDIR)/lib/modules/$(KVER)/extra/snapset.ko
	[ -n "$(DESTDIR)" ] || [ ! -e snapset.ko ] || depmod $(KVER)
	[ -n "$(DESTDIR)" ] || ldconfig

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

.PHONY: all help module lib transactions tools needs install deps demo check check-all check-debug bench lint clean
