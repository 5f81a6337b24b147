# Debian packages: `stack` and `stack-docker`. packaging/build-packages builds them and the tarball.

# What only the packages contain.
set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)
set(debian_made ${CMAKE_BINARY_DIR}/packaging/debian)
if(STACK_GZIP)
  foreach(package stack stack-docker)
    add_custom_command(OUTPUT ${debian_made}/${package}/changelog.gz
      COMMAND ${CMAKE_COMMAND} -E make_directory ${debian_made}/${package}
      COMMAND sh -c "gzip -9nc '${debian}/changelog' >'${debian_made}/${package}/changelog.gz'"
      DEPENDS ${debian}/changelog VERBATIM)
    list(APPEND changelogs ${debian_made}/${package}/changelog.gz)
  endforeach()
  add_custom_target(debian_files ALL DEPENDS ${changelogs})
endif()

function(stack_debian component)
  install(${ARGN} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()
stack_debian(debian_stack FILES ${debian}/copyright ${debian_made}/stack/changelog.gz DESTINATION share/doc/stack)
stack_debian(debian_stack FILES ${debian}/stack.lintian DESTINATION share/lintian/overrides RENAME stack)
stack_debian(debian_stack FILES ${completions}/_stack DESTINATION share/zsh/vendor-completions)
stack_debian(debian_stack FILES ${PROJECT_SOURCE_DIR}/packaging/config.yaml DESTINATION /etc/stack)

stack_debian(docker FILES ${debian}/copyright ${debian_made}/stack-docker/changelog.gz DESTINATION share/doc/stack-docker)
stack_debian(docker FILES ${debian}/stack-docker.lintian DESTINATION share/lintian/overrides RENAME stack-docker)
stack_debian(docker CODE "
  foreach(name docker docker-compose)
    set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/\${name}\")
    get_filename_component(folder \${link} DIRECTORY)
    file(MAKE_DIRECTORY \${folder})
    file(CREATE_LINK stack \${link} SYMBOLIC)
    set(page \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man/man1/\${name}.1.gz\")
    get_filename_component(folder \${page} DIRECTORY)
    file(MAKE_DIRECTORY \${folder})
    file(CREATE_LINK stack.1.gz \${page} SYMBOLIC)
  endforeach()")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stack)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The stack developers <stack@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
# Absolute destinations (/etc), and the final prefix in the units.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL programs debian_stack docker)
set(CPACK_COMPONENT_PROGRAMS_GROUP stack)
set(CPACK_COMPONENT_DEBIAN_STACK_GROUP stack)
set(CPACK_COMPONENT_DOCKER_GROUP docker)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_STACK_PACKAGE_NAME stack)
set(CPACK_DEBIAN_STACK_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_STACK_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_STACK_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_STACK_PACKAGE_RECOMMENDS "ca-certificates, mmdebstrap")
# The Haskell tool has the same /usr/bin/stack.
set(CPACK_DEBIAN_STACK_PACKAGE_CONFLICTS "haskell-stack")
set(CPACK_DEBIAN_STACK_PACKAGE_CONTROL_EXTRA
  "${debian}/postinst;${debian}/prerm;${debian}/postrm;${debian}/conffiles")
set(CPACK_DEBIAN_STACK_DESCRIPTION "run Compose projects without Docker
stack reads a docker-compose.yml, orders its services, and starts them as
containers with networks, names, and volumes. Its engine starts on demand,
and containers keep running while it is restarted or upgraded.")

set(CPACK_DEBIAN_DOCKER_PACKAGE_NAME stack-docker)
set(CPACK_DEBIAN_DOCKER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_DOCKER_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DOCKER_PACKAGE_DEPENDS "stack (>= ${PROJECT_VERSION})")
set(others "docker.io, docker-cli, docker-ce-cli, docker-compose, docker-compose-v2, podman-docker")
set(CPACK_DEBIAN_DOCKER_PACKAGE_CONFLICTS "${others}")
set(CPACK_DEBIAN_DOCKER_PACKAGE_REPLACES "${others}")
set(CPACK_DEBIAN_DOCKER_PACKAGE_PROVIDES "docker-compose")
set(CPACK_DEBIAN_DOCKER_DESCRIPTION "docker and docker-compose as names of stack
Scripts that call docker or docker-compose use stack. The commands print
the same output and return the same exit codes as those of Docker.")

include(CPack)
