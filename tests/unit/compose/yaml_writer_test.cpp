// The writer of YAML and JSON.
#include "orchestrator/compose/yaml_writer.h"

#include "fixture.h"

namespace stack::compose {
namespace {

std::string scalar(const std::string& text) {
  Node map = map_node({});
  map.set("k", scalar_node(text, {}));
  return yaml_of(map).substr(3);
}

TEST(YamlWriter, QuotesOnlyIfNecessary) {
  struct Case {
    const char* text;
    const char* yaml;
  };
  const Case cases[] = {
      {"plain", "plain\n"},
      {"", "\"\"\n"},
      {"two words", "two words\n"},
      {"true", "\"true\"\n"},
      {"yes", "\"yes\"\n"},
      {"n", "\"n\"\n"},
      {"null", "\"null\"\n"},
      {"~", "\"~\"\n"},
      {"5", "\"5\"\n"},
      {"0x1F", "\"0x1F\"\n"},
      {"1.5", "\"1.5\"\n"},
      {"1e3", "\"1e3\"\n"},
      {"1.2.3", "1.2.3\n"},
      {"22:22", "\"22:22\"\n"},
      {"80:80", "80:80\n"},
      {"2024-01-01", "\"2024-01-01\"\n"},
      {"<<", "\"<<\"\n"},
      {"a: b", "'a: b'\n"},
      {"a:b", "a:b\n"},
      {"a #b", "'a #b'\n"},
      {"a#b", "a#b\n"},
      {"#a", "'#a'\n"},
      {"- a", "'- a'\n"},
      {"-a", "-a\n"},
      {"-", "'-'\n"},
      {"[a", "'[a'\n"},
      {"{a}", "'{a}'\n"},
      {"*a", "'*a'\n"},
      {"&a", "'&a'\n"},
      {"!a", "'!a'\n"},
      {"|", "'|'\n"},
      {">a", "'>a'\n"},
      {"%a", "'%a'\n"},
      {"@a", "'@a'\n"},
      {"`a", "'`a'\n"},
      {"'a'", "'''a'''\n"},
      {"\"a\"", "'\"a\"'\n"},
      {" a", "' a'\n"},
      {"a ", "'a '\n"},
      {"a:", "'a:'\n"},
      {"?a", "?a\n"},
      {"a\tb", "\"a\\tb\"\n"},
      {"a, b [c]", "a, b [c]\n"},
      {"---", "'---'\n"},
      {"gr\u00fc\u00df", "gr\u00fc\u00df\n"},
      {"\U0001F600", "\"\\U0001F600\"\n"},
      {"a\x01", "\"a\\x01\"\n"},
      {"a\\b", "a\\b\n"},
      {"a\nb", "|-\n  a\n  b\n"},
      {"a\nb\n", "|\n  a\n  b\n"},
      {"a\n\n", "|+\n  a\n\n"},
      {" a\nb", "|2-\n   a\n  b\n"},
      {"a \nb", "\"a \\nb\"\n"},
  };
  for (const Case& one : cases) EXPECT_EQ(scalar(one.text), one.yaml) << one.text;
}

TEST(YamlWriter, LongKeysHaveTheirOwnIndicator) {
  Node map = map_node({});
  map.set(std::string(129, 'k'), scalar_node("v", {}));
  EXPECT_EQ(yaml_of(map), "? " + std::string(129, 'k') + "\n: v\n");
}

TEST(YamlWriter, JsonEscapesLikeGo) {
  EXPECT_EQ(indented_json_of(scalar_node("<a>&\"\\\n\t\x01\u2028", {})),
            R"("\u003ca\u003e\u0026\"\\\n\t\u0001\u2028")");
  EXPECT_EQ(indented_json_of(plain_node("0x1F", {})), "31");
  EXPECT_EQ(indented_json_of(plain_node(".inf", {})), "\".inf\"");
  EXPECT_EQ(indented_json_of(map_node({})), "{}");
  EXPECT_EQ(indented_json_of(list_node({})), "[]");
}

}  // namespace
}  // namespace stack::compose
