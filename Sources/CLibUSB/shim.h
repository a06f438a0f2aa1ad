// What Swift can't call or import: libusb's variadic option, and epoll, in which libusb's descriptors are watched.
#pragma once
#include <errno.h>
#include <libusb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/// Set before `libusb_init`: a context that opens only the descriptors it is handed, and never scans the host's devices.
static inline int reflash_libusb_no_discovery(void) {
    return libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
}

/// An epoll descriptor that is closed on exec; negative on failure.
static inline int reflash_epoll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

/// Watches a descriptor for poll(2) events, whose bits are epoll's too on Linux. Each is told once (EPOLLET), with `owner`.
static inline int reflash_epoll_add(int epoll, int descriptor, short events, unsigned long owner) {
    struct epoll_event event = {.events = (unsigned short)events | EPOLLET, .data.u64 = owner};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// Watches a descriptor that tells the next of `events`, and then says nothing until it is armed again. (One that is added with no events
/// is never quite silent: the kernel adds EPOLLERR and EPOLLHUP, and asks the node for these each time that it stirs.)
static inline int reflash_epoll_add_once(int epoll, int descriptor, short events, unsigned long owner) {
    struct epoll_event event = {.events = (unsigned short)events | EPOLLONESHOT, .data.u64 = owner};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// Has a descriptor tell the next of `events`, or the one that is there, once.
static inline int reflash_epoll_arm(int epoll, int descriptor, short events, unsigned long owner) {
    struct epoll_event event = {.events = (unsigned short)events | EPOLLONESHOT, .data.u64 = owner};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
}

/// Waits for events; returns how many of `owners` have one. At most 64 at a time.
static inline int reflash_epoll_wait(int epoll, unsigned long *owners) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, -1);
    for (int index = 0; index < count; index++) owners[index] = events[index].data.u64;
    return count;
}

static inline int reflash_epoll_remove(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
}
