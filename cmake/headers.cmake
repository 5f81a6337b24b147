# check_headers: compiles each header alone, without a precompiled header, to show that it includes what it uses. Not part
# of `all`, because it takes as long as a build. Unchanged headers are not compiled again.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} base/*.h model/*.h http/*.h docker/*.h
  orchestrator/*.h runtime/*.h net/*.h volumes/*.h images/*.h engine/*.h cli/*.h)
foreach(header ${headers})
  set(source ${CMAKE_BINARY_DIR}/headers/${header}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  list(APPEND sources ${source})
endforeach()

add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${sources})
target_include_directories(check_headers PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(check_headers PRIVATE stack::engine stack::cluster stack::oci)
target_compile_options(check_headers PRIVATE -O0 -g0)
