/* sandbox: what reads hostile evidence gives up first what it does not need: writing and creating files, running programs, talking to the network,
 * looking into other processes. Files may still be opened for reading, and what is open stays open. */
#ifndef TT_CLI_SANDBOX_H
#define TT_CLI_SANDBOX_H

/* For the rest of the process. Where the kernel cannot do it (old, or forbidden by a container) nothing happens: reading does not depend on it. Call it
 * after everything that asks at the terminal. */
void sandbox_enter(void);

#endif
