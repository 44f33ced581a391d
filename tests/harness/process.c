#include "tests/harness/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/fail.h"
#include "tests/harness/temporary.h"

enum { LOOK_AGAIN_MS = 20, LOG_TAIL_BYTES = 2500, EXIT_NOT_STARTED = 127, EXIT_SIGNALLED = 128 };

// This process' environment with `added` behind it: a later entry of the same name must win, so earlier ones are left
// out.
static char **environment_with(const char *const *added) {
    size_t own = 0, extra = 0;
    while (environ[own]) {
        own++;
    }
    while (added && added[extra]) {
        extra++;
    }
    char **merged = calloc(own + extra + 1, sizeof(*merged));
    assert(merged);
    size_t count = 0;
    for (size_t i = 0; i < own; i++) {
        bool replaced = false;
        size_t name_length = strcspn(environ[i], "=") + 1;
        for (size_t j = 0; j < extra; j++) {
            replaced = replaced || strncmp(environ[i], added[j], name_length) == 0;
        }
        if (!replaced) {
            merged[count++] = environ[i];
        }
    }
    for (size_t j = 0; j < extra; j++) {
        merged[count++] = (char *)added[j];
    }
    return merged;
}

static void redirect(const char *path, int flags, int descriptor) {
    int opened = open(path, flags, 0644);
    if (opened < 0 || dup2(opened, descriptor) < 0) {
        _exit(EXIT_NOT_STARTED);
    }
}

// What happens in the child between fork and exec: only calls that are safe there.
_Noreturn static void become(const struct process_options *options, char **environment, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXIT_NOT_STARTED); // The parent ended before the line above.
    }
    redirect(options->input_path ? options->input_path : "/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(options->log_path, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
    if (options->output_path) {
        redirect(options->output_path, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    } else {
        dup2(STDERR_FILENO, STDOUT_FILENO);
    }
    close_range(STDERR_FILENO + 1, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (options->directory && chdir(options->directory) != 0) {
        _exit(EXIT_NOT_STARTED);
    }
    execvpe(options->arguments[0], (char *const *)options->arguments, environment);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", options->arguments[0], strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

void process_start(const struct process_options *options, struct process *ret_process) {
    struct process process = {0};
    const char *name = options->name ? options->name : options->arguments[0];
    snprintf(process.name, sizeof(process.name), "%s", name);
    snprintf(process.log_path, sizeof(process.log_path), "%s", options->log_path);
    // From now on it can be read, though the child may not have come to opening it.
    close(open(options->log_path, O_WRONLY | O_CREAT | O_APPEND, 0644));
    char **environment = environment_with(options->environment);
    pid_t parent = getpid();
    process.id = fork();
    if (process.id == 0) {
        become(options, environment, parent);
    }
    free(environment);
    if (process.id < 0) {
        harness_fail("cannot fork for %s: %s", name, strerror(errno));
    }
    process.descriptor = pidfd_open(process.id, 0);
    if (process.descriptor < 0) {
        harness_fail("cannot open a descriptor for %s: %s", name, strerror(errno));
    }
    *ret_process = process;
}

static void note_end(struct process *process, int status) {
    process->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNALLED + WTERMSIG(status);
    process->id = 0;
    close(process->descriptor);
}

bool process_is_running(struct process *process) {
    int status;
    if (process->id != 0 && waitpid(process->id, &status, WNOHANG) == process->id) {
        note_end(process, status);
    }
    return process->id != 0;
}

bool process_await_end(struct process *process, struct deadline deadline) {
    while (process_is_running(process)) {
        if (deadline_passed(deadline)) {
            return false;
        }
        struct pollfd ended = {.fd = process->descriptor, .events = POLLIN};
        poll(&ended, 1, deadline_left_ms(deadline));
    }
    return true;
}

char *process_log_tail(const struct process *process) {
    size_t size;
    char *log = file_read(process->log_path, &size);
    if (size > LOG_TAIL_BYTES) {
        memmove(log, log + size - LOG_TAIL_BYTES, LOG_TAIL_BYTES + 1);
    }
    return log;
}

_Noreturn static void fail_awaiting(struct process *process, const char *what) {
    char *tail = process_log_tail(process);
    if (process_is_running(process)) {
        harness_fail("%s did not come in time: %s. The end of its log:\n%s", process->name, what, tail);
    }
    harness_fail("%s ended with status %d before this: %s. The end of its log:\n%s", process->name,
                 process->exit_status, what, tail);
}

void process_await(struct process *process, bool (*holds)(void *context), void *context, const char *what,
                   struct deadline deadline) {
    while (!holds(context)) {
        if (!process_is_running(process) || deadline_passed(deadline)) {
            if (holds(context)) { // It may have come true just before the end.
                return;
            }
            fail_awaiting(process, what);
        }
        struct pollfd ended = {.fd = process->descriptor, .events = POLLIN};
        poll(&ended, 1, LOOK_AGAIN_MS);
    }
}

// True, with `*position` behind the line, where a whole line from there on contains the text.
static bool find_line(const char *path, const char *text, long *position) {
    char *log = file_read(path, NULL);
    bool found = false;
    long searched = *position;
    for (char *line = log + searched, *end; !found && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        found = strstr(line, text) != NULL;
        searched = end + 1 - log;
    }
    *position = found ? searched : *position;
    free(log);
    return found;
}

struct line_sought {
    const char *path;
    const char *text;
    long position;
};

static bool line_is_there(void *context) {
    struct line_sought *sought = context;
    return find_line(sought->path, sought->text, &sought->position);
}

void process_await_line(struct process *process, const char *text, long *position, struct deadline deadline) {
    struct line_sought sought = {.path = process->log_path, .text = text, .position = position ? *position : 0};
    process_await(process, line_is_there, &sought, text, deadline);
    if (position) {
        *position = sought.position;
    }
}

void process_signal(struct process *process, int signal) {
    if (process->id != 0 && kill(process->id, signal) != 0) {
        harness_fail("cannot send signal %d to %s: %s", signal, process->name, strerror(errno));
    }
}

// A signal is taken by whichever thread runs next; until then the others go on.
void process_pause(struct process *process) {
    process_signal(process, SIGSTOP);
    siginfo_t stopped;
    while (process->id != 0 && waitid(P_PID, (id_t)process->id, &stopped, WSTOPPED | WEXITED | WNOWAIT) != 0) {
        assert(errno == EINTR);
    }
}

void process_resume(struct process *process) {
    process_signal(process, SIGCONT);
}

void process_kill(struct process *process) {
    if (process->id == 0) {
        return;
    }
    kill(-process->id, SIGKILL); // The group: what it started goes with it.
    kill(process->id, SIGKILL);  // It may not have made its group yet.
    int status;
    while (waitpid(process->id, &status, 0) < 0) {
        assert(errno == EINTR);
    }
    note_end(process, status);
}

int process_stop(struct process *process, int64_t grace_ms) {
    process_signal(process, SIGCONT);
    process_signal(process, SIGTERM);
    if (!process_await_end(process, deadline_after(grace_ms))) {
        process_kill(process);
    }
    return process->exit_status;
}
