#define _GNU_SOURCE
#include "cli/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/i18n.h"

/* Without an account of that name: the number that Linux keeps for it. */
#define NOBODY 65534

/* A number that sudo left in the environment; 0 when there is none. */
static unsigned sudo_id(const char *variable)
{
	const char *value = getenv(variable);
	char *end = NULL;
	unsigned long id = value ? strtoul(value, &end, 10) : 0;
	return value && *value && !*end && id < (unsigned)-1 ? (unsigned)id : 0;
}

bool privileges_plan(struct privileges *p, const char *user, struct err *reterr)
{
	*p = (struct privileges){.root = geteuid() == 0};
	if (!p->root)
		return !user || err_set(reterr, ERR_USAGE, _("--user: only root can become another user"));
	const struct passwd *pw = getpwnam(user ? user : "nobody");
	if (user && !pw)
		return err_set(reterr, ERR_USAGE, _("--user: there is no user “%s”"), user);
	p->uid = pw ? pw->pw_uid : NOBODY;
	p->gid = pw ? pw->pw_gid : NOBODY;
	p->owner_uid = user ? p->uid : sudo_id("SUDO_UID");
	p->owner_gid = user ? p->gid : sudo_id("SUDO_GID");
	return true;
}

/* setegid before seteuid on the way there, after it on the way back. */
static bool become_owner(const struct privileges *p)
{
	return (p->owner_uid == 0) || (setgroups(1, &p->owner_gid) == 0 && setegid(p->owner_gid) == 0 && seteuid(p->owner_uid) == 0);
}

static bool become_root_again(const struct privileges *p)
{
	return p->owner_uid == 0 || (seteuid(0) == 0 && setegid(getgid()) == 0);
}

int privileges_create(const struct privileges *p, const char *path, struct err *reterr)
{
	if (p->root && !become_owner(p)) {
		err_set(reterr, ERR_OPEN, "%s: %s", path, strerror(errno));
		return -1;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	int failure = errno;
	if (p->root && !become_root_again(p))
		abort();
	if (fd < 0)
		err_set(reterr, ERR_OPEN, "%s: %s", path, strerror(failure));
	return fd;
}

static bool give_up_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	return syscall(SYS_capset, &header, none) == 0;
}

bool privileges_drop(const struct privileges *p, struct err *reterr)
{
	bool ok = true;
	if (p->root && p->uid != 0)
		ok = setgroups(0, NULL) == 0 && setresgid(p->gid, p->gid, p->gid) == 0 && setresuid(p->uid, p->uid, p->uid) == 0 && setuid(0) != 0;
	ok = ok && give_up_capabilities() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	return ok || err_set(reterr, ERR_INTERNAL, _("privileges could not be dropped: %s"), strerror(errno));
}
