/* What is measured with: the kernel's clocks of processes and of the wall, memory, and medians over repetitions. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int64_t meter_wall_ns(void);
/* CPU time of all threads of a process, user and system; 0 where there is no such process. */
int64_t meter_cpu_ns(pid_t process);
/* This thread's alone. */
int64_t meter_thread_cpu_ns(void);
size_t meter_resident_bytes(pid_t process);
/* What this machine can still give: what is free, and what it keeps of files. 0 where it does not say. */
size_t meter_available_bytes(void);
/* Keeps this process, its threads and its children on one processor; those that there are not are ignored. */
void meter_pin(int processor);
int meter_processors(void);
/* Waits: for the world to come to rest, where there is no event to wait for. */
void meter_rest(int64_t milliseconds);

#define SERIES_MAX 64

/* The same measured several times. Plain data; zeroed is empty. */
struct series {
    double values[SERIES_MAX];
    uint32_t count;
};

void series_add(struct series *series, double value); /* ignored beyond SERIES_MAX */
double series_median(const struct series *series);    /* 0 where it is empty */
/* Half the distance between the quartiles, as a part of the median. */
double series_spread(const struct series *series);
