// docs/BEYOND.md shows the fidelity table that the converter uses.
#include <gtest/gtest.h>

#include "base/files.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::targets::kubernetes {
namespace {

TEST(Documentation, ShowsEveryRuleOfTheFidelityTable) {
  auto text = read_file(std::string(STACK_SOURCE_DIR) + "/docs/BEYOND.md");
  ASSERT_TRUE(text);
  size_t rows = 0;
  for (size_t at = text->find("\n| `"); at != std::string::npos; at = text->find("\n| `", at + 1)) ++rows;
  size_t rules = 0;
  for (const KeyRule& rule : kubernetes_rules()) {
    std::string row = "| `" + std::string(rule.pattern) + "` | " + std::string(to_text(rule.level)) + " | " +
                      std::string(rule.note) + " |\n";
    EXPECT_NE(text->find(row), std::string::npos) << row;
    ++rules;
  }
  EXPECT_GE(rows, rules);
}

}  // namespace
}  // namespace stack::targets::kubernetes
