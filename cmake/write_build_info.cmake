# Run with every build: writes OUTPUT from TEMPLATE if the version, commit, or date changed.
#   cmake -DSOURCE=... -DTEMPLATE=... -DOUTPUT=... -DSTACK_VERSION=... -P write_build_info.cmake
set(STACK_COMMIT "")
set(STACK_DATE "")
set(seconds "$ENV{SOURCE_DATE_EPOCH}")
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} -c safe.directory=* describe --always --exclude=* --abbrev=12 --dirty
    OUTPUT_VARIABLE STACK_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(seconds STREQUAL "")
    execute_process(COMMAND ${GIT} -C ${SOURCE} -c safe.directory=* log -1 --format=%ct
      OUTPUT_VARIABLE seconds OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
if(seconds MATCHES "^[0-9]+$")
  set(ENV{SOURCE_DATE_EPOCH} ${seconds})
  string(TIMESTAMP STACK_DATE "%Y-%m-%dT%H:%M:%SZ" UTC)
endif()
# Leaves an unchanged file alone.
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
