#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# libsnap against the module: see api.c.
modprobe snapset && mkfs.ext4 -q "$SCRATCH0" && mkdir -p /m && mount "$SCRATCH0" /m || exit 1
/share/api "$SCRATCH0" "$SCRATCH1" || exit 1
umount /m
rmmod snapset
