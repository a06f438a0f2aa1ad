// What Swift can't import: timerfd, which glibc's module leaves out.
#pragma once
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/// A timer on the clock that also runs while the machine sleeps, or -1.
static inline int reflash_timer_create(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC); }

/// Sets the timer to run out once, at `nanoseconds` of its clock, which must not be 0.
static inline void reflash_timer_set(int timer, int64_t nanoseconds) {
    struct itimerspec setting = {{0, 0}, {nanoseconds / 1000000000, nanoseconds % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
}

/// Returns when the timer has run out.
static inline void reflash_timer_wait(int timer) {
    uint64_t times;
    while (read(timer, &times, sizeof times) < 0) {}
}

/// The timer's clock, in nanoseconds.
static inline int64_t reflash_timer_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
