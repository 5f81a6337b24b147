// The permitted includes between folders: the arrows of docs/ARCHITECTURE.md. A folder may always include itself
// and base.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace {

namespace fs = std::filesystem;

using Folders = std::set<std::string>;

// A room is a folder; if a row names a subfolder, that subfolder is a separate room.
const std::map<std::string, Folders>& allowed() {
  static const std::map<std::string, Folders> rooms{
      {"base", {}},
      {"model", {}},
      {"http/wire", {}},
      {"http/client", {"http/wire"}},
      {"http/server", {"http/wire"}},
      {"http/grpc", {"http/server"}},
      {"docker", {"model"}},
      {"orchestrator/compose", {"model"}},
      {"orchestrator/plan", {"model", "orchestrator/compose"}},
      {"orchestrator/targets", {"orchestrator/compose"}},
      {"orchestrator/targets/kubernetes", {"orchestrator/compose", "orchestrator/targets"}},
      {"orchestrator/targets/kubernetes/api",
       {"http/wire", "orchestrator/targets", "orchestrator/targets/kubernetes"}},
      {"orchestrator/targets/swarm", {"orchestrator/compose", "orchestrator/targets"}},
      {"orchestrator/targets/swarm/api",
       {"http/client", "http/wire", "orchestrator/targets", "orchestrator/targets/swarm"}},
      {"runtime", {}},
      {"net", {"model"}},
      {"volumes", {}},
      {"images", {"model"}},
      {"engine/settings", {"model", "orchestrator/compose"}},
      {"engine/cdi", {"orchestrator/compose"}},
      {"engine/state", {"model", "engine/container", "engine/settings"}},
      {"engine/logs", {"model", "runtime", "engine/state", "engine/container"}},
      {"engine/network", {"model", "net", "engine/state", "engine/container"}},
      {"engine/container",
       {"model", "docker", "images", "runtime", "volumes", "http/server", "engine/cdi", "engine/state",
        "engine/logs", "engine/network"}},
      {"engine/image",
       {"model", "engine/state", "images", "runtime", "orchestrator/compose", "engine/container"}},
      {"engine/buildkit", {"model", "images", "http/grpc", "http/server", "http/wire", "engine/image"}},
      {"engine/project",
       {"model", "orchestrator/compose", "orchestrator/plan", "engine/state", "engine/logs",
        "engine/container", "engine/image", "engine/api"}},
      {"engine/volume", {"images", "volumes", "engine/container"}},
      {"engine/host", {"http/wire", "engine/container", "engine/api"}},
      {"engine/api",
       {"model", "docker", "images", "runtime", "volumes", "http/server", "orchestrator/plan", "engine/logs",
        "engine/container", "engine/network", "engine/image", "engine/buildkit", "engine/project",
        "engine/volume", "engine/host"}},
      {"engine",
       {"http/server", "http/wire", "engine/settings", "engine/state", "engine/container", "engine/host",
        "engine/logs", "engine/api"}},
      // images/archive and images/layer: only the tar format, for `cp` and `export`.
      {"cli",
       {"docker", "model", "http/client", "http/wire", "orchestrator/compose", "orchestrator/targets",
        "images/archive", "images/layer", "cli/dashboard"}},
      {"cli/dashboard", {"http/client", "http/wire"}},
      {"cli/cluster",
       {"cli", "docker", "http/wire", "model", "orchestrator/compose", "orchestrator/targets",
        "orchestrator/targets/kubernetes", "orchestrator/targets/kubernetes/api",
        "orchestrator/targets/swarm", "orchestrator/targets/swarm/api"}},
  };
  return rooms;
}

// The room of a path: the longest row that is a folder above it; "" if there is none.
std::string room_of(std::string_view path) {
  std::string found;
  for (const auto& [room, below] : allowed())
    if (path.starts_with(room + "/") && room.size() > found.size()) found = room;
  return found;
}

