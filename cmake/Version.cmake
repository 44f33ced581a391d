# Target bw_version: whoever links it may include "bellwether_version.h", which defines BELLWETHER_VERSION (the
# project's) and BELLWETHER_REVISION (what git describes, or "unknown" outside a checkout). It is looked at in every
# build and rewritten only when it differs.

add_custom_target(
    bw_version_header
    COMMAND "${CMAKE_COMMAND}" "-DVERSION=${PROJECT_VERSION}" "-DROOT=${CMAKE_SOURCE_DIR}"
            "-DHEADER=${CMAKE_BINARY_DIR}/generated/bellwether_version.h" -P "${CMAKE_SOURCE_DIR}/cmake/WriteVersion.cmake"
    BYPRODUCTS "${CMAKE_BINARY_DIR}/generated/bellwether_version.h"
    COMMENT "Looking at the version"
    VERBATIM)
add_library(bw_version INTERFACE)
add_dependencies(bw_version bw_version_header)
