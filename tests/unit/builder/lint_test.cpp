#include "images/builder/frontend/lint.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace stack::builder {
namespace {

// "3 StageNameCasing, ...".
std::string found(const std::string& text, const std::string& ignore = "") {
  Result<Dockerfile> file = parse_dockerfile(text, "Dockerfile");
  EXPECT_TRUE(file) << file.error().text();
  IgnoreRules rules = *IgnoreRules::parse(ignore);
  CheckConfig config = *parse_check_config(file->check);
  std::vector<std::string> out;
  for (const SourceWarning& warning :
       lint({*file, rules, "linux/amd64", {{"TARGETPLATFORM", "linux/amd64"}}}))
    if (config_at(config, *file, warning.line).wants(warning.rule))
      out.push_back(std::to_string(warning.line) + " " + warning.rule);
  return join(out, ", ");
}

TEST(Lint, GoodFileHasNoFindings) {
  EXPECT_EQ(found("# syntax=docker/dockerfile:1\nARG V=1\nFROM alpine:${V} AS build\nWORKDIR /a\nWORKDIR "
                  "b\nENV A=1 B=2\n"
                  "EXPOSE 80/tcp\nCMD [\"x\"]\nFROM build AS last\nHEALTHCHECK CMD true\nCMD [\"y\"]\n"),
            "");
}

TEST(Lint, StageNames) {
  EXPECT_EQ(found("FROM a AS Build\n"), "1 StageNameCasing");
  EXPECT_EQ(found("FROM a as b\n"), "1 FromAsCasing");
  EXPECT_EQ(found("from a AS b\n"), "1 FromAsCasing");
  EXPECT_EQ(found("FROM a AS b\nFROM a AS B\n"), "2 StageNameCasing, 2 DuplicateStageName");
  EXPECT_EQ(found("FROM a AS scratch\n"), "1 ReservedStageName");
}

TEST(Lint, CasingFollowsTheMajority) {
  EXPECT_EQ(found("FROM a\nRUN x\nrun y\nRun z\n"),
            "3 ConsistentInstructionCasing, 4 ConsistentInstructionCasing");
  EXPECT_EQ(found("from a\nrun x\nRUN y\n"), "3 ConsistentInstructionCasing");
}

TEST(Lint, Commands) {
  EXPECT_EQ(found("FROM a\nCMD x\n"), "2 JSONArgsRecommended");
  EXPECT_EQ(found("FROM a\nENTRYPOINT x\n"), "2 JSONArgsRecommended");
  EXPECT_EQ(found("FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x\n"), "");
  EXPECT_EQ(found("FROM a\nCMD [\"x\"]\nCMD [\"y\"]\n"), "2 MultipleInstructionsDisallowed");
  EXPECT_EQ(found("FROM a\nCMD [\"x\"]\nFROM a\nCMD [\"y\"]\n"), "");
}

TEST(Lint, VariablesOfFrom) {
  EXPECT_EQ(found("ARG VERSION=1\nFROM a:${VERSOIN}\n"), "2 UndefinedArgInFrom");
  EXPECT_EQ(found("ARG V\nFROM a:${V}\n"), "2 InvalidDefaultArgInFrom");
  EXPECT_EQ(found("ARG V\nFROM a:${V:-1}\n"), "");
  EXPECT_EQ(found("FROM --platform=$TARGETPLATFORM a\n"), "1 RedundantTargetPlatform");
  EXPECT_EQ(found("FROM --platform=linux/amd64 a\n"), "1 FromPlatformFlagConstDisallowed");
  EXPECT_EQ(found("FROM --platform=$BUILDPLATFORM a\n"), "");
}

TEST(Lint, TheRest) {
  EXPECT_EQ(found("FROM a\nMAINTAINER me\n"), "2 MaintainerDeprecated");
  EXPECT_EQ(found("FROM a\nWORKDIR rel\n"), "2 WorkdirRelativePath");
  EXPECT_EQ(found("FROM a\nENV A b\nLABEL c d\n"), "2 LegacyKeyValueFormat, 3 LegacyKeyValueFormat");
  EXPECT_EQ(found("FROM a\nENV AWS_SECRET_KEY=x\nARG password\nENV PUBLIC_KEY=x MONKEY=2 TOKEN_FILE=/x\n"),
            "2 SecretsUsedInArgOrEnv, 3 SecretsUsedInArgOrEnv");
  EXPECT_EQ(found("FROM a\nRUN x \\\n\n  y\n"), "4 NoEmptyContinuation");
  EXPECT_EQ(found("FROM a\nEXPOSE 80/TCP 127.0.0.1:80:80\n"), "2 ExposeProtoCasing, 2 ExposeInvalidFormat");
  EXPECT_EQ(found("FROM a\nCOPY secret.txt other /x/\n", "secret.txt\n"), "2 CopyIgnoredFile");
  EXPECT_EQ(found("FROM a\nCOPY --from=b secret.txt /x/\n", "secret.txt\n"), "");
}

TEST(Lint, RulesAreSkippedForTheFileOrForOneInstruction) {
  EXPECT_EQ(found("# check=skip=JSONArgsRecommended\nFROM a\nCMD x\nWORKDIR rel\n"), "4 WorkdirRelativePath");
  EXPECT_EQ(found("# check=skip=all\nFROM a\nCMD x\nWORKDIR rel\n"), "");
  EXPECT_EQ(found("FROM a\n# check=skip=WorkdirRelativePath\nWORKDIR rel\nCMD x\n"), "4 JSONArgsRecommended");
  EXPECT_TRUE(parse_check_config("skip=A;error=true")->error);
  EXPECT_FALSE(parse_check_config("error=maybe"));
  EXPECT_FALSE(parse_check_config("skp=A"));
}

TEST(Lint, DescriptionsAreCheckedOnRequest) {
  std::string text = "ARG A=1\nFROM a\n# some words\nARG B=1\n# C what it is\nARG C=1\n";
  EXPECT_EQ(found(text), "");
  EXPECT_EQ(found("# check=experimental=all\n" + text), "5 InvalidDefinitionDescription");
}

}  // namespace
}  // namespace stack::builder
