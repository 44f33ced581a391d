#include "tests/sim/sim_sha1.h"

#include <stdio.h>

static uint32_t rotated(uint32_t word, int bits) {
    return word << bits | word >> (32 - bits);
}

static void mix_block(uint32_t state[5], const uint8_t block[64]) {
    uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                  : (b ^ c ^ d) + 0xCA62C1D6;
        uint32_t next = rotated(a, 5) + mixed + e + words[i];
        e = d;
        d = c;
        c = rotated(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* The end: the bytes that are left, a bit, zeros, and the length in bits. */
static void mix_tail(uint32_t state[5], struct text bytes, size_t from) {
    uint8_t tail[128] = {0};
    size_t left = bytes.size - from, size = left + 9 <= 64 ? 64 : 128;
    uint64_t bits = (uint64_t)bytes.size * 8;
    if (left > 0)
        memcpy(tail, bytes.data + from, left);
    tail[left] = 0x80;
    for (size_t i = 0; i < 8; i++)
        tail[size - 1 - i] = (uint8_t)(bits >> (8 * i));
    for (size_t i = 0; i < size; i += 64)
        mix_block(state, tail + i);
}

void sim_sha1(struct text bytes, char ret_hex[41]) {
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    size_t from = 0;
    for (; from + 64 <= bytes.size; from += 64)
        mix_block(state, (const uint8_t *)bytes.data + from);
    mix_tail(state, bytes, from);
    for (int i = 0; i < 5; i++)
        snprintf(ret_hex + 8 * i, 9, "%08x", state[i]);
}
