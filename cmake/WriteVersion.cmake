# Run by the target bw_version_header.

cmake_minimum_required(VERSION 3.25)

execute_process(
    COMMAND git -C "${ROOT}" describe --always --dirty --tags
    OUTPUT_VARIABLE revision
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET)
if(NOT revision)
    set(revision "unknown")
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT
"#pragma once

#define BELLWETHER_VERSION \"@VERSION@\"
#define BELLWETHER_REVISION \"@revision@\"
" @ONLY)
