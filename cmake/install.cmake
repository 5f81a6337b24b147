# Install locations: PREFIX/bin has the programs for users and other engines; the others are internal.
set(STACK_LIBEXEC libexec/stack)

foreach(program stack stack-runtime)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION bin COMPONENT programs)
  endif()
endforeach()
foreach(program stackd stack-cluster stack-proxy stack-launch stack-monitor stack-init)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${STACK_LIBEXEC} COMPONENT programs)
  endif()
endforeach()

set(completions ${PROJECT_SOURCE_DIR}/packaging/completions)
install(FILES ${completions}/stack.bash DESTINATION share/bash-completion/completions RENAME stack COMPONENT programs)
install(FILES ${completions}/stack.fish DESTINATION share/fish/vendor_completions.d COMPONENT programs)

# The units name the programs by their full paths, which are known when the prefix is.
set(STACK_SYSTEMD_UNITS lib/systemd/system CACHE STRING "where systemd units are installed, below the prefix")
install(CODE "
  set(source \"${PROJECT_SOURCE_DIR}/packaging/systemd\")
  set(made \"${CMAKE_BINARY_DIR}/packaging\")
  foreach(unit stack.service stack-containers.service stack.socket)
    configure_file(\${source}/\${unit} \${made}/\${unit} @ONLY)
    file(INSTALL \${made}/\${unit} DESTINATION \${CMAKE_INSTALL_PREFIX}/${STACK_SYSTEMD_UNITS})
  endforeach()" COMPONENT programs)
# The group that may use the socket; systemd-sysusers(8) creates it.
install(FILES ${PROJECT_SOURCE_DIR}/packaging/systemd/stack.sysusers DESTINATION lib/sysusers.d RENAME stack.conf
  COMPONENT programs)
install(FILES ${PROJECT_SOURCE_DIR}/packaging/systemd/stack.tmpfiles DESTINATION lib/tmpfiles.d RENAME stack.conf
  COMPONENT programs)

# Manual pages, from the same tables as --help.
find_program(STACK_GZIP gzip)
if(STACK_GZIP)
  set(STACK_MAN ${CMAKE_BINARY_DIR}/man)
  add_custom_command(OUTPUT ${STACK_MAN}/written
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${STACK_MAN}
    COMMAND stack __man ${STACK_MAN}
    COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/packaging/man/stack-runtime.1 ${STACK_MAN}/
    COMMAND sh -c "gzip -9n '${STACK_MAN}'/*.1 '${STACK_MAN}'/*.5"
    COMMAND ${CMAKE_COMMAND} -E touch ${STACK_MAN}/written
    DEPENDS stack ${PROJECT_SOURCE_DIR}/packaging/man/stack-runtime.1 COMMENT "Writing the manual pages" VERBATIM)
  add_custom_target(man ALL DEPENDS ${STACK_MAN}/written)
  foreach(section 1 5)
    install(DIRECTORY ${STACK_MAN}/ DESTINATION share/man/man${section} COMPONENT programs
      FILES_MATCHING PATTERN "*.${section}.gz")
  endforeach()
endif()

# Debian looks for these elsewhere: see package.cmake.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/stack COMPONENT license)
install(FILES ${completions}/_stack DESTINATION share/zsh/site-functions COMPONENT license)

include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)
