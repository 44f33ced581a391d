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
    -fno-omit-frame-pointer
    -fstack-protector-strong)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT BELLWETHER_SANITIZE)
    add_compile_definitions(_FORTIFY_SOURCE=2)
    add_link_options(-Wl,-z,relro,-z,now)
endif()

if(BELLWETHER_SANITIZE)
    add_compile_options(-fsanitize=${BELLWETHER_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${BELLWETHER_SANITIZE})
endif()

if(BELLWETHER_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "BELLWETHER_FUZZ needs clang: use the preset 'fuzz', or set CMAKE_C_COMPILER=clang.")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(BELLWETHER_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT BELLWETHER_LTO_WORKS OUTPUT BELLWETHER_LTO_WHY LANGUAGES C)
    if(BELLWETHER_LTO_WORKS)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    else()
        message(STATUS "Link-time optimisation is not available here: ${BELLWETHER_LTO_WHY}")
    endif()
endif()
