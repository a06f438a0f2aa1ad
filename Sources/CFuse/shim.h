// What the simulated dock needs of C: libfuse's low-level interface, the usbdevfs request numbers (macros that Swift does
// not import), and the Linux calls that glibc declares for _GNU_SOURCE alone, which Swift's own import of glibc is without.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/usbdevice_fs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc: sched.h, sys/uio.h, unistd.h
extern int unshare(int flags);
extern ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count, const struct iovec *remote,
                                unsigned long remote_count, unsigned long flags);
extern ssize_t process_vm_writev(pid_t pid, const struct iovec *local, unsigned long local_count, const struct iovec *remote,
                                 unsigned long remote_count, unsigned long flags);
extern int execvpe(const char *file, char *const arguments[], char *const environment[]);
/// glibc fcntl.h for _GNU_SOURCE: a descriptor that only names its file.
static const int hubsim_O_PATH = 010000000;

// usbdevfs, linux/usbdevice_fs.h
static const uint32_t hubsim_CONTROL = USBDEVFS_CONTROL;
static const uint32_t hubsim_SETINTERFACE = USBDEVFS_SETINTERFACE;
static const uint32_t hubsim_SETCONFIGURATION = USBDEVFS_SETCONFIGURATION;
static const uint32_t hubsim_GETDRIVER = USBDEVFS_GETDRIVER;
static const uint32_t hubsim_SUBMITURB = USBDEVFS_SUBMITURB;
static const uint32_t hubsim_DISCARDURB = USBDEVFS_DISCARDURB;
static const uint32_t hubsim_REAPURB = USBDEVFS_REAPURB;
static const uint32_t hubsim_REAPURBNDELAY = USBDEVFS_REAPURBNDELAY;
static const uint32_t hubsim_CLAIMINTERFACE = USBDEVFS_CLAIMINTERFACE;
static const uint32_t hubsim_RELEASEINTERFACE = USBDEVFS_RELEASEINTERFACE;
static const uint32_t hubsim_CONNECTINFO = USBDEVFS_CONNECTINFO;
static const uint32_t hubsim_IOCTL = USBDEVFS_IOCTL;
static const uint32_t hubsim_RESET = USBDEVFS_RESET;
static const uint32_t hubsim_CLEAR_HALT = USBDEVFS_CLEAR_HALT;
static const uint32_t hubsim_GET_CAPABILITIES = USBDEVFS_GET_CAPABILITIES;
static const uint32_t hubsim_DISCONNECT_CLAIM = USBDEVFS_DISCONNECT_CLAIM;
static const uint32_t hubsim_GET_SPEED = USBDEVFS_GET_SPEED;

/// libfuse's loop on `threads` threads; returns when the session ends.
static inline int hubsim_fuse_loop(struct fuse_session *session, unsigned threads) {
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (config == NULL) return -ENOMEM;
    fuse_loop_cfg_set_max_threads(config, threads);
    fuse_loop_cfg_set_idle_threads(config, threads);
    int result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return result;
}

static inline void hubsim_set_direct_io(struct fuse_file_info *info) {
    info->direct_io = 1;
    info->nonseekable = 0;
}

/// Copies another process' memory; the number of bytes, or -errno.
static inline ssize_t hubsim_read_memory(pid_t pid, void *local, uint64_t remote, size_t length) {
    struct iovec here = {local, length}, there = {(void *)(uintptr_t)remote, length};
    ssize_t count = process_vm_readv(pid, &here, 1, &there, 1, 0);
    return count < 0 ? -errno : count;
}

/// Spreads `local` over places of another process' memory; the number of bytes, or -errno.
static inline ssize_t hubsim_write_memory(pid_t pid, const void *local, size_t length, const struct iovec *places, unsigned long count) {
    struct iovec here = {(void *)local, length};
    ssize_t written = process_vm_writev(pid, &here, 1, places, count, 0);
    return written < 0 ? -errno : written;
}

