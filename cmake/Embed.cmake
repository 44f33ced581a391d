# bw_embed(<target> <prefix> <file>...) compiles files into <target> as constant bytes, so that the program needs no
# data files beside it. The code that uses them writes
#
#     #include "embedded/<prefix>.h"
#
# and has <prefix>_files, an array of <prefix>_files_count `struct embedded_file` (base/embedded.h). A file's name there
# is its path as given, relative to the directory of the CMakeLists.txt that calls this function.

function(bw_embed target prefix)
    set(directory "${CMAKE_BINARY_DIR}/generated/embedded")
    set(header "${directory}/${prefix}.h")
    set(source "${directory}/${prefix}.c")
    add_custom_command(
        OUTPUT "${header}" "${source}"
        COMMAND "${CMAKE_COMMAND}" "-DPREFIX=${prefix}" "-DFILES=${ARGN}" "-DROOT=${CMAKE_CURRENT_SOURCE_DIR}"
                "-DHEADER=${header}" "-DSOURCE=${source}" -P "${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake"
        WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
        DEPENDS ${ARGN} "${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake"
        COMMENT "Embedding the files of ${prefix}"
        VERBATIM)
    add_custom_target(bw_generated_${prefix} DEPENDS "${header}" "${source}")
    add_dependencies(bw_generated bw_generated_${prefix})
    target_sources(${target} PRIVATE "${source}" "${header}")
endfunction()
