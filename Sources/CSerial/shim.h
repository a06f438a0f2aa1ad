// What Swift can't import: termios2, with which Linux sets any baud rate and which glibc's <termios.h> does not know, and the
// tty requests, which are macros. Layout and numbers of asm-generic (x86, Arm, RISC-V).
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// linux/asm-generic/termbits.h, struct termios2
struct reflash_termios2 {
    uint32_t input, output, control, local;
    uint8_t line;
    uint8_t characters[19];
    uint32_t input_speed, output_speed;
};
#define REFLASH_TCGETS2 _IOR('T', 0x2A, struct reflash_termios2)
#define REFLASH_TCSETS2 _IOW('T', 0x2B, struct reflash_termios2)
// linux/asm-generic/termbits.h
#define REFLASH_CS8 0000060
#define REFLASH_CREAD 0000200
#define REFLASH_CLOCAL 0004000
#define REFLASH_BOTHER 0010000
// linux/asm-generic/ioctls.h
#define REFLASH_TIOCEXCL 0x540C
#define REFLASH_TIOCNXCL 0x540D
#define REFLASH_TIOCMBIS 0x5416
#define REFLASH_TIOCMBIC 0x5417
#define REFLASH_TCFLSH 0x540B
#define REFLASH_TIOCM_DTR 0x002
#define REFLASH_TIOCM_RTS 0x004

// Each returns 0 or a positive value, or -errno.

/// Raw, 8 data bits, no parity, 1 stop bit, no flow control, modem lines ignored, not hung up on close; any baud rate.
static inline int reflash_serial_set_raw(int descriptor, uint32_t baud) {
    struct reflash_termios2 settings;
    if (ioctl(descriptor, REFLASH_TCGETS2, &settings) < 0) return -errno;
    settings.input = settings.output = settings.local = 0;
    settings.control = REFLASH_CS8 | REFLASH_CREAD | REFLASH_CLOCAL | REFLASH_BOTHER;
    settings.input_speed = settings.output_speed = baud;
    memset(settings.characters, 0, sizeof settings.characters);
    // VMIN
    settings.characters[6] = 1;
    if (ioctl(descriptor, REFLASH_TCSETS2, &settings) < 0) return -errno;
    // What came before belongs to nobody.
    return ioctl(descriptor, REFLASH_TCFLSH, 2) < 0 ? -errno : 0;
}

/// The baud rate that is set; on a pty's master, the one that was set on its slave.
static inline int64_t reflash_serial_baud(int descriptor) {
    struct reflash_termios2 settings;
    return ioctl(descriptor, REFLASH_TCGETS2, &settings) < 0 ? -errno : (int64_t)settings.output_speed;
}

/// Forgets what was written and is not sent: closing would wait for it.
static inline int reflash_serial_discard_output(int descriptor) {
    return ioctl(descriptor, REFLASH_TCFLSH, 1) < 0 ? -errno : 0;
}

/// Keeps other programs out, or lets them in again. The kernel ignores it for root: hence the lock beside it.
static inline int reflash_serial_exclude(int descriptor, int on) {
    if (on && flock(descriptor, LOCK_EX | LOCK_NB) < 0) return -errno;
    return ioctl(descriptor, on ? REFLASH_TIOCEXCL : REFLASH_TIOCNXCL) < 0 ? -errno : 0;
}

/// Raises or drops DTR and RTS.
static inline int reflash_serial_lines(int descriptor, int dtr, int rts) {
    int on = (dtr ? REFLASH_TIOCM_DTR : 0) | (rts ? REFLASH_TIOCM_RTS : 0);
    int off = (REFLASH_TIOCM_DTR | REFLASH_TIOCM_RTS) & ~on;
    if (ioctl(descriptor, REFLASH_TIOCMBIS, &on) < 0) return -errno;
    return ioctl(descriptor, REFLASH_TIOCMBIC, &off) < 0 ? -errno : 0;
}

/// An epoll set for one descriptor.
static inline int reflash_watch_create(int descriptor) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) return -errno;
    struct epoll_event event = {.events = EPOLLONESHOT, .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0) return epoll;
    int failure = errno;
    close(epoll);
    return -failure;
}

/// Tells once when the descriptor can be read or written, or is hung up.
static inline int reflash_watch_arm(int epoll, int descriptor, int reading, int writing) {
    struct epoll_event event = {.events = EPOLLONESHOT | (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0), .data.fd = descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) < 0 ? -errno : 0;
}

/// What happened: bit 0 it can be read, bit 1 it can be written; a hang-up is both. 0 for nothing.
static inline int reflash_watch_take(int epoll) {
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, 0) != 1) return 0;
    if (event.events & (EPOLLHUP | EPOLLERR)) return 3;
    return (event.events & EPOLLIN ? 1 : 0) | (event.events & EPOLLOUT ? 2 : 0);
}

/// Small packets go out at once; a peer that has died is noticed.
static inline void reflash_tcp_tune(int descriptor) {
    int on = 1, idle = 5, interval = 2, count = 3;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/// The error of a connection attempt that has ended; 0 for none.
static inline int reflash_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}
