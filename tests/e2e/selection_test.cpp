// Which services commands act on, and what they say of others; environment and input of one-off containers.
#include "scenario.h"

namespace stack::e2e {
namespace {

class Selection : public Scenario {
 protected:
  static std::string service(const std::string& name) {
    return "  " + name + ":\n    image: debian:bookworm-slim\n    command: sh -c 'echo from " + name +
           "; exec sleep infinity'\n    stop_signal: SIGKILL\n";
  }
  // Two Compose files of one project.
  void two_files() {
    project("shop", "services:\n" + service("web"));
    write("other.yaml", "name: shop\nservices:\n" + service("tool"));
    must({"up", "-d"});
    must({"-f", "other.yaml", "up", "-d"});
  }
};

TEST_F(Selection, CommandsActOnTheServicesOfTheFile) {
  two_files();
  EXPECT_EQ(must({"logs", "--no-log-prefix"}).out, "from web\n");
  EXPECT_EQ(must({"-f", "other.yaml", "logs", "--no-log-prefix"}).out, "from tool\n");
  must({"stop"});
  EXPECT_EQ(container("web").state, "exited");
  EXPECT_EQ(container("tool").state, "running");
  must({"-f", "other.yaml", "rm", "-f"});
  EXPECT_EQ(container("web").state, "exited") << "it belongs to the other file";
  must({"start"});
  EXPECT_EQ(container("web").state, "running");
  must({"-p", "shop", "kill"});
  EXPECT_EQ(container("web").state, "exited");
  EXPECT_EQ(container("tool").state, "exited") << "-p names the whole project";
}

TEST_F(Selection, ServicesWithoutContainers) {
  project("shop", "services:\n" + service("web"));
  must({"stop"});
  must({"pause", "web"});
  CommandResult none = run({"start", "web"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("service \"web\" has no container to start"), std::string::npos) << none.err;
  for (const char* command : {"pause", "stop", "events", "logs"}) {
    CommandResult unknown = run({command, "wep"});
    EXPECT_EQ(unknown.code, 1) << command;
    EXPECT_NE(unknown.err.find("no such service: wep; did you mean web?"), std::string::npos) << unknown.err;
  }
}

TEST_F(Selection, PauseOfAPausedServiceFails) {
  project("shop", "services:\n" + service("web"));
  must({"up", "-d"});
  must({"pause"});
  CommandResult again = run({"pause"});
  EXPECT_EQ(again.code, 1);
  EXPECT_NE(again.err.find("already paused"), std::string::npos) << again.err;
  must({"unpause"});
  EXPECT_EQ(run({"unpause"}).code, 1);
}

TEST_F(Selection, DonorsOfNamespacesAndVolumesMustExist) {
  project("shop", "services:\n" + service("db") + service("net") + "    network_mode: service:db\n" + service("vol") +
                      "    volumes_from: [db]\n");
  must({"up", "-d"});
  must({"up", "-d", "--no-deps", "net", "vol"});
  must({"docker", "rm", "-f", "shop-db-1"});
  for (const auto& [name, what] : {std::pair("net", "network namespace"), std::pair("vol", "volume")}) {
    CommandResult failed = run({"up", "-d", "--no-deps", name});
    EXPECT_EQ(failed.code, 1) << failed.text();
    EXPECT_NE(failed.err.find(std::string("cannot share ") + what + " with service db: container missing"),
              std::string::npos)
        << failed.text();
  }
  must({"up", "-d"});
}

TEST_F(Selection, SettingsOfTheEnvironmentFileCount) {
  project("shop", "services:\n" + service("web") + service("old"));
  must({"up", "-d"});
  write("docker-compose.yml", "services:\n" + service("web"));
  write(".env", "COMPOSE_REMOVE_ORPHANS=1\n");
  must({"up", "-d"});
  EXPECT_TRUE(containers("old").empty());
}

TEST_F(Selection, OneOffTakesVariablesOfTheEnvironmentFile) {
  project("shop", "services:\n" + service("web"));
  write(".env", "GREETING=from the file # not this\n");
  EXPECT_EQ(
      must({"run", "--rm", "-T", "-e", "GREETING", "-e", "MISSING", "web", "sh", "-c", "echo $GREETING"}).out,
      "from the file\n");
  std::string id = must({"run", "-d", "web", "cat"}).out;
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(must({"docker", "inspect", "-f", "{{.State.Status}}", id.substr(0, 12)}).out, "running\n")
      << "its stdin stays open";
}

}  // namespace
}  // namespace stack::e2e
