// runtime-spec runtime.md "Lifecycle", config.md "POSIX-platform Hooks"
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "bundle_fixture.h"

namespace stack::runtime::test {
namespace {

Json hook(const std::string& path, const std::vector<std::string>& args = {}) {
  Json out{{"path", path}};
  if (!args.empty()) out["args"] = args;
  return out;
}

// Every hook appends its name, the status, and whether it sees the host's files.
void record_all(Bundle& bundle) {
  bundle.host_script("note",
                     "status=$(/bin/grep -o '\"status\":\"[a-z]*\"')\n"
                     "host=inside; [ -e " +
                         bundle.folder() +
                         "/config.json ] && host=host\n"
                         "echo \"$1 $status $host\" >> " +
                         bundle.folder() + "/order");
  std::string note = bundle.folder() + "/note";
  for (const char* kind : {"prestart", "createRuntime", "createContainer", "poststart", "poststop"})
    bundle.spec["hooks"][kind] = Json::array({hook(note, {"note", kind})});
  bundle.spec["hooks"]["startContainer"] =
      Json::array({hook("/bin/sh", {"sh", "-c", "cat > /data/start-hook"})});
}

TEST(OciHooks, RunInOrderWithTheStateOnTheirInput) {
  Bundle bundle;
  record_all(bundle);
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.create().code, 0);
  std::string order = bundle.folder() + "/order";
  EXPECT_EQ(read_file(order).value_or(""),
            "prestart \"status\":\"creating\" host\ncreateRuntime \"status\":\"creating\" host\n"
            "createContainer \"status\":\"creating\" host\n");
  EXPECT_FALSE(path_exists(bundle.root() + "/data/start-hook")) << "startContainer ran before start";
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  Json state = parse_json(bundle.file("/data/start-hook")).value();
  EXPECT_EQ(state["status"], "created");
  EXPECT_EQ(state["id"], "box");
  EXPECT_EQ(state["pid"], 1);
  EXPECT_EQ(state["bundle"], bundle.folder());
  ASSERT_EQ(bundle.call({"delete", "-f", "box"}).code, 0);
  std::string all = read_file(order).value_or("");
  EXPECT_NE(all.find("poststart \"status\":\"running\" host\npoststop \"status\":\"stopped\" host\n"),
            std::string::npos)
      << all;
}

TEST(OciHooks, FailureBeforeTheStartEndsTheCreation) {
  for (const char* kind : {"prestart", "createRuntime", "createContainer"}) {
    Bundle bundle;
    bundle.command({"sleep", "1000"});
    bundle.spec["hooks"][kind] = Json::array({hook("/bin/false")});
    bundle.spec["hooks"]["poststop"] =
        Json::array({hook("/bin/touch", {"touch", bundle.folder() + "/poststop"})});
    Ran ran = bundle.create();
    EXPECT_EQ(ran.code, 1) << kind;
    EXPECT_NE(ran.output.find(std::string(kind) + " hook /bin/false: exit status 1"), std::string::npos)
        << ran.output;
    EXPECT_EQ(bundle.call({"list", "-q"}).output, "");
    EXPECT_TRUE(path_exists(bundle.folder() + "/poststop")) << kind;
  }
}

TEST(OciHooks, FailureAtTheStartEndsTheContainer) {
  for (const char* kind : {"startContainer", "poststart"}) {
    Bundle bundle;
    bundle.command({"sleep", "1000"});
    bundle.spec["hooks"][kind] = Json::array({hook("/bin/false")});
    ASSERT_EQ(bundle.create().code, 0);
    EXPECT_EQ(bundle.call({"start", "box"}).code, 1) << kind;
    EXPECT_TRUE(bundle.wait_for_status("stopped")) << kind;
  }
}

TEST(OciHooks, FailedPoststopIsOnlyAWarning) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.spec["hooks"]["poststop"] =
      Json::array({hook("/bin/false"), hook("/bin/touch", {"touch", bundle.folder() + "/second"})});
  EXPECT_EQ(bundle.run().code, 0);
  EXPECT_TRUE(path_exists(bundle.folder() + "/second"));
}

TEST(OciHooks, SlowHookIsKilled) {
  Bundle bundle;
  bundle.command({"true"});
  Json slow = hook("/bin/sleep", {"sleep", "1000"});
  slow["timeout"] = 1;
  bundle.spec["hooks"]["createRuntime"] = Json::array({slow});
  Ran ran = bundle.run();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("still running after 1 seconds"), std::string::npos) << ran.output;
}

TEST(OciHooks, MayQueryTheState) {
  Bundle bundle;
  bundle.command({"true"});
  std::string script = bundle.host_script(
      "ask", STACK_RUNTIME " --root " + bundle.state_root() + " state box > " + bundle.folder() + "/asked");
  bundle.spec["hooks"]["createRuntime"] = Json::array({hook(script)});
  ASSERT_EQ(bundle.run().code, 0);
  EXPECT_EQ(parse_json(read_file(bundle.folder() + "/asked").value_or("")).value()["status"], "creating");
}

TEST(OciHooks, HaveOnlyTheGivenEnvironment) {
  Bundle bundle;
  bundle.command({"true"});
  Json one = hook(bundle.host_script("env", "/usr/bin/env > " + bundle.folder() + "/env"));
  one["env"] = {"ONLY=this"};
  bundle.spec["hooks"]["createRuntime"] = Json::array({one});
  ASSERT_EQ(bundle.run().code, 0);
  std::string env = read_file(bundle.folder() + "/env").value_or("");
  EXPECT_NE(env.find("ONLY=this"), std::string::npos);
  EXPECT_EQ(env.find("HOME="), std::string::npos) << env;
}

// A hook without its own environment has that of the runtime.
TEST(OciHooks, InheritTheEnvironmentUnlessTheyHaveTheirOwn) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.host_script("note", "echo \"${HOOK_TEST:-none}\" >> " + bundle.folder() + "/env");
  Json inherits = hook(bundle.folder() + "/note", {"note"});
  Json empty = inherits;
  empty["env"] = Json::array();
  bundle.spec["hooks"]["createRuntime"] = {inherits, empty};
  EXPECT_EQ(bundle.call({"run", "--bundle", bundle.folder(), "box"}, {{"HOOK_TEST", "inherited"}}).code, 0);
  EXPECT_EQ(read_file(bundle.folder() + "/env").value_or(""), "inherited\nnone\n");
}

TEST(OciHooks, EarlyHooksRunInTheBundle) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.host_script("where", "pwd >> " + bundle.folder() + "/places");
  for (const char* kind : {"prestart", "createRuntime", "createContainer"})
    bundle.spec["hooks"][kind] = Json::array({hook(bundle.folder() + "/where")});
  EXPECT_EQ(bundle.run().code, 0);
  std::string place = bundle.folder() + "\n";
  EXPECT_EQ(read_file(bundle.folder() + "/places").value_or(""), place + place + place);
}

}  // namespace
}  // namespace stack::runtime::test
