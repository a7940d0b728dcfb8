/*
 * Runs a command and meddles with its calls to the system, of all its threads and children, counted in the order they come:
 *
 *     trap LOG SET FOLDER NTH[+] ACTION COMMAND...
 *
 * SET     `change`: what changes a file or a directory, or makes a change durable; `open`: every opening of a file; `look`:
 *         what tells of a file or a directory
 * FOLDER  only calls on paths below it count; / for all
 * NTH     the call to meddle with, from 1; with `+` every one from there on; 0 for none
 * ACTION  `kill` before the call; `error=ERRNO` instead of it; `cut=PATH`: the file system of PATH loses its power before the
 *         call, or right after the command when it ends earlier; `log`: nothing
 *
 * LOG gets a line for each call that counted, when it is over: number, name, path, second path, result, flags, mode, between
 * tabs. The exit code is the command's, or 128 and its signal. Linux on x86-64 and arm64 only.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same number and flag for ext4 and xfs: no flushing of the journal. */
#define SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_FLUSH 2

/* Which arguments of a call, counted from 1, are what: `fd` is open already, or the directory that `path` starts from. */
static const struct call {
  long number;
  const char *name;
  int fd, path, fd2, path2, flags, mode;
  int looks; /* 1 when it only tells what is there */
} CALLS[] = {
    {SYS_openat, "open", .fd = 1, .path = 2, .flags = 3, .mode = 4},
    {SYS_write, "write", .fd = 1},
    {SYS_writev, "write", .fd = 1},
    {SYS_pwrite64, "write", .fd = 1},
    {SYS_pwritev, "write", .fd = 1},
    {SYS_pwritev2, "write", .fd = 1},
    {SYS_copy_file_range, "write", .fd = 3},
    {SYS_sendfile, "write", .fd = 1},
    {SYS_fallocate, "allocate", .fd = 1},
    {SYS_ftruncate, "truncate", .fd = 1},
    {SYS_truncate, "truncate", .path = 1},
    {SYS_fsync, "fsync", .fd = 1},
    {SYS_fdatasync, "fsync", .fd = 1},
    {SYS_fchmod, "chmod", .fd = 1},
    {SYS_fchmodat, "chmod", .fd = 1, .path = 2},
    {SYS_fchown, "chown", .fd = 1},
    {SYS_fchownat, "chown", .fd = 1, .path = 2},
    {SYS_utimensat, "utimes", .fd = 1, .path = 2},
    {SYS_mkdirat, "mkdir", .fd = 1, .path = 2, .mode = 3},
    {SYS_linkat, "link", .fd = 1, .path = 2, .fd2 = 3, .path2 = 4},
    {SYS_symlinkat, "symlink", .fd = 2, .path = 3},
    {SYS_unlinkat, "unlink", .fd = 1, .path = 2},
    {SYS_renameat, "rename", .fd = 1, .path = 2, .fd2 = 3, .path2 = 4},
    {SYS_renameat2, "rename", .fd = 1, .path = 2, .fd2 = 3, .path2 = 4},
    {SYS_faccessat, "access", .fd = 1, .path = 2, .mode = 3},
    {SYS_statx, "stat", .fd = 1, .path = 2, .looks = 1},
    {SYS_newfstatat, "stat", .fd = 1, .path = 2, .looks = 1},
    {SYS_fstat, "stat", .fd = 1, .looks = 1},
    {SYS_statfs, "stat", .path = 1, .looks = 1},
    {SYS_getdents64, "list", .fd = 1, .looks = 1},
    {SYS_read, "read", .fd = 1, .looks = 1},
    {SYS_pread64, "read", .fd = 1, .looks = 1},
    {SYS_preadv, "read", .fd = 1, .looks = 1},
#ifdef SYS_open /* arm64 has none of these */
    {SYS_open, "open", .path = 1, .flags = 2, .mode = 3},
    {SYS_creat, "open", .path = 1, .mode = 2},
    {SYS_chmod, "chmod", .path = 1},
    {SYS_chown, "chown", .path = 1},
    {SYS_lchown, "chown", .path = 1},
    {SYS_utimes, "utimes", .path = 1},
    {SYS_mkdir, "mkdir", .path = 1, .mode = 2},
    {SYS_link, "link", .path = 1, .path2 = 2},
    {SYS_symlink, "symlink", .path = 2},
    {SYS_unlink, "unlink", .path = 1},
    {SYS_rmdir, "unlink", .path = 1},
    {SYS_rename, "rename", .path = 1, .path2 = 2},
    {SYS_access, "access", .path = 1, .mode = 2},
    {SYS_stat, "stat", .path = 1, .looks = 1},
    {SYS_lstat, "stat", .path = 1, .looks = 1},
#endif
};

