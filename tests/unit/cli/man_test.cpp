#include "cli/flags/man.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/flags/commands.h"
#include "orchestrator/compose/attributes.h"

namespace stack::cli {
namespace {

const ManPage* page_named(const std::vector<ManPage>& pages, const std::string& name) {
  for (const ManPage& page : pages)
    if (page.file_name == name) return &page;
  return nullptr;
}

TEST(Man, EveryCommandHasAPageWithAllItsFlags) {
  std::vector<ManPage> pages = all_man_pages();
  for (const Command* command : all_commands()) {
    if (command->hidden) continue;
    const ManPage page = command_man_page(*command);
    ASSERT_NE(page_named(pages, page.file_name), nullptr) << command->name;
    for (const Flag& flag : command->flags) {
      if (flag.help.empty()) continue;
      EXPECT_NE(page.text.find("\\-\\-" + man_escape(flag.name)), std::string::npos)
          << command->name << " " << flag.name;
    }
  }
  std::set<std::string> names;
  for (const ManPage& page : pages) EXPECT_TRUE(names.insert(page.file_name).second) << page.file_name;
}

TEST(Man, EveryAttributeIsInTheComposePage) {
  std::vector<ManPage> pages = all_man_pages();
  const ManPage* page = page_named(pages, "stack-compose.5");
  ASSERT_NE(page, nullptr);
  size_t entries = 0;
  for (size_t at = page->text.find(".TP\n"); at != std::string::npos; at = page->text.find(".TP\n", at + 1))
    ++entries;
  EXPECT_EQ(entries, compose::attribute_rows().size());
  EXPECT_NE(page->text.find("services.NAME.ports[].target"), std::string::npos);
}

// A line that begins with a dot is a request of troff; text must not become one.
TEST(Man, NoTextBecomesARequest) {
  EXPECT_EQ(man_escape(".env file\n'a' a-b \\"), "\\&.env file\n\\&'a' a\\-b \\e");
  const std::set<std::string> requests{".TH", ".ad", ".SH", ".TP", ".PP", ".nf", ".fi"};
  for (const ManPage& page : all_man_pages()) {
    size_t begin = 0;
    while (begin < page.text.size()) {
      size_t end = page.text.find('\n', begin);
      std::string line = page.text.substr(begin, end - begin);
      if (line.starts_with('.') || line.starts_with('\'')) {
        EXPECT_TRUE(requests.contains(line.substr(0, 3))) << page.file_name << ": " << line;
      }
      begin = end + 1;
    }
  }
}

}  // namespace
}  // namespace stack::cli
