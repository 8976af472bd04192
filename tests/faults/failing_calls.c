/* Preloaded into a process: system calls on chosen files fail, or write half, for as long as a file of rules exists.
 *
 * FAILING_CALLS names that file. A line is "CALL ERRNO PART": from then on CALL (read, write, sync, open; short: a write
 * takes half of the bytes, and fails where only one is left) fails with ERRNO on every file whose path contains PART, or
 * ends with it where PART ends with a dollar sign.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fits(const char *path, const char *part) {
    size_t size = strlen(part), length = strlen(path);
    if (size && part[size - 1] == '$')
        return length >= size - 1 && !strncmp(path + length - (size - 1), part, size - 1);
    return strstr(path, part) != NULL;
}

/* The number of the error that CALL has on this path now, 0 for none. */
static int rule(const char *call, const char *path) {
    const char *rules = getenv("FAILING_CALLS");
    char text[4096], *rest, *line;
    if (!rules) return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, rules, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t size = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    text[size > 0 ? size : 0] = 0;
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[16], part[512];
        int number;
        if (sscanf(line, "%15s %d %511s", name, &number, part) == 3 && !strcmp(name, call) && fits(path, part))
            return number;
    }
    return 0;
}

static int rule_of(const char *call, int file) {
    char link[64], path[4097];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    int number = rule(call, path);
    errno = kept;
    return number;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL(call, file)                                                                                              \
    do {                                                                                                               \
        int number = rule_of(call, file);                                                                              \
        if (number) { errno = number; return -1; }                                                                     \
    } while (0)

#define HALVE(file, size)                                                                                             \
    do {                                                                                                               \
        int number = rule_of("short", file);                                                                           \
        if (number && size < 2) { errno = number; return -1; }                                                         \
        if (number) size /= 2;                                                                                         \
    } while (0)

ssize_t read(int file, void *data, size_t size) { FAIL("read", file); return REAL(read)(file, data, size); }

ssize_t pread(int file, void *data, size_t size, off_t at) { FAIL("read", file); return REAL(pread)(file, data, size, at); }

ssize_t pread64(int file, void *data, size_t size, off64_t at) { FAIL("read", file); return REAL(pread64)(file, data, size, at); }

ssize_t write(int file, const void *data, size_t size) {
    FAIL("write", file);
    HALVE(file, size);
    return REAL(write)(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    FAIL("write", file);
    HALVE(file, size);
    return REAL(pwrite)(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    FAIL("write", file);
    HALVE(file, size);
    return REAL(pwrite64)(file, data, size, at);
}

int fsync(int file) { FAIL("sync", file); return REAL(fsync)(file); }

int fdatasync(int file) { FAIL("sync", file); return REAL(fdatasync)(file); }

#define OPEN(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                       \
        mode_t mode = 0;                                                                                               \
        int number = rule("open", path);                                                                               \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                         \
            va_list more;                                                                                              \
            va_start(more, flags);                                                                                     \
            mode = va_arg(more, mode_t);                                                                               \
            va_end(more);                                                                                              \
        }                                                                                                              \
        if (number) { errno = number; return -1; }                                                                     \
        return REAL(name)(path, flags, mode);                                                                          \
    }

OPEN(open)
OPEN(open64)
