// Stands in for libFuzzer where the compiler has none: gives each file that is named to the fuzz target once.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give_file(FILE *file) {
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    assert(size >= 0);
    uint8_t *bytes = malloc((size_t)size); // As large as the input: a byte read beyond it is caught.
    assert(bytes || size == 0);
    size_t read = fread(bytes, 1, (size_t)size, file);
    LLVMFuzzerTestOneInput(bytes, read);
    free(bytes);
}

int main(int argument_count, char **arguments) {
    for (int i = 1; i < argument_count; i++) {
        FILE *file = fopen(arguments[i], "rb");
        if (!file) {
            perror(arguments[i]);
            return 1;
        }
        give_file(file);
        fclose(file);
    }
    return 0;
}
