// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /etc/snapset/storage.conf: which volume keeps its old data in which directory.
 *
 *	# volume	directory		minimum	maximum
 *	/srv		/var/lib/snapset	320M	10%
 *	*		/var/lib/snapset	-	unbounded
 *
 * A "#" begins a remark where a field would begin, and is a part of a name elsewhere.
 *
 * It is edited by hand, too. So a line that is not understood is an error with its number,
 * never skipped; what is written leaves every other line as it was; and readers see the old
 * file or the new one, never a part. Writers lock the directory, as the file is replaced.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "storage.h"

#define FILE_NAME	"storage.conf"
#define NEW_NAME	".storage.conf.new"
#define MAX_LINES	4096
#define BLANKS		" \t\r\n"

static const char nomem[] = "no memory";

/* Tests have their own; who is more than his caller goes by what was compiled in. */
static const char *directory(void)
{
	const char *dir = secure_getenv("SNAPSET_CONF_DIR");

	return dir && *dir == '/' ? dir : SNAPI_SYSCONFDIR "/snapset";
}

static snap_status fail_file(struct snapi_error *e, const char *what, int err)
{
	snapi_error_set(e, err == EACCES || err == EPERM ? SNAP_E_ACCESSDENIED :
			err == ENOMEM ? SNAP_E_OUTOFMEMORY :
			err == ENOSPC || err == EDQUOT ? SNAP_E_INSUFFICIENT_STORAGE :
			SNAP_E_INVALIDARG, err, NULL, "cannot %s %s/" FILE_NAME ": %s", what,
			directory(), strerror(err));
	return e->code;
}

static snap_status no_memory(struct snapi_error *e)
{
	snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return e->code;
}

/* Reading */

/* As in fstab: "\040" is a blank. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* "-", "320M", "10%"; @unbounded: also that word. */
static bool parse_amount(const char *text, bool unbounded, struct snapi_amount *a)
{
	unsigned long n;
	char *end;

	memset(a, 0, sizeof(*a));
	if (!text || !strcmp(text, "-"))
		return true;
	if (unbounded && !strcmp(text, "unbounded")) {
		a->bytes = SNAP_UNBOUNDED;
		return true;
	}
	if (!text[strcspn(text, "%")])
		return !snap_parse_size(text, &a->bytes) && a->bytes && a->bytes != SNAP_UNBOUNDED;
	n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (!n || n > 100 || strcmp(end, "%"))
		return false;
	a->percent = (uint32_t)n;
	return true;
}

const char *snapi_storage_wrong(const struct snapi_storage *a)
{
	static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=" };
	bool tag = false;

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		tag |= !strncmp(a->volume, tags[i], strlen(tags[i])) &&
		       a->volume[strlen(tags[i])];
	if (strcmp(a->volume, "*") && a->volume[0] != '/' && !tag)
		return "a volume is an absolute path, UUID=, LABEL=, PARTUUID=, PARTLABEL= or *";
	if (a->directory[0] != '/')
		return "the directory is not an absolute path";
	/* What is in percent is compared when the file system is known. */
	if (a->minimum.bytes && a->maximum.bytes && a->minimum.bytes > a->maximum.bytes)
		return "the minimum is more than the maximum";
	if (a->minimum.percent && a->maximum.percent && a->minimum.percent > a->maximum.percent)
		return "the minimum is more than the maximum";
	if (a->minimum.bytes && !snapi_store_file_size_ok(a->minimum.bytes))
		return "a store has 64 KiB at least";
	if (a->maximum.bytes && a->maximum.bytes != SNAP_UNBOUNDED &&
	    !snapi_store_file_size_ok(a->maximum.bytes))
		return "a store has 64 KiB at least";
	return NULL;
}

