# Run by the target bw_version_header.

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
