// Includes go only downward: cli -> engine -> orchestrator -> {runtime, net, volumes, images} -> base.
// None sideways among the four; the command line links neither the runtime nor the image code.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace {

namespace fs = std::filesystem;

using Folders = std::set<std::string>;

const std::map<std::string, Folders>& allowed() {
  static const std::map<std::string, Folders> folders{
      {"base", {}},
      {"runtime", {"base"}},
      {"net", {"base"}},
      {"volumes", {"base"}},
      {"images", {"base"}},
      {"orchestrator", {"base", "runtime", "net", "volumes", "images"}},
      {"engine", {"base", "runtime", "net", "volumes", "images", "orchestrator"}},
      {"cli", {"base", "orchestrator", "engine"}},
  };
  return folders;
}

// The included paths that begin with one of our folders, with their line numbers.
std::vector<std::pair<int, std::string>> own_includes(const fs::path& file) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::vector<std::pair<int, std::string>> found;
  std::ifstream text(file);
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.emplace_back(number, match[1]);
  }
  return found;
}

std::string wrong_includes(const std::string& folder, size_t& files) {
  std::string wrong;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".c") continue;
    ++files;
    for (const auto& [line, path] : own_includes(entry.path())) {
      std::string top = path.substr(0, path.find('/'));
      if (top == folder || allowed().at(folder).contains(top)) continue;
      wrong += entry.path().lexically_relative(STACK_SOURCE_DIR).string() + ":" + std::to_string(line) +
               ": " + folder + " must not include " + path + "\n";
    }
  }
  return wrong;
}

TEST(Layout, IncludesGoOnlyDownwardAndAreWrittenFromTheRepositoryRoot) {
  for (const auto& [folder, below] : allowed()) {
    size_t files = 0;
    EXPECT_EQ(wrong_includes(folder, files), "");
    EXPECT_GT(files, 0U) << folder << " has no source file: is the test looking at the right place?";
  }
}

TEST(Layout, EveryHeaderIsIncludedOnce) {
  for (const auto& [folder, below] : allowed()) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".h") continue;
      std::ifstream text(entry.path());
      std::string all((std::istreambuf_iterator<char>(text)), std::istreambuf_iterator<char>());
      EXPECT_NE(all.find("#pragma once"), std::string::npos) << entry.path();
    }
  }
}

}  // namespace
