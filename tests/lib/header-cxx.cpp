// SPDX-License-Identifier: GPL-2.0-only
// The public header compiles as C++, and its functions link as C.
#include <libsnap.h>

int main()
{
	snap_session *s = nullptr;
	snap_status st = snap_open(0, &s);

	if (SNAP_FAILED(st))
		return snap_code_name(st)[0] != 'S';
	snap_close(s);
	return 0;
}
