#include "fixture.h"
#include "orchestrator/compose/interpolate.h"

namespace stack::compose {
namespace {

struct Expect {
  const char* template_text;
  const char* result;
};

Expansion expand_with(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  return expand(text, [&](std::string_view name) -> const std::string* {
    auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  });
}

const std::map<std::string, std::string, std::less<>> kValues{{"FOO", "foo"}, {"EMPTY", ""}, {"BAR", "bar"}};

TEST(Interpolation, EveryFormHasItsValue) {
  const Expect table[] = {
      {"plain", "plain"},
      {"$FOO", "foo"},
      {"${FOO}", "foo"},
      {"$FOO-bar", "foo-bar"},
      {"a${FOO}b$BAR", "afoobbar"},
      {"${EMPTY:-d}", "d"},
      {"${EMPTY-d}", ""},
      {"${NONE-d}", "d"},
      {"${NONE:-d}", "d"},
      {"${FOO:-d}", "foo"},
      {"${FOO:+alt}", "alt"},
      {"${EMPTY:+alt}", ""},
      {"${EMPTY+alt}", "alt"},
      {"${NONE+alt}", ""},
      {"${FOO:?no}", "foo"},
      {"${EMPTY?no}", ""},
      {"$$FOO", "$FOO"},
      {"$${FOO}", "${FOO}"},
      {"$$$FOO", "$foo"},
      {"^RE$", "^RE$"},
      {"a $ b", "a $ b"},
      {"$1 $} $", "$1 $} $"},
      {"${NONE:-${FOO}}", "foo"},
      {"${NONE:-${NONE2:-${BAR}}}", "bar"},
      {"${NONE:-a${FOO}b}", "afoob"},
      {"${NONE:-{\"json\":1}}", "{\"json\":1}"},
      {"${NONE:-}", ""},
      {"${NONE:-a:-b}", "a:-b"},
      {"${NONE:-a?b}", "a?b"},
      {"ok:-ko ${BAR-d}", "ok:-ko bar"},
      {"${BAR:-d} :?tail", "bar :?tail"},
      {"${NONE:-line one\nline two}", "line one\nline two"},
  };
  for (const Expect& one : table) {
    Expansion expansion = expand_with(one.template_text, kValues);
    EXPECT_EQ(expansion.text, one.result) << one.template_text;
    EXPECT_FALSE(expansion.malformed || expansion.missing) << one.template_text;
  }
}

TEST(Interpolation, WrongFormsAreMalformed) {
  for (const char* text :
       {"${", "${}", "${ FOO}", "${FOO }", "${FOO!}", "${FOO:}", "${FOO:=x}", "${FOO", "${FOO:-x", "${1A}"})
    EXPECT_TRUE(expand_with(text, kValues).malformed) << text;
}

TEST(Interpolation, RequiredVariableCarriesItsMessage) {
  EXPECT_EQ(expand_with("${NONE:?please ${FOO}}", kValues).missing,
            "required variable NONE is missing a value: please foo");
  EXPECT_EQ(expand_with("${EMPTY:?m}", kValues).missing, "required variable EMPTY is missing a value: m");
  EXPECT_EQ(expand_with("${NONE?}", kValues).missing, "required variable NONE is missing a value");
}

TEST(Interpolation, UnusedWordsAreNotExpanded) {
  EXPECT_TRUE(expand_with("${NONE:+${OTHER}}", kValues).unset.empty());
  EXPECT_TRUE(expand_with("${FOO:-${OTHER:?x}}", kValues).unset.empty());
  EXPECT_FALSE(expand_with("${FOO:-${OTHER:?x}}", kValues).missing);
  EXPECT_EQ(expand_with("${FOO:+${OTHER}}", kValues).unset, std::vector<std::string>{"OTHER"});
}

TEST(Interpolation, EndlessNestingIsRejected) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += "${N:-";
  text += std::string(10000, '}');
  EXPECT_TRUE(expand_with(text, kValues).malformed);
}

TEST(Interpolation, MentionedVariablesIncludeUnusedWords) {
  MentionedVariables uses;
  note_mentioned_variables("$A ${B:-${C}} ${D:?m} ${E:+alt} $$F", uses);
  ASSERT_EQ(uses.size(), 5u);
  EXPECT_EQ(uses["B"].fallback, "${C}");
  EXPECT_TRUE(uses.contains("C"));
  EXPECT_TRUE(uses["D"].required);
  EXPECT_EQ(uses["E"].alternative, "alt");
}

TEST_F(ComposeTest, UnsetVariableWarnsOnceWithItsPosition) {
  project("services:\n  web:\n    image: a$NONE\n    user: $NONE\n");
  EXPECT_EQ(warnings,
            "compose.yaml:3:12: warning: variable \"NONE\" is not set; using an empty string\n"
            "  set it, or write ${NONE:-default}\n");
}

TEST_F(ComposeTest, WarningsAreShownWithErrors) {
  write("compose.yaml", "services:\n  web:\n    image: a\n    ports: [\"$NONE:x\"]\n");
  auto loaded = load(options);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 2u);
  EXPECT_EQ(loaded.error()[0].message, "variable \"NONE\" is not set; using an empty string");
  EXPECT_EQ(loaded.error()[1].severity, Severity::Error);
}

