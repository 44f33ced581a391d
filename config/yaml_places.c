#include "config/yaml_places.h"

/* Walks the source and the value side by side. */
struct walk {
    const char *at, *end;
    struct position position; /* of `at` */
    struct text value;
    struct position *places;
    uint32_t placed; /* bytes of the value that have their place */
};

static bool walk_done(const struct walk *walk) {
    return walk->at >= walk->end || walk->placed >= walk->value.size;
}

/* Steps over one byte of the source; a character is counted where it begins. A line ends with LF, CR LF or CR. */
static void walk_step(struct walk *walk) {
    char byte = *walk->at++;
    bool inside_crlf = byte == '\r' && walk->at < walk->end && *walk->at == '\n';
    if (byte == '\n' || (byte == '\r' && !inside_crlf)) {
        walk->position.line++;
        walk->position.column = 1;
    } else if (walk->at >= walk->end || ((unsigned char)*walk->at & 0xC0) != 0x80) {
        walk->position.column++;
    }
}

/* Gives the value's next `count` bytes the place `position`. */
static void walk_place(struct walk *walk, uint32_t count, struct position position) {
    for (; count > 0 && walk->placed < walk->value.size; count--)
        walk->places[walk->placed++] = position;
}

/* The size of the value's next character. */
static uint32_t walk_character_size(const struct walk *walk) {
    uint32_t at = walk->placed + 1;
    while (at < walk->value.size && ((unsigned char)walk->value.data[at] & 0xC0) == 0x80)
        at++;
    return at - walk->placed;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static bool is_break(char byte) {
    return byte == '\n' || byte == '\r';
}

static bool walk_sees(const struct walk *walk, char byte) {
    return walk->at < walk->end && *walk->at == byte;
}

/* Steps over the line break at `at`, of one or two bytes. */
static void walk_break(struct walk *walk) {
    if (walk_sees(walk, '\r') && walk->at + 1 < walk->end && walk->at[1] == '\n')
        walk_step(walk);
    walk_step(walk);
}

/* Whether blanks and then a line break stand here: folding drops those blanks. */
static bool walk_sees_fold(const struct walk *walk) {
    const char *at = walk->at;
    while (at < walk->end && is_blank(*at))
        at++;
    return at < walk->end && is_break(*at);
}

/* Blanks and line breaks that became one space, or a newline for each break after the first. */
static void walk_fold(struct walk *walk, bool escaped) {
    struct position start = walk->position;
    uint32_t breaks = 0;
    while (walk->at < walk->end && (is_blank(*walk->at) || is_break(*walk->at))) {
        if (is_break(*walk->at)) {
            breaks++;
            walk_break(walk);
        } else {
            walk_step(walk);
        }
    }
    walk_place(walk, breaks > 1 ? breaks - 1 : !escaped, start);
}

/* Bytes of the source that a double-quoted escape takes, with its backslash. */
static uint32_t escape_size(char letter) {
    switch (letter) {
    case 'x':
        return 4;
    case 'u':
        return 6;
    case 'U':
        return 10;
    default:
        return 2;
    }
}

static void walk_escape(struct walk *walk) {
    struct position start = walk->position;
    if (walk->at + 1 < walk->end && is_break(walk->at[1])) {
        walk_step(walk);
        walk_fold(walk, true);
        return;
    }
    uint32_t size = walk->at + 1 < walk->end ? escape_size(walk->at[1]) : 1;
    walk_place(walk, walk_character_size(walk), start);
    for (; size > 0 && walk->at < walk->end; size--)
        walk_step(walk);
}

static void walk_flow(struct walk *walk, enum scalar_style style) {
    if (style != SCALAR_PLAIN)
        walk_step(walk); /* the opening quote */
    while (!walk_done(walk)) {
        if (walk_sees_fold(walk)) {
            walk_fold(walk, false);
        } else if (style == SCALAR_DOUBLE_QUOTED && *walk->at == '\\') {
            walk_escape(walk);
        } else {
            walk_place(walk, 1, walk->position);
            if (style == SCALAR_SINGLE_QUOTED && *walk->at == '\'')
                walk_step(walk); /* written twice */
            walk_step(walk);
        }
    }
}

static uint32_t leading_spaces(const char *at, const char *end) {
    const char *start = at;
    while (at < end && *at == ' ')
        at++;
    return (uint32_t)(at - start);
}

/* The first line that holds more than spaces. */
static const char *first_text_line(const char *at, const char *end) {
    for (const char *line = at; at < end; at++) {
        if (is_break(*at))
            line = at + 1;
        else if (*at != ' ')
            return line;
    }
    return end;
}

/* How far the block stands in: what its first line of text has in the file, less what is left of it in the value. */
static uint32_t block_indent(const struct walk *walk) {
    const char *in_source = first_text_line(walk->at, walk->end);
    const char *value_end = walk->value.data + walk->value.size;
    const char *in_value = first_text_line(walk->value.data, value_end);
    uint32_t source_spaces = leading_spaces(in_source, walk->end);
    uint32_t value_spaces = leading_spaces(in_value, value_end);
    return source_spaces > value_spaces ? source_spaces - value_spaces : 0;
}

/* A line break gave the value a newline, or folded into a space, or nothing (the first break before an empty line). */
static void walk_block_break(struct walk *walk, bool folded) {
    char next = walk->value.data[walk->placed];
    walk_place(walk, next == '\n' || (folded && next == ' '), walk->position);
    walk_break(walk);
}

static void walk_block(struct walk *walk, bool folded) {
    while (walk->at < walk->end && !is_break(*walk->at))
        walk_step(walk); /* the header: `|`, `>-` and perhaps a comment */
    if (walk->at < walk->end)
        walk_break(walk);
    uint32_t indent = block_indent(walk);
    while (!walk_done(walk)) {
        for (uint32_t i = 0; i < indent && walk_sees(walk, ' '); i++)
            walk_step(walk);
        while (!walk_done(walk) && !is_break(*walk->at)) {
            walk_place(walk, 1, walk->position);
            walk_step(walk);
        }
        if (!walk_done(walk))
            walk_block_break(walk, folded);
    }
}

void yaml_places(struct text source, struct position start, enum scalar_style style, struct text value,
                 struct position *ret_places) {
    struct walk walk = {source.data, source.data + source.size, start, value, ret_places, 0};
    if (style == SCALAR_LITERAL || style == SCALAR_FOLDED)
        walk_block(&walk, style == SCALAR_FOLDED);
    else
        walk_flow(&walk, style);
    walk_place(&walk, value.size - walk.placed, walk.position);
    ret_places[value.size] = walk.position;
}
