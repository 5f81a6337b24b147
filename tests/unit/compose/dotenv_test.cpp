#include "orchestrator/compose/dotenv.h"

#include "fixture.h"

namespace stack::compose {
namespace {

struct Outcome {
  std::map<std::string, std::optional<std::string>> values;
  std::string errors;
  std::string warnings;
};

Outcome read(const std::string& text, bool raw = false) {
  static const std::map<std::string, std::string, std::less<>> kOuter{{"OUT", "outer"},
                                                                      {"FIRST", "from outside"}};
  Lookup lookup = [](std::string_view name) -> const std::string* {
    auto found = kOuter.find(name);
    return found == kOuter.end() ? nullptr : &found->second;
  };
  Sources sources;
  Report report(sources);
  uint32_t file = sources.add("x.env", "/x.env", "/", text);
  Outcome out;
  for (DotenvLine& line :
       raw ? parse_raw_env(sources, file, lookup, report) : parse_dotenv(sources, file, lookup, report))
    out.values[line.name] = line.value;
  out.errors = render(report.take_errors(), false);
  out.warnings = render(report.take_warnings(), false);
  return out;
}

std::string value(const std::string& text) {
  Outcome out = read(text);
  EXPECT_EQ(out.errors, "") << text;
  EXPECT_EQ(out.values.size(), 1u) << text;
  if (out.values.size() != 1) return "?";
  return out.values.begin()->second.value_or("<none>");
}

TEST(Dotenv, UnquotedValuesEndAtACommentAndAreTrimmed) {
  EXPECT_EQ(value("A=b"), "b");
  EXPECT_EQ(value("A= b c  "), "b c");
  EXPECT_EQ(value("A=b # note"), "b");
  EXPECT_EQ(value("A=b#c"), "b#c");
  EXPECT_EQ(value("A=# note"), "# note");
  EXPECT_EQ(value("A=b\t# note"), "b\t# note");
  EXPECT_EQ(value("A="), "");
  EXPECT_EQ(value("  A  =  b"), "b");
  EXPECT_EQ(value("A: b"), "b");
  EXPECT_EQ(value("export A=b"), "b");
  EXPECT_EQ(value("A=b\r\n"), "b");
  EXPECT_EQ(value("\xEF\xBB\xBF"
                  "A=b"),
            "b");
  EXPECT_EQ(value("A=http://x/?a=1&b=2"), "http://x/?a=1&b=2");
  EXPECT_EQ(value("A.b-c[0]=x"), "x");
}

TEST(Dotenv, SingleQuotesAreLiteral) {
  EXPECT_EQ(value("A='$OUT \\n # x'"), "$OUT \\n # x");
  EXPECT_EQ(value("A='it\\'s'"), "it's");
  EXPECT_EQ(value("A='one\ntwo'"), "one\ntwo");
  EXPECT_EQ(value("A='b' # note"), "b");
}

TEST(Dotenv, DoubleQuotesHaveEscapesAndVariables) {
  EXPECT_EQ(value("A=\"one\\ntwo\""), "one\ntwo");
  EXPECT_EQ(value("A=\"one\ntwo\""), "one\ntwo");
  EXPECT_EQ(value("A=\"say \\\"x\\\"\""), "say \"x\"");
  EXPECT_EQ(value("A=\"\\t\\\\ \\x41 \\101\""), "\t\\ \\x41 \\101");
  EXPECT_EQ(value("A=\"\\0101\""), "A");
  EXPECT_EQ(value("A=\"<${OUT}>\""), "<outer>");
  EXPECT_EQ(value("A=\"\\$OUT\""), "$OUT");
  EXPECT_EQ(value("A=\"a\\c\""), "a\\c");
}

TEST(Dotenv, TheNextStatementMayFollowAClosingQuote) {
  Outcome out = read("A=\"b\" B=2\nC='c' OUT # note\nD='d'# note\n");
  EXPECT_EQ(out.values["A"], "b");
  EXPECT_EQ(out.values["B"], "2");
  EXPECT_EQ(out.values["OUT"], "outer");
  EXPECT_EQ(out.values["D"], "d");
  EXPECT_EQ(read("A='it''s'\n").errors,
            "x.env:1:7: unexpected \"'\" in a variable name\n  write NAME=value\n");
}

TEST(Dotenv, VariablesComeFromOutsideThenFromEarlierLines) {
  Outcome out = read("FIRST=here\nB=$FIRST\nC=x\nD=${C}y\nE=${NONE:-d}\n");
  EXPECT_EQ(out.values["B"], "from outside");
  EXPECT_EQ(out.values["D"], "xy");
  EXPECT_EQ(out.values["E"], "d");
}

TEST(Dotenv, NameAloneUsesTheOutsideValue) {
  Outcome out = read("OUT\nNONE\nA=1");
  EXPECT_EQ(out.values["OUT"], "outer");
  EXPECT_EQ(out.values["NONE"], std::nullopt);
  EXPECT_EQ(out.values["A"], "1");
}

TEST(Dotenv, ErrorsNameLineAndColumn) {
  EXPECT_EQ(read("A=1\nB C=2\n").errors,
            "x.env:2:1: a variable name cannot contain a space\n  write NAME=value\n");
  EXPECT_EQ(read("A=1\n\nB=\"open\n").errors, "x.env:3:3: unclosed quoted value\n");
  EXPECT_EQ(read("=x\n").errors, "x.env:1:1: unexpected \"=\" in a variable name\n  write NAME=value\n");
  expect_contains(read("A=${\n").errors, "x.env:1:1: invalid interpolation");
  expect_contains(read("A=${NONE:?need}\n").errors, "required variable NONE is missing a value: need");
}

TEST(Dotenv, UnsetVariableCausesAWarningWithItsLine) {
  EXPECT_EQ(read("A=1\nPASSWORD=pa$ss\n").warnings,
            "x.env:2:1: warning: variable \"ss\" is not set; using an empty string\n"
            "  use single quotes for a literal $\n");
}

TEST(Dotenv, CommentsAndBlankLinesAreSkipped) {
  Outcome out = read("# one\n\n   # two\nA=1\n#B=2");
  EXPECT_EQ(out.values.size(), 1u);
}

TEST(RawEnvFile, NothingIsQuotedOrExpanded) {
  Outcome out = read("# c\nA=\"x\" # y\nB=$OUT\nOUT\nC=\n", true);
  EXPECT_EQ(out.values["A"], "\"x\" # y");
  EXPECT_EQ(out.values["B"], "$OUT");
  EXPECT_EQ(out.values["OUT"], "outer");
  EXPECT_EQ(out.values["C"], "");
  EXPECT_EQ(read("A B=1\n", true).errors, "x.env:1:1: a variable name cannot contain a space\n");
}

TEST_F(ComposeTest, DotEnvFeedsInterpolation) {
  write(".env", "TAG=1.10\n");
  EXPECT_EQ(project("services:\n  web: {image: \"a:$TAG\"}\n").services["web"].image, "a:1.10");
  options.environment["TAG"] = "real";
  EXPECT_EQ(project().services["web"].image, "a:real");
}

TEST_F(ComposeTest, EnvFileOptionReplacesDotEnv) {
  write(".env", "TAG=dot\nX=dot\n");
  write("one.env", "TAG=one\nU=1\n");
  write("two.env", "TAG=two\n");
  write("compose.yaml", "services:\n  web: {image: \"a:$TAG-${X:-none}-$U\"}\n");
  options.env_files = {"one.env", "two.env"};
  EXPECT_EQ(project().services["web"].image, "a:two-none-1");
  options.env_files.clear();
  options.environment["COMPOSE_ENV_FILES"] = "two.env,one.env";
  EXPECT_EQ(project().services["web"].image, "a:one-none-1");
  options.env_files = {"missing.env"};
  expect_contains(errors(), "environment file missing.env not found");
}

TEST_F(ComposeTest, DotEnvCanBeDisabled) {
  write(".env", "TAG=dot\n");
  options.environment["COMPOSE_DISABLE_ENV_FILE"] = "1";
  EXPECT_EQ(project("services:\n  web: {image: \"a:${TAG:-none}\"}\n").services["web"].image, "a:none");
}

TEST_F(ComposeTest, DotEnvComesFromTheFirstFilesDirectory) {
  write(".env", "A=here\nB=here\n");
  write("sub/.env", "A=there\n");
  write("sub/compose.yaml", "services:\n  web: {image: \"$A-${B:-none}\"}\n");
  options.files = {"sub/compose.yaml"};
  EXPECT_EQ(project().services["web"].image, "there-none");
}

TEST_F(ComposeTest, DotEnvOfTheProjectDirectoryAddsMissingVariables) {
  write(".env", "A=here\n");
  write("sub/.env", "A=there\nB=there\n");
  write("sub/compose.yaml", "services:\n  web: {image: \"$A-$B\"}\n");
  options.environment["COMPOSE_FILE"] = "sub/compose.yaml";
  EXPECT_EQ(project().services["web"].image, "here-there");
}

TEST_F(ComposeTest, MistakeInDotEnvIsReportedWithItsLine) {
  write(".env", "A=1\nB=\"x\n");
  expect_contains(errors("services:\n  web: {image: a}\n"), ".env:2:3: unclosed quoted value");
}

// --- env_file and label_file

TEST_F(ComposeTest, EnvFileIsFoldedUnderTheEnvironment) {
  write("a.env", "A=file\nB=file\nC=${OUTSIDE}\n");
  write("b.env", "B=second\n");
  options.environment["OUTSIDE"] = "o";
  Service s = web("    env_file: [a.env, b.env]\n    environment: {A: own}\n");
  EXPECT_EQ(s.environment, (Environment{{"A", "own"}, {"B", "second"}, {"C", "o"}}));
}

TEST_F(ComposeTest, EnvFileAcceptsThreeForms) {
  write("a.env", "A=$X\n");
  EXPECT_EQ(web("    env_file: a.env\n").environment.at("A"), "");
  EXPECT_EQ(web("    env_file: [{path: ./a.env}]\n").environment.at("A"), "");
  EXPECT_EQ(web("    env_file: [{path: a.env, format: raw}]\n").environment.at("A"), "$X");
  EXPECT_TRUE(web("    env_file: [{path: none.env, required: false}]\n").environment.empty());
  expect_contains(web_errors("    env_file: none.env\n"), "compose.yaml:4:15: env file none.env not found");
  expect_contains(web_errors("    env_file: [{path: a.env, format: json}]\n"),
                  "unknown env_file format \"json\"");
}

TEST_F(ComposeTest, EnvFileSeesTheServicesOwnEnvironment) {
  write("a.env", "URL=http://$HOST/\n");
  EXPECT_EQ(web("    env_file: a.env\n    environment: [HOST=db]\n").environment.at("URL"), "http://db/");
}

TEST_F(ComposeTest, VariablesInEnvFilesComeFromTheNearestEarlierLine) {
  write("one.env", "B=1\nS=one\n");
  write("two.env", "BEFORE=${B}\nB=2\nAFTER=${B}\nOUTER=file\nO=${OUTER}\nOWN=${S}\n");
  options.environment["OUTER"] = "shell";
  Service s = web("    env_file: [one.env, two.env]\n    environment: {S: service}\n");
  EXPECT_EQ(s.environment["BEFORE"], "1");
  EXPECT_EQ(s.environment["AFTER"], "2");
  EXPECT_EQ(s.environment["O"], "shell");
  EXPECT_EQ(s.environment["OWN"], "service");
}

TEST_F(ComposeTest, EnvFileOfAnUnusedServiceIsNotRead) {
  project("services:\n  web: {image: a}\n  x: {image: a, profiles: [x], env_file: none.env}\n");
}

TEST_F(ComposeTest, LabelFileIsFoldedUnderTheLabels) {
  write("l", "a=file\nb=file\n");
  EXPECT_EQ(web("    label_file: l\n    labels: {a: own}\n").labels,
            (StringMap{{"a", "own"}, {"b", "file"}}));
  expect_contains(web_errors("    label_file: [none]\n"), "file none not found");
}

}  // namespace
}  // namespace stack::compose
