/* What is this machine's own: memory that nobody has used for a while has to be had from whoever runs a virtual
 * machine, page by page, and whoever touches it first pays, in processor time of its own. That is how accounts that
 * grow, and files that are written through memory (the changelog, Redis' own file), come to cost more on one machine
 * than on another. */
#include <sys/mman.h>

#include "bench/bench.h"
#include "bench/fail.h"

#define TOUCHED_BYTES ((size_t)512 << 20)
#define PAGE_BYTES    4096

/* CPU nanoseconds for each page of memory that comes from the system, and is given back. */
static double touch(void) {
    char *memory = mmap(NULL, TOUCHED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bench_fail("%zu bytes of memory are not to be had", TOUCHED_BYTES);
    (void)madvise(memory, TOUCHED_BYTES, MADV_HUGEPAGE);
    int64_t begun_ns = meter_thread_cpu_ns();
    for (size_t at = 0; at < TOUCHED_BYTES; at += PAGE_BYTES)
        ((volatile char *)memory)[at] = 1;
    double ns = (double)(meter_thread_cpu_ns() - begun_ns);
    munmap(memory, TOUCHED_BYTES);
    return ns / ((double)TOUCHED_BYTES / PAGE_BYTES);
}

void measure_machine(struct bench *bench) {
    double first_ns = touch(), again_ns = touch();
    struct row row = {.name = "machine: memory, first use of a page", .unit = "ns", .value = first_ns};
    snprintf(
        row.note, sizeof row.note,
        "%.0f ns where it was used a moment ago; 4 KiB of huge pages, user and system time; a machine of metal has "
        "one figure for both",
        again_ns);
    rows_add(&bench->rows, &row);
}
