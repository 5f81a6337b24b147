// docs/BUILD.md agrees with the builder's tables.
#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "base/text.h"
#include "images/builder/frontend/dockerfile.h"
#include "images/builder/frontend/flags.h"
#include "images/builder/frontend/lint.h"

namespace stack::builder {
namespace {

// The texts in back-quotes at the beginning of table rows.
std::set<std::string> documented_rows() {
  std::set<std::string> out;
  Result<std::string> text = read_file(std::string(STACK_TEST_DATA) + "/../../docs/BUILD.md");
  EXPECT_TRUE(text) << text.error().text();
  for (const std::string& line : split(text.value_or(""), '\n')) {
    if (!line.starts_with("| `")) continue;
    out.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return out;
}

TEST(BuildDocument, ListsExactlyTheSupportedInstructionsAndFlags) {
  std::set<std::string> rows = documented_rows();
  std::set<std::string> known;
  for (const char* keyword :
       {"add", "arg", "cmd", "copy", "entrypoint", "env", "expose", "from", "healthcheck", "label",
        "maintainer", "onbuild", "run", "shell", "stopsignal", "user", "volume", "workdir"}) {
    known.insert(upper(keyword));
    for (std::string flag : known_flags(keyword)) {
      if (flag.ends_with('*') || flag.ends_with('?')) flag.pop_back();
      known.insert(upper(keyword) + " --" + flag);
    }
  }
  for (const char* mount : {"bind", "cache", "tmpfs", "secret", "ssh"}) {
    known.insert(std::string("type=") + mount);
    EXPECT_TRUE(parse_mount(std::string("type=") + mount + ",target=/x")) << mount;
  }
  EXPECT_EQ(rows, known);
}

TEST(BuildDocument, ListsEveryCheck) {
  std::string text = read_file(std::string(STACK_TEST_DATA) + "/../../docs/BUILD.md").value_or("");
  EXPECT_EQ(lint_rules().size(), 22u);
  for (const std::string& rule : lint_rules()) EXPECT_NE(text.find(rule), std::string::npos) << rule;
}

}  // namespace
}  // namespace stack::builder
