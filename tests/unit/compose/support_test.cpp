// docs/COMPOSE-SUPPORT.md agrees with the table of attributes, and the table covers the whole
// specification.
#include <cstdlib>

#include "base/json.h"
#include "base/text.h"
#include "fixture.h"
#include "orchestrator/compose/attributes.h"

namespace stack::compose {
namespace {

constexpr const char* kBegin = "<!-- table of attributes: begin -->\n";
constexpr const char* kEnd = "<!-- table of attributes: end -->\n";

// The attribute itself, or an enclosing attribute that is ignored or refused.
const Attribute* decisive(const std::string& pattern) {
  AttributeTable::Cursor at = attributes().root();
  const Attribute* last = nullptr;
  for (const std::string& step : split(pattern, '.')) {
    at = step == "*" ? at.any() : at.child(step);
    last = at.rule() == nullptr ? last : at.rule();
    if (last != nullptr && last->support != Support::CarriedOut) return last;
  }
  return last;
}

std::string state_of(const Attribute& attribute) {
  switch (attribute.support) {
    case Support::CarriedOut:
      return "supported";
    case Support::Ignored:
      return "ignored, with a warning";
    case Support::Refused:
      break;
  }
  return "refused";
}

std::string expected_table() {
  std::string out = "| attribute | state | note |\n|---|---|---|\n";
  for (const auto& row : attribute_rows()) {
    const Attribute* attribute = decisive(row.pattern);
    out +=
        "| `" + std::string(row.pattern) + "` | " + state_of(*attribute) + " | " + attribute->note + " |\n";
  }
  return out;
}

// STACK_UPDATE_DOCS=1 writes the table instead of comparing it.
TEST(ComposeSupport, DocumentAgreesWithTheTable) {
  std::string file = std::string(STACK_SOURCE_DIR) + "/docs/COMPOSE-SUPPORT.md";
  auto text = read_file(file);
  ASSERT_TRUE(text) << text.error().text();
  size_t begin = text->find(kBegin);
  size_t end = text->find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  begin += std::string_view(kBegin).size();
  if (std::getenv("STACK_UPDATE_DOCS") != nullptr) {
    ASSERT_TRUE(write_file(file, text->substr(0, begin) + expected_table() + text->substr(end)));
    return;
  }
  EXPECT_EQ(text->substr(begin, end - begin), expected_table()) << "run this test with STACK_UPDATE_DOCS=1";
}

// Walks the specification's JSON schema and looks up every attribute.
class SchemaWalk {
 public:
  explicit SchemaWalk(const Json& schema) : schema_(schema) {}

  void walk(const Json& node, const AttributeTable::Cursor& at, const std::string& path, int depth) {
    if (depth > 24 || !node.is_object()) return;
    if (node.contains("$ref")) {
      std::string reference = node["$ref"];
      const char* definitions = schema_.contains("$defs") ? "$defs" : "definitions";
      walk(schema_.at(definitions).at(reference.substr(reference.rfind('/') + 1)), at, path, depth + 1);
      return;
    }
    for (const char* choice : {"oneOf", "anyOf"})
      if (node.contains(choice))
        for (const Json& one : node[choice]) walk(one, at, path, depth + 1);
    if (node.contains("properties"))
      for (const auto& [name, child] : node["properties"].items()) look_up(child, at, path, name, depth);
    if (node.contains("patternProperties"))
      for (const auto& [pattern, child] : node["patternProperties"].items())
        if (pattern != "^x-" && at.has_any()) walk(child, at.any(), path + ".*", depth + 1);
    if (node.contains("items") && at.has_any()) walk(node["items"], at.any(), path + ".*", depth + 1);
  }

  size_t found = 0;
  std::vector<std::string> unknown;

 private:
  void look_up(const Json& child, const AttributeTable::Cursor& at, const std::string& path,
               const std::string& name, int depth) {
    std::string full = path.empty() ? name : path + "." + name;
    AttributeTable::Cursor below = at.child(name);
    if (below.rule() == nullptr) {
      unknown.push_back(full);
      return;
    }
    ++found;
    walk(child, below, full, depth + 1);
  }

  const Json& schema_;
};

TEST(ComposeSupport, EveryAttributeOfTheSpecificationIsKnown) {
  std::string file = std::string(STACK_SOURCE_DIR) + "/tests/data/compose-spec.schema.json";
  auto schema = parse_json(read_file(file).value_or(""));
  ASSERT_TRUE(schema);
  SchemaWalk walk(*schema);
  walk.walk(*schema, attributes().root(), "", 0);
  EXPECT_EQ(walk.unknown, std::vector<std::string>{});
  EXPECT_GT(walk.found, 250u);
}

}  // namespace
}  // namespace stack::compose
