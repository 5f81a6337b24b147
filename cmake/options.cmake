# Compiler flags for all targets.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast> $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
# The optimizer's warnings of g++ 12 about inlined coroutine frames and small strings are often wrong: it confuses a
# frame's allocator, and takes a string's internal buffer for the whole string. Unoptimized presets keep these warnings.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  set(noisy -Wno-mismatched-new-delete -Wno-stringop-overread -Wno-stringop-overflow -Wno-array-bounds -Wno-restrict
    -Wno-maybe-uninitialized -Wno-free-nonheap-object -Wno-dangling-pointer)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${noisy}>")
endif()

# clang warns about libstdc++ 12's own stable_sort.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>)
endif()

# Our own macros need no extensions, but glibc's headers do.
add_compile_definitions(_GNU_SOURCE)

if(STACK_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(STACK_FUZZ)
  # Lets the fuzzer see the branches of libraries that an input reaches.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(STACK_TSAN)
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()

find_program(STACK_CCACHE ccache)
if(STACK_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${STACK_CCACHE})
  # Only the settings that precompiled headers require: with include_file_mtime, a header that is saved during a
  # compilation would leave a stale object in the cache under the new header's name.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 ${STACK_CCACHE})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

find_program(STACK_MOLD mold)
if(STACK_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--gc-sections)
add_compile_options(-ffunction-sections -fdata-sections)
