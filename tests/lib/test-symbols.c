// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every symbol of libsnap.map is in the shared library at its version.
 * symbols.h is made from the map: SYMBOL(name, version) lines.
 */
#include <dlfcn.h>

#include "check.h"

static const struct {
	const char	*name, *version;
} symbols[] = {
#define SYMBOL(name, version) { #name, version },
#include "symbols.h"
};

static void all_are_there(void **state)
{
	void *lib = dlopen(getenv("LIBSNAP_SO"), RTLD_NOW);

	(void)state;
	if (!lib)
		fail_msg("%s", dlerror());
	assert_true(sizeof(symbols) / sizeof(symbols[0]) > 30);
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (!dlvsym(lib, symbols[i].name, symbols[i].version))
			fail_msg("%s@%s is missing", symbols[i].name, symbols[i].version);
	assert_null(dlsym(lib, "snapi_conn_open"));
	dlclose(lib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
