// Jobs: run by name, with what they depend on, and no part of `up`.
#include "scenario.h"

namespace stack::e2e {
namespace {

class Jobs : public Scenario {};

TEST_F(Jobs, RunByNameAfterTheirDependencies) {
  project("shop", R"(
services:
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
jobs:
  migrate:
    image: debian:bookworm-slim
    command: sh -c 'echo migrated >> /data/log'
    volumes: ["data:/data"]
    depends_on: [db]
    triggers: {manual: true}
  report:
    image: debian:bookworm-slim
    command: cat /data/log
    volumes: ["data:/data"]
    depends_on:
      migrate: {condition: service_completed_successfully}
    triggers: {manual: true}
volumes:
  data:
)");
  CommandResult up = must({"up", "-d"});
  EXPECT_TRUE(containers("migrate").empty()) << "`up` does not start jobs";
  must({"down"});
  EXPECT_EQ(must({"run", "--rm", "-T", "report"}).out, "migrated\n");
  EXPECT_EQ(container("db").state, "running");
  CommandResult named = run({"up", "-d", "migrate"});
  EXPECT_EQ(named.code, 1);
  EXPECT_NE(named.err.find("job \"migrate\" can only be triggered with \"stack run\""), std::string::npos)
      << named.err;
  EXPECT_EQ(run({"stop", "report"}).code, 1);
  EXPECT_EQ(run({"down", "migrate"}).code, 1);
  EXPECT_EQ(container("db").state, "running");
}

TEST_F(Jobs, ScheduleIsRefusedBeforeAnythingIsMade) {
  project("shop", R"(
services:
  web: {image: debian:bookworm-slim, command: sleep infinity}
jobs:
  backup: {image: debian:bookworm-slim, command: echo saved, triggers: {schedule: ["0 3 * * *"]}}
)");
  CommandResult up = run({"up", "-d"});
  EXPECT_EQ(up.code, 1);
  EXPECT_NE(up.err.find("scheduled jobs are not supported in this version: backup"), std::string::npos)
      << up.err;
  EXPECT_TRUE(containers().empty());
  EXPECT_EQ(must({"run", "--rm", "-T", "backup"}).out, "saved\n");
}

}  // namespace
}  // namespace stack::e2e
