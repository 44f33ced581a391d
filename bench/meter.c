#include "bench/meter.h"

#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        return 0;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t meter_wall_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t meter_cpu_ns(pid_t process) {
    clockid_t clock;
    return clock_getcpuclockid(process, &clock) == 0 ? read_clock(clock) : 0;
}

int64_t meter_thread_cpu_ns(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

size_t meter_resident_bytes(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    unsigned long all = 0, resident = 0;
    int found = fscanf(file, "%lu %lu", &all, &resident);
    fclose(file);
    return found == 2 ? resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

size_t meter_available_bytes(void) {
    char line[128];
    unsigned long available_kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %lu kB", &available_kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return available_kib * 1024;
}

void meter_pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

int meter_processors(void) {
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void meter_rest(int64_t milliseconds) {
    (void)poll(NULL, 0, (int)milliseconds);
}

/* ---- series */

void series_add(struct series *series, double value) {
    if (series->count < SERIES_MAX)
        series->values[series->count++] = value;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The value below which `part` of all lie, between two of them where need be. */
static double quantile(const struct series *series, double part) {
    struct series sorted = *series;
    if (sorted.count == 0)
        return 0;
    qsort(sorted.values, sorted.count, sizeof sorted.values[0], by_value);
    double place = part * (sorted.count - 1);
    uint32_t below = (uint32_t)floor(place), above = (uint32_t)ceil(place);
    return sorted.values[below] + (place - below) * (sorted.values[above] - sorted.values[below]);
}

double series_median(const struct series *series) {
    return quantile(series, 0.5);
}

double series_spread(const struct series *series) {
    double median = series_median(series);
    return median == 0 ? 0 : (quantile(series, 0.75) - quantile(series, 0.25)) / 2 / median;
}
