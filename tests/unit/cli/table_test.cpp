#include "cli/render/table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stack::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCellPlusThree) {
  Table table({"NAME", "STATUS"});
  table.add({"shop-web-1", "Up 2 minutes"});
  table.add({"db", "Up"});
  EXPECT_EQ(table.text(),
            "NAME         STATUS\n"
            "shop-web-1   Up 2 minutes\n"
            "db           Up\n");
}

TEST(Table, NarrowColumnsHaveAMinimumWidth) {
  Table table({"A", "B"}, 6);
  table.add({"x", "y"});
  EXPECT_EQ(table.text(), "A     B\nx     y\n");
}

TEST(Table, WidthCountsCharactersNotBytesOrEscapes) {
  EXPECT_EQ(display_width("größe…"), 6u);
  EXPECT_EQ(display_width("\x1b[32mok\x1b[0m"), 2u);
}

TEST(Table, ControlCharactersOfCellsAreEscaped) {
  Table table({"COMMAND", "STATUS"});
  table.add({"sh -c 'a\nb\x1b[2J\x7f\r'",
             "Up\xC2\x9B"
             "31m"});
  std::string text = table.text();
  EXPECT_NE(text.find("a\\nb\\x1b[2J\\x7f\\r'"), std::string::npos) << text;
  EXPECT_NE(text.find("Up\\x9b31m"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_EQ(printable("größe…"), "größe…");
}

TEST(Table, EllipsisKeepsWholeCharacters) {
  EXPECT_EQ(ellipsis("docker-entrypoint.sh redis-server", 20), "docker-entrypoint.s…");
  EXPECT_EQ(ellipsis("short", 20), "short");
  EXPECT_EQ(ellipsis("äöüß", 3), "äö…");
  EXPECT_EQ(ellipsis("abc", 0), "");
}

}  // namespace
}  // namespace stack::cli
