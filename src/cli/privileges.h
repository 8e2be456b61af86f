/* privileges: what the program may do shrinks as soon as the interface is open. Files are made with the rights of whoever asked for them (the user of
 * --user, else the one who called sudo), never with root's; then the process becomes another user for good and gives its capabilities up. */
#ifndef TT_CLI_PRIVILEGES_H
#define TT_CLI_PRIVILEGES_H

#include <sys/types.h>

#include "base/err.h"

struct privileges {
	bool root;             /* has something to give up */
	uid_t uid, owner_uid;  /* to become; of files */
	gid_t gid, owner_gid;
};

/* Who to become: user (--user), or NULL: nobody. For other than root nothing changes, and naming a user is an error. */
bool privileges_plan(struct privileges *p, const char *user, struct err *reterr);
/* Opens a file for writing, as its future owner: made anew or emptied. -1 and *reterr. */
int privileges_create(const struct privileges *p, const char *path, struct err *reterr);
/* For good. */
bool privileges_drop(const struct privileges *p, struct err *reterr);

#endif
