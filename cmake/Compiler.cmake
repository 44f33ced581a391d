# How every file of the project is compiled. Asserts are kept in every build: NDEBUG is never defined.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Debug)
endif()
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_MINSIZEREL "-Os -g")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
    -Wall
    -Wextra
    -Werror
    -Wformat=2
    -Wimplicit-fallthrough
    -Wmissing-prototypes
    -Wold-style-definition
    -Wpointer-arith
    -Wshadow
    -Wstrict-prototypes
    -Wundef
    -Wvla
    -Wwrite-strings
    -fno-common
    -ffp-contract=off # a product that is not rounded before it is added would give other scores
    -fno-omit-frame-pointer
    -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Messages are written into buffers of a fixed size, and cut off there on purpose.
    add_compile_options(-Wno-format-truncation -Wno-stringop-truncation)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT BELLWETHER_SANITIZE)
    add_compile_definitions(_FORTIFY_SOURCE=2)
    add_link_options(-Wl,-z,relro,-z,now)
endif()

if(BELLWETHER_SANITIZE)
    add_compile_options(-fsanitize=${BELLWETHER_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${BELLWETHER_SANITIZE})
endif()

if(BELLWETHER_PLANTED)
    add_compile_definitions(BELLWETHER_PLANTED)
endif()

if(BELLWETHER_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "BELLWETHER_FUZZ needs clang: use the preset 'fuzz', or set CMAKE_C_COMPILER=clang.")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Fat objects hold machine code beside the intermediate form, so that the archives' symbols can be looked at
# (tests/house/symbols.sh).
if(BELLWETHER_LTO)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-flto=auto -ffat-lto-objects)
        add_link_options(-flto=auto)
    else()
        message(STATUS "Link-time optimisation is done with gcc only; this build goes without")
    endif()
endif()

# librdkafka's threads are C11's, which the thread sanitizer does not see: see tests/house/c11_threads.c.
if(BELLWETHER_SANITIZE STREQUAL "thread")
    add_library(bw_c11_threads OBJECT "${CMAKE_SOURCE_DIR}/tests/house/c11_threads.c")
    link_libraries("$<TARGET_OBJECTS:bw_c11_threads>" -rdynamic)
endif()
