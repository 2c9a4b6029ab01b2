// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsnap-make [OPTIONS] VOLUME...: makes a set by the library and says which call gave
 * which code, with the sentence:
 *
 *	CALL CODE SENTENCE	CALL: open context start add do status; an answer of
 *				"status" came by snap_async_status()
 *
 * and exits with 0 if the set was made, else with 3. For tests of each code.
 *
 *	--hold MS --freeze MS --store-limit BYTES --context NUMBER --transactions DIR
 *	--transaction-timeout MS --window MS --pause MS (before the volumes are added)
 *	--cancel (as soon as it runs)
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <libsnap.h>

static struct snap_session *s;

static int say(const char *call, snap_status st)
{
	struct snap_error_info e = { .size = sizeof(e) };

	snap_last_error(s, &e);
	printf("%s %s %s\n", call, snap_code_name(st), SNAP_FAILED(st) ? e.text : "-");
	if (SNAP_FAILED(st) && e.code != st)
		printf("BUT snap_last_error() says %s\n", snap_code_name(e.code));
	snap_close(s);
	return SNAP_FINISHED(st) ? 0 : 3;
}

static void sleep_ms(unsigned long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

struct wishes {
	unsigned long hold, freeze, store_limit, pause, transaction_ms, window_ms;
	unsigned long context;
	const char *transactions;
	int cancel;
};

static int make(const struct wishes *w, char **volumes)
{
	struct snap_store store = { .size = sizeof(store), .limit = w->store_limit };
	struct snap_async *async;
	snap_status st, end;
	snap_id set;

	st = snap_set_context(s, w->context);
	if (!SNAP_FAILED(st))
		st = snap_set_timeouts(s, w->hold, w->freeze, 0);
	if (!SNAP_FAILED(st) && w->store_limit)
		st = snap_set_store(s, &store);
	if (!SNAP_FAILED(st) && w->transactions)
		st = snap_set_transactions(s, w->transactions, w->transaction_ms,
					   w->window_ms);
	if (SNAP_FAILED(st))
		return say("context", st);
	st = snap_start_snapshot_set(s, &set);
	if (SNAP_FAILED(st))
		return say("start", st);
	sleep_ms(w->pause);
	for (; *volumes; volumes++) {
		st = snap_add_to_snapshot_set(s, *volumes, NULL);
		if (SNAP_FAILED(st))
			return say("add", st);
	}
	st = snap_do_snapshot_set(s, &async);
	if (SNAP_FAILED(st))
		return say("do", st);
	if (w->cancel)
		snap_async_cancel(async);
	st = snap_async_wait(async, -1);
	if (!SNAP_FAILED(st))
		st = snap_async_status(async, &end);
	snap_async_free(async);
	return SNAP_FAILED(st) ? say("wait", st) : say("status", end);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "hold", 1, NULL, 'h' }, { "freeze", 1, NULL, 'f' },
		{ "store-limit", 1, NULL, 'l' }, { "context", 1, NULL, 'c' },
		{ "transactions", 1, NULL, 't' }, { "transaction-timeout", 1, NULL, 'T' },
		{ "window", 1, NULL, 'w' }, { "pause", 1, NULL, 'p' },
		{ "cancel", 0, NULL, 'C' }, { 0 },
	};
	struct wishes w = { .context = SNAP_CTX_FILE_SHARE_BACKUP };
	snap_status st;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'h': w.hold = strtoul(optarg, NULL, 0); break;
		case 'f': w.freeze = strtoul(optarg, NULL, 0); break;
		case 'l': w.store_limit = strtoul(optarg, NULL, 0); break;
		case 'c': w.context = strtoul(optarg, NULL, 0); break;
		case 't': w.transactions = optarg; break;
		case 'T': w.transaction_ms = strtoul(optarg, NULL, 0); break;
		case 'w': w.window_ms = strtoul(optarg, NULL, 0); break;
		case 'p': w.pause = strtoul(optarg, NULL, 0); break;
		case 'C': w.cancel = 1; break;
		default: return 2;
		}
	}
	st = snap_open(0, &s);
	if (SNAP_FAILED(st))
		return say("open", st);
	return make(&w, argv + optind);
}
