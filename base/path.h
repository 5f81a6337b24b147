// Paths as text: components joined by '/', without access to the file system. Unlike in std::filesystem, "" is the
// directory itself, so that relative paths in a tree do not need "./".
#pragma once

#include <string>

namespace stack {

// "a" + "b" = "a/b"; "" + "b" = "b".
std::string join_path(const std::string& directory, const std::string& name);
// "a/b" -> "a"; "a" -> "".
std::string parent_path(const std::string& path);
// "a/b" -> "b"; "a" -> "a".
std::string last_component(const std::string& path);

}  // namespace stack
