/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two halves of nlabi: nlabi.c asks what is wrong in form and who may ask at
 * all, nlvalues.c what is wrong in its values or at the wrong time.
 */
#ifndef SNAPSET_TEST_NLABI_H
#define SNAPSET_TEST_NLABI_H

#include <sys/types.h>

#include "nl.h"

/* Counts a question; prints it if the answer is not @want, or a no without a sentence. */
void expect(const char *who, const char *what, int got, int want, const struct nl *nl);

void ask_values(dev_t dev, dev_t other);

#endif
