// docs/BEYOND.md shows the fidelity tables that the converters use.
#include <gtest/gtest.h>

#include "base/files.h"
#include "orchestrator/targets/kubernetes/convert.h"
#include "orchestrator/targets/swarm/convert.h"

namespace stack::targets {
namespace {

// The part of the page below a heading, up to the next one of its level.
std::string section(const std::string& text, const std::string& heading) {
  size_t begin = text.find("\n## " + heading + "\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

void expect_rows(const std::string& heading, std::span<const KeyRule> rules) {
  auto text = read_file(std::string(STACK_SOURCE_DIR) + "/docs/BEYOND.md");
  ASSERT_TRUE(text);
  std::string table = section(*text, heading);
  ASSERT_FALSE(table.empty()) << heading;
  size_t rows = 0;
  for (size_t at = table.find("\n| `"); at != std::string::npos; at = table.find("\n| `", at + 1)) ++rows;
  for (const KeyRule& rule : rules) {
    std::string row = "| `" + std::string(rule.pattern) + "` | " + std::string(to_text(rule.level)) + " | " +
                      std::string(rule.note) + " |\n";
    EXPECT_NE(table.find(row), std::string::npos) << row;
  }
  EXPECT_EQ(rows, rules.size()) << heading;
}

TEST(Documentation, ShowsEveryRuleOfTheFidelityTable) {
  expect_rows("Fidelity", kubernetes::kubernetes_rules());
  expect_rows("Fidelity on a swarm", swarm::swarm_rules());
}

}  // namespace
}  // namespace stack::targets
