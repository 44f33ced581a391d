# Run by bw_embed at build time: writes HEADER and SOURCE, which hold FILES (relative to ROOT) as arrays of bytes.
# Each array ends with a zero that its length does not count, so that text can be read as a C string.

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
    file(READ "${ROOT}/${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    "
           bytes "${bytes}")
    string(APPEND arrays "static const unsigned char ${PREFIX}_${number}[] = {\n    ${bytes}0x00};\n\n")
    string(APPEND rows "    {\"${file}\", (const char *)${PREFIX}_${number}, sizeof(${PREFIX}_${number}) - 1},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${HEADER}.new"
     "#pragma once\n\n#include \"base/embedded.h\"\n\n"
     "extern const struct embedded_file ${PREFIX}_files[];\nextern const size_t ${PREFIX}_files_count;\n")
file(COPY_FILE "${HEADER}.new" "${HEADER}" ONLY_IF_DIFFERENT)
file(REMOVE "${HEADER}.new")
file(WRITE "${SOURCE}"
     "#include \"embedded/${PREFIX}.h\"\n\n${arrays}"
     "const struct embedded_file ${PREFIX}_files[] = {\n${rows}};\nconst size_t ${PREFIX}_files_count = ${number};\n")
