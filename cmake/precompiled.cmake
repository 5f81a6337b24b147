# Precompiled headers: the standard library with JSON, the same with Asio, and each of these with GoogleTest for tests.

set(stack_common_headers <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <set> <span> <string>
  <string_view> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <nlohmann/json.hpp>)

# stack_precompiled(NAME HEADER...): a target to REUSE_FROM, with the compile options of the calling folder.
function(stack_precompiled name)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/${name}.cpp "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/pch/${name}.cpp)
  target_link_libraries(${name} PUBLIC nlohmann_json::nlohmann_json)
  target_precompile_headers(${name} PRIVATE ${stack_common_headers} ${ARGN})
endfunction()

stack_precompiled(stack_pch_base)
stack_precompiled(stack_pch_asio <asio.hpp>)
