/* What the files of the checker share. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/digest.h"
#include "engine/core/rules/report.h"

struct checker {
    struct report *report;
    const struct scope *scope;
    const struct source *source;
    enum stream filter; /* inside a `where`: its stream; else STREAMS */
};

static inline struct position checker_position(const struct checker *checker, struct span span) {
    return checker->source->places[span.start];
}

/* The text of a span as a message shows it. */
static inline struct text checker_shown(const struct checker *checker, struct span span) {
    return report_shown(checker->report, span_text(checker->source, span));
}

bool check_tree(struct checker *checker, struct tree *tree);

/* Streams and their fields: account.f, f in a filter, and the calls that look at a stream. */
bool check_event_field(struct checker *checker, struct tree *tree);
bool check_fact(struct checker *checker, struct tree *tree);
bool check_aggregate(struct checker *checker, struct tree *tree);

/* Turns a number, duration or instant that is made of literals alone into a literal; true where it did. */
bool check_fold(struct tree *tree);