static const char *parse_fields(char *text, struct snapi_line *line)
{
	struct snapi_storage *a = &line->storage;
	char *field[4] = { NULL }, *save;
	unsigned int n = 0;

	for (char *f = strtok_r(text, BLANKS, &save); f; f = strtok_r(NULL, BLANKS, &save)) {
		if (*f == '#') {
			line->tail = strdup(line->text + (f - text));
			if (!line->tail)
				return nomem;
			break;
		}
		if (n == 4)
			return "it has more than volume, directory, minimum and maximum";
		unescape(f);
		field[n++] = f;
	}
	if (!n)
		return NULL;
	line->is_storage = true;
	if (n == 1)
		return "the directory is missing";
	if (strlen(field[0]) >= sizeof(a->volume) || strlen(field[1]) >= sizeof(a->directory))
		return "a name is too long";
	strcpy(a->volume, field[0]);
	strcpy(a->directory, field[1]);
	if (!parse_amount(field[2], false, &a->minimum))
		return "the minimum is neither a size, a percentage nor -";
	if (!parse_amount(field[3], true, &a->maximum))
		return "the maximum is neither a size, a percentage, unbounded nor -";
	return snapi_storage_wrong(a);
}

static const char *parse_line(struct snapi_line *line)
{
	char *copy = strdup(line->text);
	const char *wrong = copy ? parse_fields(copy, line) : nomem;

	free(copy);
	return wrong;
}

static struct snapi_line *grow(struct snapi_conf *c)
{
	struct snapi_line *v = realloc(c->v, (c->nr + 1) * sizeof(*v));

	if (!v)
		return NULL;
	c->v = v;
	v += c->nr++;
	memset(v, 0, sizeof(*v));
	return v;
}

static bool is_double(const struct snapi_conf *c, unsigned int at)
{
	for (unsigned int i = 0; i < at; i++)
		if (c->v[i].is_storage &&
		    !strcmp(c->v[i].storage.volume, c->v[at].storage.volume))
			return true;
	return false;
}

static const char *add_line(struct snapi_conf *c, const char *text, ssize_t len)
{
	struct snapi_line *line = c->nr < MAX_LINES ? grow(c) : NULL;
	const char *wrong;

	if (!line)
		return c->nr < MAX_LINES ? nomem : "it is one line too many";
	line->text = strndup(text, (size_t)len);
	if (!line->text)
		return nomem;
	if (strlen(text) != (size_t)len)
		return "it is no text";
	wrong = parse_line(line);
	if (!wrong && line->is_storage && is_double(c, c->nr - 1))
		return "the volume has a line already";
	return wrong;
}

static snap_status read_lines(FILE *f, struct snapi_conf *c, struct snapi_error *e)
{
	const char *wrong = NULL;
	size_t room = 0;
	char *text = NULL;
	ssize_t len;

	while (!wrong && (len = getline(&text, &room, f)) >= 0)
		wrong = add_line(c, text, len);
	free(text);
	if (wrong == nomem)
		no_memory(e);
	else if (wrong)
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL, "%s/" FILE_NAME ":%u: %s",
				directory(), c->nr, wrong);
	else if (ferror(f))
		fail_file(e, "read", errno);
	return e->code;
}

snap_status snapi_conf_read(struct snapi_conf *c, struct snapi_error *e)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *f;

	memset(e, 0, sizeof(*e));
	memset(c, 0, sizeof(*c));
	snprintf(path, sizeof(path), "%s/" FILE_NAME, directory());
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? SNAP_S_OK : fail_file(e, "read", errno);
	if (read_lines(f, c, e))
		snapi_conf_free(c);
	c->existed = true;
	if (!fstat(fileno(f), &st)) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	fclose(f);
	return e->code;
}

void snapi_conf_free(struct snapi_conf *c)
{
	for (unsigned int i = 0; i < c->nr; i++) {
		free(c->v[i].text);
		free(c->v[i].tail);
	}
	free(c->v);
	memset(c, 0, sizeof(*c));
}

/* Changing */

static void escape(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (strchr(BLANKS "\\#", *s))
			fprintf(f, "\\%03o", (unsigned int)(unsigned char)*s);
		else
			fputc(*s, f);
	}
}

static void put_amount(FILE *f, const struct snapi_amount *a)
{
	static const char units[] = "KMGT";
	uint64_t n = a->bytes;
	int unit = -1;

	if (a->percent) {
		fprintf(f, "\t%u%%", a->percent);
	} else if (!n) {
		fputs("\t-", f);
	} else if (n == SNAP_UNBOUNDED) {
		fputs("\tunbounded", f);
	} else {
		for (; unit < 3 && !(n % 1024); n /= 1024)
			unit++;
		fprintf(f, "\t%llu", (unsigned long long)n);
		if (unit >= 0)
			fputc(units[unit], f);
	}
}

