// Faulty and very large YAML.
#include "fixture.h"

namespace stack::compose {
namespace {

TEST_F(ComposeTest, SyntaxErrorsNameThePosition) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"services:\n\tweb:\n",
       "compose.yaml:2:1: YAML syntax: a tab in the indentation\n  indent with spaces\n"},
      {"services:\n  web:\n    image: a: b\n",
       "compose.yaml:3:13: YAML syntax: a mapping is not allowed here\n  quote a value that contains \": "
       "\"\n"},
      {"services:\n  web:\n    image: a\n   build: b\n",
       "compose.yaml:4:4: YAML syntax: unexpected indentation or text\n"
       "  check that the keys of one mapping start in the same column\n"},
      {"services:\n  web:\n    image: \"a\n", "compose.yaml:3:12: YAML syntax: unclosed quoted text\n"},
      {"services:\n  web:\n    image: 'it''s\n", "compose.yaml:3:12: YAML syntax: unclosed quoted text\n"},
      {"services:\n  web:\n    image: *a\n",
       "compose.yaml:3:12: YAML syntax: the alias refers to an undefined anchor\n"},
      {"services:\n  web:\n    image: @a\n",
       "compose.yaml:3:12: YAML syntax: a value cannot start with this character\n  quote the value\n"},
      {"services:\n  web: {image: a\n",
       "compose.yaml:2:8: YAML syntax: { is not closed\n  parsing stopped on line 3\n"},
      {"services:\n  web:\n    image: a\n    ports: [\"1:1\",\n      \"2:2\"\n    command: x\n",
       "compose.yaml:4:12: YAML syntax: [ is not closed\n  parsing stopped on line 6\n"},
      {",", "compose.yaml:1:1: YAML syntax: unexpected text\n  quote the value\n"},
      {"services:\n  web: {ports: [a]]}\n",
       "compose.yaml:2:19: YAML syntax: unmatched } or ]\n  quote the value\n"},
  };
  for (const Case& one : cases) EXPECT_EQ(errors(one.text), one.error) << one.text;
}

TEST_F(ComposeTest, BinaryIsBase64OfText) {
  options.files = {"compose.yaml"};
  write("compose.yaml",
        "services: {web: {image: a, labels: {x: !!binary aGVsbG8=, y: !!binary \"aMOp bGxv\"}}}\n");
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->project.services.at("web").labels.at("x"), "hello");
  EXPECT_EQ(loaded->project.services.at("web").labels.at("y"), "h\u00e9llo");
  EXPECT_EQ(errors("services: {web: {image: a, labels: {x: !!binary a$}}}\n"),
            "compose.yaml:1:40: the value of !!binary is not valid base64\n");
  expect_contains(errors("services: {web: {image: a, labels: {x: !!binary /w==}}}\n"), "is not text");
}

TEST_F(ComposeTest, DuplicateKeysAreAllReported) {
  EXPECT_EQ(errors("services:\n  web:\n    image: a\n    image: b\n  web:\n    image: c\n"),
            "compose.yaml:4:5: the key \"image\" is already defined on line 3\n"
            "compose.yaml:5:3: the key \"web\" is already defined on line 2\n");
}

TEST_F(ComposeTest, KeysMustBeStrings) {
  EXPECT_EQ(errors("services:\n  web: {image: a}\n  5: {image: a}\n  true: {image: a}\n"),
            "compose.yaml:3:3: the key 5 is not a string\n  quote it: \"5\"\n"
            "compose.yaml:4:3: the key true is not a string\n  quote it: \"true\"\n");
  expect_contains(errors("services:\n  ? [a]\n  : {image: a}\n"), "a key must be a string");
}

TEST_F(ComposeTest, EmptyFilesAndOtherTopLevelTypesAreRejected) {
  EXPECT_EQ(errors(""), "compose.yaml: the compose file is empty\n");
  EXPECT_EQ(errors("# nothing\n"), "compose.yaml: the compose file is empty\n");
  EXPECT_EQ(errors("hello\n"), "compose.yaml:1:1: expected a mapping at the top level, found \"hello\"\n");
  EXPECT_EQ(errors("name: x\n"), "the project has no services\n");
}

