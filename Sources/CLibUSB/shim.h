// What Swift can't call or import: libusb's variadic option, and epoll, in which libusb's descriptors are watched.
#pragma once
#include <errno.h>
#include <libusb.h>
#include <sys/epoll.h>

/// Set before `libusb_init`: a context that opens only the descriptors it is handed, and never scans the host's devices.
static inline int reflash_libusb_no_discovery(void) {
    return libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
}

/// An epoll descriptor that is closed on exec; negative on failure.
static inline int reflash_epoll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

/// Watches a descriptor for poll(2) events, whose bits are epoll's too on Linux.
static inline int reflash_epoll_add(int epoll, int descriptor, short events) {
    struct epoll_event event = {.events = (unsigned short)events, .data.fd = descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int reflash_epoll_remove(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
}
