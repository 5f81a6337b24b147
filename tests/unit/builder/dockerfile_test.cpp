#include "images/builder/frontend/dockerfile.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace stack::builder {
namespace {

const std::string kFixtures = std::string(STACK_TEST_DATA) + "/dockerfile/parser";

std::vector<std::string> folders(const std::string& path) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) return names;
  while (dirent* entry = ::readdir(stream))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

Dockerfile parsed(std::string_view text) {
  Result<Dockerfile> file = parse_dockerfile(text, "Dockerfile");
  EXPECT_TRUE(file) << file.error().text();
  return file ? *file : Dockerfile{};
}

std::string error_of(std::string_view text) {
  Result<Dockerfile> file = parse_dockerfile(text, "Dockerfile");
  return file ? "no error" : file.error().text();
}

TEST(Dockerfile, SyntaxTreesAgreeWithTheReferenceParser) {
  std::vector<std::string> names = folders(kFixtures + "/testfiles");
  ASSERT_FALSE(names.empty()) << kFixtures;
  for (const std::string& name : names) {
    std::string folder = kFixtures + "/testfiles/" + name;
    Result<Dockerfile> file = parse_dockerfile(*read_file(folder + "/Dockerfile"), name);
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(trim(to_text(*file)), trim(*read_file(folder + "/result"))) << name;
  }
}

TEST(Dockerfile, RejectsTheSameFilesAsTheReferenceParser) {
  std::vector<std::string> names = folders(kFixtures + "/testfiles-negative");
  ASSERT_FALSE(names.empty()) << kFixtures;
  for (const std::string& name : names)
    EXPECT_FALSE(
        parse_dockerfile(*read_file(kFixtures + "/testfiles-negative/" + name + "/Dockerfile"), name))
        << name;
}

TEST(Dockerfile, LinesAreCountedThroughContinuationsAndBlankLines) {
  std::string path = kFixtures + "/testfile-line/Dockerfile";
  ASSERT_TRUE(path_exists(path)) << path;
  Dockerfile file = parsed(*read_file(path));
  ASSERT_EQ(file.instructions.size(), 3u);
  EXPECT_EQ(file.instructions[0].line, 5);
  EXPECT_EQ(file.instructions[1].line, 11);
  EXPECT_EQ(file.instructions[1].end_line, 12);
  EXPECT_EQ(file.instructions[2].line, 17);
  EXPECT_EQ(file.warnings.size(), 1u);
}

TEST(Dockerfile, UnknownInstructionIsNamedWithItsLineAndASuggestion) {
  EXPECT_EQ(error_of("FROM a\n\nRUNN echo\n"),
            "Dockerfile:3:1: unknown instruction: RUNN (did you mean RUN?)");
  EXPECT_EQ(error_of("FROM a\nZZZZZZZZZ x\n"), "Dockerfile:2:1: unknown instruction: ZZZZZZZZZ");
}

TEST(Dockerfile, ErrorsHaveThePositionOfTheirFlagOrWord) {
  Dockerfile file = parsed("FROM a\n  COPY --chown=x \\\n    --chmod=9 src dst\n");
  EXPECT_EQ(position_of(file, file.instructions[1], "--chmod: bad"), "3:5");
  EXPECT_EQ(position_of(file, file.instructions[1], "\"src\" not found"), "3:15");
  EXPECT_EQ(position_of(file, file.instructions[1], "something else"), "2:3");
  file = parsed("FROM a\nCOPY --from=nothere x y\n");
  EXPECT_EQ(position_of(file, file.instructions[1], "image nothere:latest: no"), "2:6");
}

TEST(Dockerfile, ByteOrderMarkAndCarriageReturnsAreIgnored) {
  Dockerfile file = parsed("\xEF\xBB\xBF# escape=`\r\nFROM a\r\nRUN x `\r\n y\r\n");
  EXPECT_EQ(file.escape, '`');
  EXPECT_EQ(to_text(file), "(from \"a\")\n(run \"x  y\")\n");
}

TEST(Dockerfile, DuplicateDirectiveIsAnError) {
  EXPECT_EQ(error_of("# escape=`\n# escape=`\nFROM a\n"),
            "Dockerfile:2:1: only one escape parser directive can be used");
  EXPECT_EQ(error_of("# escape=x\nFROM a\n"),
            "Dockerfile:1:1: invalid escape token 'x' does not match ` or \\");
}

TEST(Dockerfile, SyntaxDirectiveIsKeptAsAHint) {
  EXPECT_EQ(parsed("# syntax=docker/dockerfile:1\nFROM a\n").syntax, "docker/dockerfile:1");
}

TEST(Dockerfile, HeredocBodiesBelongToTheirInstruction) {
  Dockerfile file = parsed(
      "FROM a\nRUN <<EOF\necho 1\n# no comment\nEOF\nCOPY <<-\"A\" <<B /x/\n\t\tone $y\nA\ntwo\nB\nUSER u\n");
  ASSERT_EQ(file.instructions.size(), 4u);
  ASSERT_EQ(file.instructions[1].heredocs.size(), 1u);
  EXPECT_EQ(file.instructions[1].heredocs[0].content, "echo 1\n# no comment\n");
  EXPECT_TRUE(file.instructions[1].heredocs[0].expand);
  ASSERT_EQ(file.instructions[2].heredocs.size(), 2u);
  EXPECT_EQ(file.instructions[2].heredocs[0].content, "one $y\n");
  EXPECT_FALSE(file.instructions[2].heredocs[0].expand);
  EXPECT_EQ(file.instructions[2].heredocs[1].name, "B");
  EXPECT_EQ(file.instructions[3].line, 11);
}

TEST(Dockerfile, UnterminatedHeredocIsAnErrorAtItsInstruction) {
  EXPECT_EQ(error_of("FROM a\nRUN <<EOF\necho\n"), "Dockerfile:2:1: unterminated heredoc EOF");
}

TEST(Dockerfile, ShiftOperatorAndHereStringAreNotHeredocs) {
  Dockerfile file = parsed("FROM a\nRUN echo $((1 << 2)) && cat <<<x\nUSER u\n");
  ASSERT_EQ(file.instructions.size(), 3u);
  EXPECT_TRUE(file.instructions[1].heredocs.empty());
}

TEST(Dockerfile, OverlongLineIsRejected) {
  std::string text = "FROM a\nRUN " + std::string(70000, 'x') + "\n";
  EXPECT_NE(error_of(text).find("Dockerfile:2:1: line is too long"), std::string::npos) << error_of(text);
}

}  // namespace
}  // namespace stack::builder
