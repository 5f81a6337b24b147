#include "runtime/seccomp/seccomp.h"

#include <gtest/gtest.h>
#include <linux/filter.h>

#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime {
namespace {

SeccompRequest request_for(std::string profile) {
  return {std::move(profile), {default_capabilities().begin(), default_capabilities().end()}, "6.1"};
}

// A rule with sorted names.
std::string canonical(Json rule) {
  std::set<std::string> names;
  for (const Json& name : rule["names"]) names.insert(name.get<std::string>());
  rule["names"] = names;
  rule.erase("comment");
  return to_text(rule);
}

TEST(Seccomp, DefaultProfileMatchesDockers) {
  Result<std::string> reference = read_file(STACK_TEST_DATA "/seccomp-default.json");
  ASSERT_TRUE(reference) << reference.error().text();
  Json theirs = *parse_json(*reference);
  Json ours = *parse_json(default_seccomp_profile());
  EXPECT_EQ(ours["defaultAction"], theirs["defaultAction"]);
  EXPECT_EQ(ours["defaultErrnoRet"], theirs["defaultErrnoRet"]);
  EXPECT_EQ(ours["archMap"], theirs["archMap"]);
  std::multiset<std::string> a, b;
  for (const Json& rule : ours["syscalls"]) a.insert(canonical(rule));
  for (const Json& rule : theirs["syscalls"]) b.insert(canonical(rule));
  EXPECT_EQ(a, b);
}

TEST(Seccomp, DefaultProfileCompiles) {
  Result<std::string> program = compile_seccomp(request_for(std::string(default_seccomp_profile())));
  ASSERT_TRUE(program.has_value()) << program.error().text();
  EXPECT_EQ(program->size() % sizeof(sock_filter), 0u);
  EXPECT_GT(program->size(), 100 * sizeof(sock_filter));
}

TEST(Seccomp, CapabilitiesChangeTheProgram) {
  SeccompRequest some = request_for(std::string(default_seccomp_profile()));
  SeccompRequest more = some;
  more.capabilities.insert("CAP_SYS_ADMIN");
  EXPECT_NE(*compile_seccomp(some), *compile_seccomp(more));
}

TEST(Seccomp, MistakesAreErrors) {
  auto error = [](const char* profile) {
    Result<std::string> program = compile_seccomp(request_for(profile));
    return program ? std::string("accepted") : program.error().text();
  };
  EXPECT_NE(error("{"), "accepted");
  EXPECT_EQ(error("[]"), "seccomp profile: not an object");
  EXPECT_EQ(error(R"({"defaultAction":"SCMP_ACT_MAYBE"})"), "seccomp: unknown action \"SCMP_ACT_MAYBE\"");
  EXPECT_EQ(error(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_PDP11"]})"),
            "seccomp: unknown architecture \"SCMP_ARCH_PDP11\"");
  EXPECT_EQ(
      error(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO",
                      "args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]})"),
      "seccomp: argument index 6");
  EXPECT_EQ(
      error(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO",
                      "args":[{"index":0,"value":0,"op":"SCMP_CMP_X"}]}]})"),
      "seccomp: unknown comparison \"SCMP_CMP_X\"");
  EXPECT_EQ(error(R"({"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":5})"),
            "seccomp: defaultErrnoRet is not allowed with action SCMP_ACT_ALLOW");
  EXPECT_EQ(
      error(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                      "errnoRet":1}]})"),
      "seccomp: errnoRet is not allowed with action SCMP_ACT_ALLOW");
  EXPECT_EQ(error(R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_X"]})"),
            "seccomp: unknown flag \"SECCOMP_X\"");
}

TEST(Seccomp, FlagsOfTheProfileAreRead) {
  Json profile{{"defaultAction", "SCMP_ACT_ALLOW"}};
  EXPECT_EQ(seccomp_flags(profile).value(), std::nullopt);
  profile["flags"] = Json::array();
  EXPECT_EQ(seccomp_flags(profile).value(), 0u);
  profile["flags"] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
  EXPECT_EQ(seccomp_flags(profile).value(), 2u | 4u);
}

TEST(Seccomp, NotifyIsFoundInRulesAndDefault) {
  EXPECT_FALSE(seccomp_notifies(Json{{"defaultAction", "SCMP_ACT_ALLOW"}}));
  EXPECT_TRUE(seccomp_notifies(Json{{"defaultAction", "SCMP_ACT_NOTIFY"}}));
  Json rule{{"names", {"mkdir"}}, {"action", "SCMP_ACT_NOTIFY"}};
  EXPECT_TRUE(seccomp_notifies(Json{{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", Json::array({rule})}}));
}

TEST(Seccomp, UnknownCallsAreLeftOut) {
  EXPECT_TRUE(compile_seccomp(request_for(R"({"defaultAction":"SCMP_ACT_ALLOW",
      "syscalls":[{"names":["no_such_call","read"],"action":"SCMP_ACT_ERRNO"}]})"))
                  .has_value());
}

TEST(Seccomp, CacheReturnsTheSameProgramAndSurvivesDamage) {
  TemporaryDirectory folder = std::move(*TemporaryDirectory::create("/tmp/stack-seccomp-"));
  std::string cache = folder.path() + "/cache";
  SeccompRequest request = request_for(std::string(default_seccomp_profile()));
  std::string fresh = *compile_seccomp(request);
  EXPECT_EQ(*cached_seccomp(request, cache), fresh);
  EXPECT_EQ(*cached_seccomp(request, cache), fresh);
  // Truncates every file of the cache: they are created again.
  std::string key_file;
  for (const auto& entry : std::filesystem::directory_iterator(cache)) key_file = entry.path();
  ASSERT_FALSE(key_file.empty());
  ASSERT_TRUE(write_file(key_file, read_file(key_file)->substr(0, 500)).has_value());
  EXPECT_EQ(*cached_seccomp(request, cache), fresh);
  EXPECT_GT(read_file(key_file)->size(), 500u);
}

}  // namespace
}  // namespace stack::runtime