// Each returns 0 or a positive value, or -errno.

static inline int hubsim_unshare(int user, int mount, int net, int pid) {
    int flags = (user ? CLONE_NEWUSER : 0) | (mount ? CLONE_NEWNS : 0) | (net ? CLONE_NEWNET : 0) | (pid ? CLONE_NEWPID : 0);
    return unshare(flags) < 0 ? -errno : 0;
}

/// fork(2), which Swift leaves out. Only for a process that has one thread.
static inline int hubsim_fork(void) {
    pid_t pid = fork();
    return pid < 0 ? -errno : pid;
}

static inline int hubsim_mount_private_root(void) {
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

static inline int hubsim_mount(const char *type, const char *target, const char *options) {
    return mount(type, target, type, MS_NOSUID, options) < 0 ? -errno : 0;
}

static inline int hubsim_unmount(const char *target) {
    return umount2(target, MNT_DETACH) < 0 ? -errno : 0;
}

/// The master of a new pty of this namespace; its number goes to `number`.
static inline int hubsim_open_pty(unsigned *number) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0) return -errno;
    int unlock = 0;
    if (ioctl(master, TIOCSPTLCK, &unlock) == 0 && ioctl(master, TIOCGPTN, number) == 0) return master;
    int failure = errno;
    close(master);
    return -failure;
}

/// A descriptor that becomes readable whenever the file is opened.
static inline int hubsim_watch_opens(const char *path) {
    int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (descriptor < 0) return -errno;
    if (inotify_add_watch(descriptor, path, IN_OPEN) >= 0) return descriptor;
    int failure = errno;
    close(descriptor);
    return -failure;
}

static inline int hubsim_bind(const char *source, const char *target) {
    return mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

/// Brings the loopback interface of a new network namespace up.
static inline int hubsim_loopback_up(void) {
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0) return -errno;
    struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
    memcpy(request.ifr_name, "lo", 3);
    int result = ioctl(sock, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
    close(sock);
    return result;
}

/// A socket from which udev's messages are sent.
static inline int hubsim_open_uevent_socket(void) {
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    return sock < 0 ? -errno : sock;
}

/// Sends one message to multicast group 2, udev's.
static inline int hubsim_send_uevent(int sock, const void *message, size_t length) {
    struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 2};
    ssize_t count = sendto(sock, message, length, 0, (struct sockaddr *)&group, sizeof group);
    // Nobody listens: that is no error.
    return count < 0 && errno != ECONNREFUSED && errno != ESRCH ? -errno : 0;
}

/// A descriptor from which the signals that matter to a supervisor are read; they are blocked for this thread and its children.
static inline int hubsim_signal_descriptor(void) {
    sigset_t set;
    sigemptyset(&set);
    int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

/// Waits for the next signal; its number, negated where the terminal sent it to everybody, or 0 on failure.
static inline int hubsim_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t count;
    do count = read(descriptor, &info, sizeof info);
    while (count < 0 && errno == EINTR);
    if (count != sizeof info) return 0;
    return info.ssi_code == SI_KERNEL ? -(int)info.ssi_signo : (int)info.ssi_signo;
}

/// Starts a child with no signal blocked and every disposition at its default; its pid, or -errno.
static inline int hubsim_spawn(const char *const *arguments, const char *const *environment) {
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid > 0) return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    execvpe(arguments[0], (char *const *)arguments, (char *const *)environment);
    int failure = errno;
    const char *text = strerror(failure);
    if (write(2, arguments[0], strlen(arguments[0])) < 0 || write(2, ": ", 2) < 0 || write(2, text, strlen(text)) < 0 ||
        write(2, "\n", 1) < 0)
        _exit(125);
    _exit(failure == ENOENT ? 127 : 126);
}

/// How a child ended, as a shell says it: its exit status, or 128 and the signal's number.
static inline int hubsim_exit_status(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
