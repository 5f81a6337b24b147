# Two precompiled headers, shared by all targets: the standard library with JSON, and the same with Asio.

file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cpp "")

add_library(stack_pch_base OBJECT ${CMAKE_BINARY_DIR}/pch/empty.cpp)
target_link_libraries(stack_pch_base PUBLIC nlohmann_json::nlohmann_json)
target_precompile_headers(stack_pch_base PRIVATE
  <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <nlohmann/json.hpp>)

file(WRITE ${CMAKE_BINARY_DIR}/pch/empty_asio.cpp "")
add_library(stack_pch_asio OBJECT ${CMAKE_BINARY_DIR}/pch/empty_asio.cpp)
target_link_libraries(stack_pch_asio PUBLIC nlohmann_json::nlohmann_json)
target_precompile_headers(stack_pch_asio PRIVATE
  <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <nlohmann/json.hpp> <asio.hpp>)
