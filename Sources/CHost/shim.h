// What Swift's C library module leaves out: the state of the kernel's clock.
#pragma once
#include <sys/timex.h>

/// Whether somebody sets the kernel's clock (adjtimex(2), STA_UNSYNC).
static inline int reflash_clock_is_synchronised(void) {
    struct timex clock = {.modes = 0};
    return adjtimex(&clock) >= 0 && !(clock.status & STA_UNSYNC);
}
