// Changes as `replay` and `tail -o json` print them, one JSON object a line, compared account by account.
#pragma once

#include <stddef.h>

// The test fails with the first difference. Both may hold their accounts in any order; each account's lines must be the
// same, byte for byte and in the same order.
void assert_same_changes(const char *actual, const char *expected);

// The same without failing: how many accounts differ, and the first difference in words.
enum { DIFFERENCE_BYTES = 4096 };
size_t count_different_accounts(const char *actual, const char *expected, char ret_first[DIFFERENCE_BYTES]);

// Each account's sequences are 1, 2, 3, ... without a gap or a repetition.
void assert_whole_sequences(const char *changes);

size_t count_lines(const char *lines);

// How many lines hold the text.
size_t count_lines_with(const char *lines, const char *text);
