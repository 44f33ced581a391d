#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "producer/blocking_call.h"

struct work {
    sem_t may_end;
    int answer;
};

static void run_work(void *argument) {
    struct work *work = argument;
    sem_wait(&work->may_end);
    work->answer++;
}

static void a_call_that_blocks_is_awaited_again_and_again(void **state) {
    (void)state;
    struct blocking_call call;
    struct error error;
    struct work work = {.answer = 0};
    sem_init(&work.may_end, 0, 0);
    blocking_call_init(&call);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(blocking_call_start(&call, run_work, &work, &error), RESULT_OK);
        assert_false(blocking_call_await(&call, 0));
        assert_false(blocking_call_await(&call, 1));
        assert_true(call.is_running);
        sem_post(&work.may_end);
        assert_true(blocking_call_await(&call, 60000));
        assert_false(call.is_running);
        assert_int_equal(work.answer, i);
    }
    blocking_call_destroy(&call);
    sem_destroy(&work.may_end);
}

static void where_nothing_runs_nothing_is_waited_for(void **state) {
    (void)state;
    struct blocking_call call;
    blocking_call_init(&call);
    assert_true(blocking_call_await(&call, 60000));
    blocking_call_join(&call);
    blocking_call_destroy(&call);
}

static void joining_waits_for_the_end(void **state) {
    (void)state;
    struct blocking_call call;
    struct error error;
    struct work work = {.answer = 0};
    sem_init(&work.may_end, 0, 1);
    blocking_call_init(&call);
    assert_int_equal(blocking_call_start(&call, run_work, &work, &error), RESULT_OK);
    blocking_call_join(&call);
    assert_int_equal(work.answer, 1);
    assert_true(blocking_call_await(&call, 0));
    blocking_call_destroy(&call);
    sem_destroy(&work.may_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_blocks_is_awaited_again_and_again),
        cmocka_unit_test(where_nothing_runs_nothing_is_waited_for),
        cmocka_unit_test(joining_waits_for_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
