/* sandbox: what reads hostile evidence keeps only what reading needs: the files and descriptors that are open, memory, and the clock. No file can be opened,
 * made, looked up or removed (Landlock, and calls that fail with EACCES, which libraries take as “not there”); every other system call that is not in the
 * list of those needed (seccomp) ends the process with a message and EXIT_UNREADABLE. */
#ifndef TT_CLI_SANDBOX_H
#define TT_CLI_SANDBOX_H

#include <stdbool.h>

/* For the rest of the process: everything that will be needed is open by now, and nobody is asked at the terminal any more. Where the kernel cannot do it
 * (old, or forbidden by a container) that part is left out: reading does not depend on it. */
void sandbox_enter(void);

/* Built with a sanitizer, whose own calls leave no room for a sandbox: sandbox_enter does nothing. */
bool sandbox_is_off(void);

#endif
