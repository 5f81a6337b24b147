// docs/TROUBLESHOOTING.md explains messages by their text: each text must exist in the code.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// All source files, with adjacent literals joined and quotes unescaped.
std::string all_sources() {
  std::string all;
  for (const char* folder : {"base", "cli", "docker", "engine", "http", "images", "model", "net",
                             "orchestrator", "runtime", "volumes"})
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(STACK_SOURCE_DIR) / folder))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
        all += contents(entry.path());
  all = std::regex_replace(all, std::regex(R"re("\s*\n\s*")re"), "");
  return std::regex_replace(all, std::regex(R"re(\\")re"), "\"");
}

// The fixed parts of "### `port … is already in use by …`".
std::vector<std::string> fixed_parts(std::string text) {
  std::vector<std::string> parts;
  const std::string gap = "…";
  while (!text.empty()) {
    size_t end = text.find(gap);
    std::string part = text.substr(0, end);
    size_t first = part.find_first_not_of(' ');
    if (first != std::string::npos)
      parts.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
    if (end == std::string::npos) break;
    text.erase(0, end + gap.size());
  }
  return parts;
}

TEST(Troubleshooting, EveryExplainedMessageExistsInTheCode) {
  const std::string sources = all_sources();
  std::istringstream page(contents(fs::path(STACK_SOURCE_DIR) / "docs/TROUBLESHOOTING.md"));
  size_t explained = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("### ")) continue;
    ASSERT_TRUE(line.starts_with("### `") && line.ends_with("`")) << line;
    ++explained;
    std::vector<std::string> parts = fixed_parts(line.substr(5, line.size() - 6));
    EXPECT_FALSE(parts.empty()) << line;
    for (const std::string& part : parts)
      EXPECT_NE(sources.find(part), std::string::npos) << line << ": " << part;
  }
  EXPECT_GT(explained, 15U);
}

}  // namespace