TEST_F(ComposeTest, RequiredVariableOfAnUnusedServiceDoesNotFail) {
  write("compose.yaml", R"(
services:
  web: {image: a}
  debug: {image: "${DEBUG_IMAGE:?set it}", profiles: [debug], ports: ["${P:?}:80"], environment: ["A=${Q:?}"]}
  other: {image: "${OTHER:?}"}
)");
  options.services = {"web"};
  EXPECT_EQ(project().services.size(), 1u);
  options.services = {"debug"};
  std::string text = errors();
  expect_contains(text, "required variable DEBUG_IMAGE is missing a value: set it");
  expect_contains(text, "required variable P is missing a value");
  expect_contains(text, "required variable Q is missing a value");
}

TEST_F(ComposeTest, OverriddenRequiredVariableDoesNotFail) {
  write("base.yaml", "services:\n  web: {image: \"${NONE:?x}\"}\n");
  write("over.yaml", "services:\n  web: {image: b}\n");
  options.files = {"base.yaml", "over.yaml"};
  EXPECT_EQ(project().services["web"].image, "b");
}

TEST_F(ComposeTest, KeysAreNotInterpolated) {
  options.environment["K"] = "v";
  EXPECT_TRUE(web("    environment: {\"$K\": x}\n").environment.contains("$K"));
  EXPECT_EQ(web("    environment: [\"$K=x\"]\n").environment.at("v"), "x");
}

TEST_F(ComposeTest, InterpolatedTextGetsTheAttributesType) {
  options.environment = {{"YES", "true"}, {"N", "3"}, {"SIZE", "64m"}, {"PORTS", "8080:80"}};
  Service s = web("    privileged: ${YES}\n    scale: ${N}\n    mem_limit: $SIZE\n    ports: [\"$PORTS\"]\n");
  EXPECT_TRUE(s.privileged);
  EXPECT_EQ(s.scale, 3);
  EXPECT_EQ(s.mem_limit.bytes, 64 << 20);
  EXPECT_EQ(s.ports.at(0).published, "8080");
}

TEST_F(ComposeTest, MalformedInterpolationNamesThePosition) {
  expect_contains(web_errors("    user: \"${\"\n"), "compose.yaml:4:11: invalid interpolation in \"${\"");
}

TEST_F(ComposeTest, ProjectNameCanBeInterpolated) {
  EXPECT_EQ(web("    container_name: ${COMPOSE_PROJECT_NAME}-x\n").container_name, "p-x");
}

TEST_F(ComposeTest, NoInterpolateKeepsTheText) {
  options.no_interpolate = true;
  std::string text = config("services:\n  web:\n    image: a:${TAG}\n    ports: [\"${PORT:?x}:80\"]\n");
  expect_contains(text, "image: a:${TAG}\n");
  expect_contains(text, "- ${PORT:?x}:80\n");
}

TEST_F(ComposeTest, VariablesTableListsAllVariables) {
  write("compose.yaml", "services:\n  web:\n    image: ${A:-one}\n    user: ${B:?}\n    hostname: ${C:+x}\n");
  options.environment["B"] = "b";
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(variables_table(*loaded),
            "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n"
            "A                   false               one                 \n"
            "B                   true                                    \n"
            "C                   false                                   x\n");
}

}  // namespace
}  // namespace stack::compose