/* A call that a thread is in. */
struct event {
  pid_t thread;
  long index;
  const struct call *call;
  int refused;
  unsigned long flags, mode;
  char path[PATH_MAX * 2], path2[PATH_MAX * 2];
};

enum { THREADS_MAX = 256 };
static struct event *events[THREADS_MAX];

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static struct event *event_of(pid_t thread) {
  int free_slot = -1;
  for (int i = 0; i < THREADS_MAX; i++) {
    if (events[i] != NULL && events[i]->thread == thread) return events[i];
    if (events[i] == NULL && free_slot < 0) free_slot = i;
  }
  if (free_slot < 0 || (events[free_slot] = calloc(1, sizeof(struct event))) == NULL) fail("trap: too many threads");
  events[free_slot]->thread = thread;
  return events[free_slot];
}

static int is_new(pid_t thread) {
  for (int i = 0; i < THREADS_MAX; i++)
    if (events[i] != NULL && events[i]->thread == thread) return 0;
  return 1;
}

static void forget(pid_t thread) {
  for (int i = 0; i < THREADS_MAX; i++)
    if (events[i] != NULL && events[i]->thread == thread) free(events[i]), events[i] = NULL;
}

/* The path behind a thread's descriptor; its working directory for AT_FDCWD. Empty when it is no file. */
static void path_of_fd(pid_t thread, int fd, char *into) {
  char link[64];
  if (fd == AT_FDCWD) snprintf(link, sizeof link, "/proc/%d/cwd", thread);
  else snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, fd);
  ssize_t length = readlink(link, into, PATH_MAX - 1);
  into[length < 0 ? 0 : length] = 0;
  if (into[0] != '/') into[0] = 0;
}

/* Up to the end of its page, so that nothing unmapped is read. */
static void read_text(pid_t thread, unsigned long address, char *into, size_t size) {
  size_t have = 0;
  while (have < size - 1) {
    size_t step = 4096 - (address + have) % 4096;
    if (step > size - 1 - have) step = size - 1 - have;
    struct iovec here = {into + have, step}, there = {(void *)(address + have), step};
    if (process_vm_readv(thread, &here, 1, &there, 1, 0) != (ssize_t)step) break;
    if (memchr(into + have, 0, step) != NULL) return;
    have += step;
  }
  into[have] = 0;
}

static void read_path(pid_t thread, const uint64_t *args, int fd, int path, char *into) {
  into[0] = 0;
  if (path == 0 || args[path - 1] == 0) {
    if (fd != 0) path_of_fd(thread, (int)args[fd - 1], into);
    return;
  }
  char given[PATH_MAX];
  read_text(thread, args[path - 1], given, sizeof given);
  if (given[0] != '/') {
    path_of_fd(thread, fd == 0 ? AT_FDCWD : (int)args[fd - 1], into);
    strcat(into, "/");
  }
  strcat(into, given);
}

static int begins_with(const char *text, const char *beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

static int is_below(const char *path, const char *folder) {
  if (path[0] != '/' || begins_with(path, "/proc/") || begins_with(path, "/dev/") || begins_with(path, "/memfd:")) return 0;
  size_t length = strlen(folder);
  return strcmp(folder, "/") == 0 || (begins_with(path, folder) && (path[length] == '/' || path[length] == 0));
}

/* Fills in the event when the call is one that counts. */
static int counts(struct event *event, const struct __ptrace_syscall_info *info, const char *set, const char *folder) {
  for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0]; i++) {
    const struct call *call = &CALLS[i];
    if (call->number != (long)info->entry.nr) continue;
    int is_open = strcmp(call->name, "open") == 0;
    if (strcmp(set, "open") == 0 && !is_open) return 0;
    if (call->looks != (strcmp(set, "look") == 0)) return 0;
    const uint64_t *args = info->entry.args;
    event->flags = call->flags == 0 ? 0 : args[call->flags - 1];
    event->mode = call->mode == 0 ? 0 : args[call->mode - 1];
    int only_reads = call->flags != 0 && (event->flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == 0;
    if (strcmp(call->name, "access") == 0) only_reads = (event->mode & W_OK) == 0; /* a disk that refuses changes says so */
    if (strcmp(set, "change") == 0 && only_reads) return 0;
    read_path(event->thread, args, call->fd, call->path, event->path);
    read_path(event->thread, args, call->fd2, call->path2, event->path2);
    event->call = call;
    return is_below(event->path, folder) || is_below(event->path2, folder);
  }
  return 0;
}