static snap_status print(struct snapi_line *line, struct snapi_error *e)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return no_memory(e);
	escape(f, line->storage.volume);
	fputc('\t', f);
	escape(f, line->storage.directory);
	put_amount(f, &line->storage.minimum);
	put_amount(f, &line->storage.maximum);
	if (line->tail)
		fprintf(f, "\t%s", line->tail);
	else
		fputc('\n', f);
	if (ferror(f) | fclose(f)) {
		free(text);
		return no_memory(e);
	}
	free(line->text);
	line->text = text;
	return SNAP_S_OK;
}

snap_status snapi_conf_put(struct snapi_conf *c, int at, const struct snapi_storage *a,
			   struct snapi_error *e)
{
	struct snapi_line *line = at < 0 ? grow(c) : &c->v[at];

	if (!line)
		return no_memory(e);
	line->storage = *a;
	line->is_storage = true;
	return print(line, e);
}

void snapi_conf_drop(struct snapi_conf *c, unsigned int at)
{
	free(c->v[at].text);
	free(c->v[at].tail);
	memmove(&c->v[at], &c->v[at + 1], (c->nr - at - 1) * sizeof(*c->v));
	c->nr--;
}

int snapi_conf_lock(struct snapi_error *e)
{
	const char *dir = directory();
	int fd;

	memset(e, 0, sizeof(*e));
	if (mkdir(dir, 0755) && errno != EEXIST) {
		fail_file(e, "make the directory of", errno);
		return -1;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		fail_file(e, "lock", errno);
		snapi_conf_unlock(fd);
		return -1;
	}
	return fd;
}

void snapi_conf_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

static const char head[] =
	"# Where snapset keeps what is overwritten: storage.conf in snapset(8).\n"
	"# volume\tdirectory\tminimum\tmaximum\n";

static int write_lines(const struct snapi_conf *c, int fd)
{
	FILE *f = fdopen(fd, "w");
	int err;

	if (!f) {
		err = errno;
		close(fd);
		return err;
	}
	if (!c->existed)
		fputs(head, f);
	for (unsigned int i = 0; i < c->nr; i++) {
		size_t len = strlen(c->v[i].text);

		fputs(c->v[i].text, f);
		if (len && c->v[i].text[len - 1] != '\n')	/* the last one by hand */
			fputc('\n', f);
	}
	errno = EIO;
	err = fflush(f) || ferror(f) || fsync(fd) ? errno : 0;
	return fclose(f) && !err ? errno : err;
}

/* The file @name of the directory @dir is replaced by what @c has. */
static int replace(const struct snapi_conf *c, int dir, const char *name)
{
	struct stat st;
	bool there = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
	int fd, err = 0;

	unlinkat(dir, NEW_NAME, 0);		/* of a writer that was killed */
	fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if ((there && fchown(fd, st.st_uid, st.st_gid)) ||
	    fchmod(fd, there ? st.st_mode & 0777 : 0644))
		err = errno;
	if (err)
		close(fd);
	else
		err = write_lines(c, fd);
	if (!err && renameat(dir, NEW_NAME, dir, name))
		err = errno;
	if (err)
		unlinkat(dir, NEW_NAME, 0);
	else if (fsync(dir))
		err = errno;
	return err;
}

/*
 * A link to a file that is kept elsewhere stays one: that file is replaced. It must be the one
 * that was read, in a directory where nobody else can put another one in its place.
 */
static int replace_behind_link(const struct snapi_conf *c)
{
	char path[PATH_MAX], real[PATH_MAX], *name;
	struct stat st;
	int dir, err;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, directory());
	if (!realpath(path, real))
		return errno;
	name = strrchr(real, '/');
	*name++ = 0;
	dir = open(*real ? real : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno;
	if (fstat(dir, &st) || st.st_uid != geteuid() || st.st_mode & 022)
		err = EPERM;
	else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
		 st.st_dev != c->dev || st.st_ino != c->ino)
		err = ESTALE;
	else
		err = replace(c, dir, name);
	close(dir);
	return err;
}

snap_status snapi_conf_write(const struct snapi_conf *c, int lock, struct snapi_error *e)
{
	struct stat st;
	int err;

	if (!fstatat(lock, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
		err = replace_behind_link(c);
	else
		err = replace(c, lock, FILE_NAME);
	return err ? fail_file(e, "write", err) : SNAP_S_OK;
}