bool may_include(const std::string& room, std::string_view path) {
  std::string other = room_of(path);
  if (other == room || other == "base") return true;
  const Folders& below = allowed().at(room);
  return std::any_of(below.begin(), below.end(), [&](const std::string& folder) {
    return path.starts_with(folder + "/") && (folder == other || folder.size() > other.size());
  });
}

// The included paths that begin with one of our folders, with line numbers.
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

bool is_source(const fs::path& path) {
  std::string extension = path.extension();
  return extension == ".h" || extension == ".cpp" || extension == ".c";
}

std::string top_of(const std::string& room) { return room.substr(0, room.find('/')); }

TEST(Layout, IncludesFollowTheArrowsAndAreWrittenFromTheRepositoryRoot) {
  std::map<std::string, size_t> files;
  std::set<std::string> tops;
  for (const auto& [room, below] : allowed()) tops.insert(top_of(room));
  for (const std::string& top : tops) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / top)) {
      if (!is_source(entry.path())) continue;
      std::string name = entry.path().lexically_relative(STACK_SOURCE_DIR).string();
      std::string room = room_of(name);
      ASSERT_NE(room, "") << name << " is in no room of this table";
      ++files[room];
      for (const auto& [line, path] : own_includes(entry.path()))
        EXPECT_TRUE(may_include(room, path))
            << name << ":" << line << ": " << room << " must not include " << path;
    }
  }
  for (const auto& [room, below] : allowed())
    EXPECT_GT(files[room], 0U) << room << " has no source file: is the test looking at the right place?";
}

// There must be no unused arrows.
TEST(Layout, EveryArrowIsUsed) {
  std::map<std::string, Folders> unused = allowed();
  for (const auto& [room, below] : allowed())
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / room)) {
      if (!is_source(entry.path())) continue;
      std::string user = room_of(entry.path().lexically_relative(STACK_SOURCE_DIR).string());
      for (const auto& [line, path] : own_includes(entry.path()))
        std::erase_if(unused[user],
                      [&path = path](const std::string& folder) { return path.starts_with(folder + "/"); });
    }
  for (const auto& [room, folders] : unused)
    for (const std::string& folder : folders)
      ADD_FAILURE() << room << " -> " << folder << " is drawn and not used";
}

TEST(Layout, EveryHeaderIsIncludedOnce) {
  for (const auto& [room, below] : allowed()) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / room)) {
      if (entry.path().extension() != ".h") continue;
      std::ifstream text(entry.path());
      std::string all((std::istreambuf_iterator<char>(text)), std::istreambuf_iterator<char>());
      EXPECT_NE(all.find("#pragma once"), std::string::npos) << entry.path();
    }
  }
}

// In the documents that describe the tree, paths in backquotes that begin with one of its folders exist.
TEST(Layout, PathsInTheDocumentsExist) {
  std::set<std::string> tops;
  for (const auto& [room, below] : allowed()) tops.insert(top_of(room));
  size_t found = 0;
  for (const char* name : {"docs/ARCHITECTURE.md", "docs/life-of-up.md", "docs/life-of-a-query.md",
                           "docs/life-of-a-container.md", "CONTRIBUTING.md"}) {
    std::ifstream text(fs::path(STACK_SOURCE_DIR) / name);
    ASSERT_TRUE(text) << name;
    std::string all((std::istreambuf_iterator<char>(text)), std::istreambuf_iterator<char>());
    static const std::regex quoted("`([a-z_-]+/[A-Za-z0-9_./-]+)`");
    for (std::sregex_iterator at(all.begin(), all.end(), quoted), end; at != end; ++at) {
      std::string path = (*at)[1];
      if (!tops.contains(top_of(path))) continue;
      ++found;
      EXPECT_TRUE(fs::exists(fs::path(STACK_SOURCE_DIR) / path)) << name << ": " << path;
    }
  }
  EXPECT_GT(found, 20U);
}

}  // namespace
