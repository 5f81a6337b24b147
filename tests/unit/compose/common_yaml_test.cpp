// The fast reader against yaml-cpp: both must agree on every text that the fast reader accepts.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/files.h"
#include "full_example.h"
#include "yaml_events.h"

namespace stack::compose {
namespace {

void expect_alike(const std::string& text) {
  std::string ours = events_of_common_yaml(text);
  if (ours.empty()) return;
  ASSERT_EQ(ours, events_of_yaml_cpp(text)) << text;
}

void expect_read_alike(const std::string& text) {
  EXPECT_FALSE(events_of_common_yaml(text).empty()) << "left to yaml-cpp:\n" << text;
  expect_alike(text);
}

TEST(CommonYaml, ReadsUsualComposeFiles) {
  const char* texts[] = {
      "a: b\n",
      "a: b",
      "---\na: b\n",
      "# first\n\n---\n# second\na: b # third\n\n# last",
      "a:\n  b:\n    c: d\n  e: f\ng:\n",
      "a:\n- b\n- c: d\n  e:\n  - f\n  -   g: h\n      i: j\nk: l\n",
      "a:\n  - - b\n    - c\n  - d\n",
      "a: ~\nb: null\nc:\nd: ''\n",
      "a: \"x \\\"y\\\" \\\\ \\n\" # c\n'b': 'it''s # not'\n\"c d\": e\n",
      "a: http://x:80/y#z\nb: a#b\nc: -x\nd: --y\ne: .5\nf: ${A:-b}\ng: 10:20\n",
      "a: [b, \"c\", 'd e', 80:80, f g, null]\nb: []\nc: {}\nd: {e: f, \"g\": [h, {i: j}]} # k\n",
      "x: &a\n  b: c\ny: &d e\nz:\n  <<: *a\n  f: *d\n  g: [*d, *a]\nw:\n  <<: [*a]\nv: &a [h]\n",
      "a: |\n  b\n    c\n\n  d # e\n\nf: |-\n  g\nh:\n  - |\n    i\n  - j\n",
      "a:\n    b: c\n    # d\n      # e\n# f\n    g: h\n",
      "ä: ö\nb: \"ü\" # ß\n",
  };
  for (const char* text : texts) expect_read_alike(text);
}

TEST(CommonYaml, LeavesUncertainTextToYamlCpp) {
  const char* texts[] = {
      "",
      "# a\n",
      "a\n",
      "- a\n",
      "a: b: c\n",
      "a: b\n  c\n",
      "a: >\n  b\n",
      "a: !!str b\n",
      "a: *b\n",
      "? a\n: b\n",
      "a:\tb\n",
      "a: 'b\n  c'\n",
      "a: [b,\n c]\n",
      "a: b\r\n",
      "%YAML 1.2\n",
      "a: b\n---\nc: d\n",
      "a: [b\n",
      "a: {b\n",
      "a: \"b\n",
      "a: b\n c: d\n",
      "a: - b\n",
      "a: @b\n",
      "--- a: b\n",
      "a: \"\\x41\"\n",
      "a: |+\n  b\n",
      "a: [b: c]\n",
      "a: {b, c: d}\n",
      "a:\n  -\n",
      "a: [,]\n",
      "a : b\n",
      "null: b\n",
  };
  for (const char* text : texts) EXPECT_EQ(events_of_common_yaml(text), "") << text;
}

TEST(CommonYaml, AgreesOnEveryExample) {
  int read = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(STACK_SOURCE_DIR "/compose-examples")) {
    std::string extension = file.path().extension();
    if (extension != ".yml" && extension != ".yaml") continue;
    auto text = read_file(file.path());
    ASSERT_TRUE(text);
    expect_alike(*text);
    ++read;
  }
  EXPECT_GT(read, 3);
}

// Random lines of YAML elements.
TEST(CommonYaml, AgreesOnRandomText) {
  const char* pieces[] = {
      "a: ",  "b:",    "c",    "- ",       "-",         "\n",     "\n  ",  "\n    ",     "\n",  "\n ", "# d",
      " #",   "\"e\"", "'f'",  "[",        "]",         "{",      "}",     ", ",         ": ",  "&g",  " &g ",
      "*g",   "|",     "|-",   "~",        "null",      " ",      "  ",    "\n\n",       "x y", "-z",  "''",
      "\"\"", "---\n", "k: v", "\n  h: i", "\n- ",      "\n  - ", "<<: ",  ">",          "!t ", "\\n", "é",
      "5",    ":",     "...",  "?",        "\n   j: k", "\n  l:", "\n# m", "\n      # n"};
  std::mt19937 random(20240517);
  int compared = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text = round % 2 == 0 ? "a:\n  " : "a: ";
    size_t length = 1 + random() % 12;
    for (size_t i = 0; i < length; ++i) text += pieces[random() % std::size(pieces)];
    if (random() % 3 != 0) text += '\n';
    if (!events_of_common_yaml(text).empty()) ++compared;
    ASSERT_NO_FATAL_FAILURE(expect_alike(text));
  }
  EXPECT_GT(compared, 1'000);
}

// A real file with one byte changed, removed, or inserted.
TEST(CommonYaml, AgreesOnDamagedFiles) {
  const std::string whole = kFullExample;
  const std::string bytes = " \n:-#\"'[]{},&*|>!?~ax0\\";
  std::mt19937 random(7);
  int compared = 0;
  for (int round = 0; round < 3'000; ++round) {
    // Only a part, so that both readers are faster.
    size_t begin = random() % whole.size();
    begin = whole.rfind('\n', begin);
    begin = begin == std::string::npos ? 0 : begin + 1;
    std::string text = "top:\n" + whole.substr(begin, 200 + random() % 400);
    size_t at = random() % text.size();
    char byte = bytes[random() % bytes.size()];
    switch (random() % 3) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.insert(at, 1, byte);
    }
    if (!events_of_common_yaml(text).empty()) ++compared;
    ASSERT_NO_FATAL_FAILURE(expect_alike(text));
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace stack::compose
