# Every foreign library is looked up here, once, and is used as PkgConfig::<name>.
# The second column is what to install on Debian when it is missing.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_library(BELLWETHER_MATH m REQUIRED)

function(bw_find name module debian_package)
    pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL ${module})
    if(NOT ${name}_FOUND)
        message(FATAL_ERROR
                "The library ${module} was not found by pkg-config.\n"
                "On Debian 12: apt-get install ${debian_package} (or run ./run build, which installs all that is needed).")
    endif()
endfunction()

bw_find(rdkafka "rdkafka>=2.0.2" librdkafka-dev)
bw_find(hiredis "hiredis>=0.14" libhiredis-dev)
bw_find(yaml yaml-0.1 libyaml-dev)
bw_find(jansson "jansson>=2.14" libjansson-dev)
bw_find(curl "libcurl>=7.85" libcurl4-openssl-dev)
bw_find(microhttpd libmicrohttpd libmicrohttpd-dev)
bw_find(xxhash libxxhash libxxhash-dev)
bw_find(zlib zlib zlib1g-dev)
if(BELLWETHER_TESTS)
    bw_find(avro avro-c libavro-dev)
    bw_find(cmocka cmocka libcmocka-dev)
    bw_find(lua lua5.1 liblua5.1-0-dev)
endif()