// Control characters could control the terminal.
TEST_F(ComposeTest, MessagesContainNoControlCharacters) {
  for (const char* key : {"p\\e[31mrt", "p\\x9b31mrt", "p\\art"}) {
    std::string text = errors("services:\n  web: {image: a, \"" + std::string(key) + "\": 1}\n");
    EXPECT_NE(text.find("p\xEF\xBF\xBD"), std::string::npos) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\xC2\x9B"), std::string::npos);
    EXPECT_EQ(text.find('\a'), std::string::npos);
  }
  std::string raw = "services:\n  w\xff\x1b[31m: {}\n";
  write("compose.yaml", raw);
  auto loaded = load(options);
  ASSERT_FALSE(loaded);
  std::string shown = render(loaded.error());
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  EXPECT_EQ(shown.find('\xff'), std::string::npos);
}

TEST_F(ComposeTest, NonTextBytesAreRejected) {
  EXPECT_EQ(errors("services:\n  web: {image: \"\xff\"}\n"),
            "compose.yaml:2:17: the file is not valid UTF-8\n");
  EXPECT_EQ(errors(std::string("services:\n  w\x04: {}\n")),
            "compose.yaml:2:4: control character 4 is not allowed in YAML\n");
  EXPECT_EQ(errors(std::string("services:\n  w\0: {}\n", 18)),
            "compose.yaml:2:4: control character 0 is not allowed in YAML\n");
}

// As PowerShell writes files.
TEST_F(ComposeTest, Utf16IsRead) {
  auto encoded = [](const std::u16string& text, bool little) {
    std::string out = little ? "\xFF\xFE" : "\xFE\xFF";
    for (char16_t unit : text) {
      char low = static_cast<char>(unit & 0xff), high = static_cast<char>(unit >> 8);
      out += little ? low : high;
      out += little ? high : low;
    }
    return out;
  };
  for (bool little : {true, false}) {
    write("compose.yaml",
          encoded(u"services:\r\n  web:\r\n    image: a\r\n    labels: {k: \"\u00e4\u20ac\U0001F600\"}\r\n",
                  little));
    auto loaded = load(options);
    ASSERT_TRUE(loaded) << render(loaded.error());
    EXPECT_EQ(loaded->project.services.at("web").labels.at("k"), "\u00e4\u20ac\U0001F600");
  }
  EXPECT_EQ(errors(encoded(u"services:\n  w: {image: \"\xd800\"}\n", true)),
            "compose.yaml:2:15: the file is not valid UTF-8\n");
}

TEST_F(ComposeTest, ColumnsCountCharacters) {
  EXPECT_EQ(errors("services:\n  web: {image: \"gr\u00fc\u00df\", foo: 1}\n"),
            "compose.yaml:2:24: unknown key \"foo\" in services.web\n");
}