/* Makes the call that a thread is about to enter do nothing. */
static void skip_call(pid_t thread) {
#if defined(__x86_64__)
  if (ptrace(PTRACE_POKEUSER, thread, offsetof(struct user_regs_struct, orig_rax), -1L) != 0) fail("trap: skip");
#elif defined(__aarch64__)
  int number = -1;
  struct iovec part = {&number, sizeof number};
  if (ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &part) != 0) fail("trap: skip");
#else
#error "only x86-64 and arm64"
#endif
}

static void set_result(pid_t thread, long result) {
#if defined(__x86_64__)
  if (ptrace(PTRACE_POKEUSER, thread, offsetof(struct user_regs_struct, rax), result) != 0) fail("trap: result");
#elif defined(__aarch64__)
  struct user_regs_struct registers;
  struct iovec part = {&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part) != 0) fail("trap: result");
  registers.regs[0] = result;
  if (ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &part) != 0) fail("trap: result");
#endif
}

static void cut_power(int fd) {
  uint32_t flags = WITHOUT_FLUSH;
  if (ioctl(fd, SHUTDOWN, &flags) != 0) fail("trap: cannot cut");
}

static void write_line(FILE *log, const struct event *event, long result) {
  fprintf(log, "%ld\t%s\t%s\t%s\t%ld\t%lu\t%lu\n", event->index, event->call->name, event->path, event->path2, result,
          event->flags, event->mode);
}

int main(int argc, char **argv) {
  if (argc < 7) return fprintf(stderr, "trap LOG SET FOLDER NTH[+] ACTION COMMAND...\n"), 125;
  FILE *log = fopen(argv[1], "we");
  if (log == NULL) fail("trap: log");
  const char *set = argv[2], *folder = argv[3], *action = argv[5];
  char *rest;
  long nth = strtol(argv[4], &rest, 10), count = 0;
  int from_there_on = *rest == '+', kills = strcmp(action, "kill") == 0;
  int error = begins_with(action, "error=") ? atoi(action + 6) : 0;
  int disk = begins_with(action, "cut=") ? open(action + 4, O_RDONLY | O_CLOEXEC) : -1;
  if (begins_with(action, "cut=") && disk < 0) fail("trap: nothing to cut");

  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("trap: ptrace");
    raise(SIGSTOP);
    execvp(argv[6], argv + 6);
    fail("trap: exec");
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 125;
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, child, 0, options) != 0) fail("trap: ptrace");
  event_of(child);
  ptrace(PTRACE_SYSCALL, child, 0, 0);

  int code = 125, is_cut = 0;
  for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread == child) {
        code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (disk >= 0 && !is_cut) cut_power(disk), is_cut = 1;
      }
      forget(thread);
      continue;
    }
    int signal = WSTOPSIG(status);
    if (is_new(thread) && signal == SIGSTOP) signal = 0; /* how a new thread begins */
    else if (status >> 16 != 0) signal = 0;              /* a clone, an exec */
    struct event *event = event_of(thread);
    if (signal == (SIGTRAP | 0x80)) {
      signal = 0;
      struct __ptrace_syscall_info info;
      if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0) continue; /* it was killed meanwhile */
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !is_cut && counts(event, &info, set, folder)) {
        event->index = ++count;
        if (nth > 0 && (count == nth || (from_there_on && count > nth))) {
          if (error != 0) {
            skip_call(thread);
            event->refused = 1;
          } else if (kills || disk >= 0) {
            if (disk >= 0) cut_power(disk), is_cut = 1;
            write_line(log, event, -EINTR);
            skip_call(thread);
            kill(child, SIGKILL);
            continue;
          }
        }
      } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && event->index != 0) {
        if (event->refused) set_result(thread, -error);
        write_line(log, event, event->refused ? -error : (long)info.exit.rval);
        event->index = event->refused = 0;
      }
    }
    ptrace(PTRACE_SYSCALL, thread, 0, signal);
  }
  if (fclose(log) != 0) fail("trap: log");
  return code;
}
