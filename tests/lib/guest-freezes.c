// SPDX-License-Identifier: GPL-2.0-only
/* Prints what libsnap would have frozen for the volumes named, one a line. */
#include <stdio.h>

#include "internal.h"

int main(int argc, char **argv)
{
	struct snapi_freezes f = { 0 };
	struct snapi_blks members = { 0 };
	struct snapi_error e = { 0 };
	struct snapi_volume vol;

	for (int i = 1; i < argc; i++) {
		if (snapi_resolve(argv[i], &vol, &e)) {
			printf("%s\n", e.text);
			return 1;
		}
		if (snapi_blks_add(&members, vol.dev, SNAPI_SELF, 0))
			return 2;
	}
	if (snapi_freezes_open(&f, &members, NULL, &e)) {
		printf("%s\n", e.text);
		return 1;
	}
	for (unsigned int i = 0; i < f.nr; i++)
		printf("%s\n", f.v[i].name);
	snapi_freezes_close(&f);
	snapi_blks_free(&members);
	return 0;
}