TEST_F(ComposeTest, ErrorShowsTheLineWithACaret) {
  write("compose.yaml", "services:\n  web:\n    imgae: nginx\n");
  auto loaded = load(options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(render(loaded.error().at(0)),
            "compose.yaml:3:5: unknown key \"imgae\" in services.web\n"
            "      imgae: nginx\n"
            "      ^\n"
            "  did you mean \"image\"?");
}

TEST_F(ComposeTest, AnchorsAliasesAndMergeKeysWork) {
  Project p = project(R"(
x-env: &env
  A: "1"
  B: "1"
x-more: &more {B: "2", C: "2"}
services:
  web: &web
    image: a
    environment:
      <<: [*env, *more]
      A: own
  copy:
    <<: *web
    command: run
)");
  EXPECT_EQ(p.services["web"].environment, (Environment{{"A", "own"}, {"B", "1"}, {"C", "2"}}));
  EXPECT_EQ(p.services["copy"].environment, p.services["web"].environment);
  EXPECT_EQ(p.services["copy"].command, StringList{"run"});
}

TEST_F(ComposeTest, MergeKeyAcceptsOnlyMappings) {
  expect_contains(errors("x: &x 5\nservices:\n  web:\n    <<: *x\n    image: a\n"),
                  "compose.yaml:4:5: << requires a mapping or a list of mappings, found the number 5");
}

TEST_F(ComposeTest, QuotedMergeKeyIsAnOrdinaryKey) {
  EXPECT_TRUE(web("    environment: {\"<<\": x}\n").environment.contains("<<"));
}

TEST_F(ComposeTest, AliasInsideItsOwnAnchorIsRefused) {
  expect_contains(errors("services:\n  web: &w\n    image: a\n    x-me: *w\n"),
                  "compose.yaml:4:11: an alias cannot be inside the value it refers to");
}

TEST_F(ComposeTest, AliasBombIsRefusedQuickly) {
  std::string text = "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 10; ++i) {
    std::string previous = "*a" + std::to_string(i - 1);
    text += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous;
    for (int j = 0; j < 9; ++j) text += ", " + previous;
    text += "]\n";
  }
  expect_contains(errors(text + "services: {web: {image: a}}\n"), "too many nodes created by aliases");
}

TEST_F(ComposeTest, DeepNestingIsRefused) {
  std::string text =
      "services: {web: {image: a}}\nx-deep: " + std::string(400, '[') + std::string(400, ']') + "\n";
  expect_contains(errors(text), "nested too deeply");
}

TEST_F(ComposeTest, SeveralDocumentsOverrideEachOther) {
  Project p = project("services:\n  web: {image: a, user: u}\n---\nservices:\n  web: {image: b}\n");
  EXPECT_EQ(p.services["web"].image, "b");
  EXPECT_EQ(p.services["web"].user, "u");
}

TEST_F(ComposeTest, UnknownTagIsIgnoredWithAWarning) {
  EXPECT_EQ(web("    user: !Ref x\n").user, "x");
  EXPECT_EQ(warnings, "compose.yaml:4:11: warning: the tag !Ref has no effect here and is ignored\n");
}

TEST_F(ComposeTest, TextValuesKeepTheirText) {
  Service s =
      web("    environment: {A: 1.10, B: 0123, C: 2024-01-01, D: true, E: 1e3, F: 0x1F, G: 1_000, H: 22:22, "
          "I: ~, J: \"\", K: yes}\n"
          "    labels: {v: 1.10, e: null}\n");
  EXPECT_EQ(s.environment, (Environment{{"A", "1.10"},
                                        {"B", "0123"},
                                        {"C", "2024-01-01"},
                                        {"D", "true"},
                                        {"E", "1e3"},
                                        {"F", "0x1F"},
                                        {"G", "1_000"},
                                        {"H", "22:22"},
                                        {"I", std::nullopt},
                                        {"J", ""},
                                        {"K", "yes"}}));
  EXPECT_EQ(s.labels, (StringMap{{"v", "1.10"}, {"e", ""}}));
}

TEST_F(ComposeTest, ExtensionsAreAllowedNearlyEverywhere) {
  Project p = project(R"(
x-top: {a: [1, 2.5, yes, null, true]}
services:
  web:
    image: a
    x-one: 1
    build: {context: ., x-b: 1}
    deploy: {x-d: 1, resources: {x-r: 1}}
    healthcheck: {test: x, x-h: 1}
networks: {default: {x-n: 1}}
volumes: {v: {x-v: 1}}
)");
  EXPECT_EQ(p.extensions.at("x-top"), "{\"a\":[1,2.5,\"yes\",null,true]}");
  EXPECT_EQ(p.services["web"].extensions.at("x-one"), "1");
  EXPECT_EQ(p.networks["default"].extensions.at("x-n"), "1");
}

}  // namespace
}  // namespace stack::compose
