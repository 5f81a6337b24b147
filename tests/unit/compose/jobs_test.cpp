// The top-level element `jobs`.
#include "fixture.h"

namespace stack::compose {
namespace {

class JobsTest : public ComposeTest {
 protected:
  static constexpr const char* kJobs = R"(
services:
  db: {image: db}
jobs:
  migrate:
    image: app
    depends_on: [db]
    triggers: {manual: true}
  deploy:
    image: app
    profiles: [ops]
    depends_on:
      migrate: {condition: service_completed_successfully}
    triggers: {manual: true}
  backup:
    image: app
    triggers:
      schedule: ["0 3 * * *", {cron: "@daily", timezone: Europe/Paris, concurrency: queue, missed_fires: skip}]
  rotation:
    image: app
    triggers: {manual: false, schedule: ["0 3 1 * *"]}
  early:
    image: app
    depends_on:
      rotation: {condition: service_completed_successfully}
    triggers: {manual: true}
)";
  void run(const std::string& job) {
    options.run_jobs = true;
    options.also_services = {job};
  }
};

TEST_F(JobsTest, AreNoServices) {
  Project p = project(kJobs);
  EXPECT_EQ(p.services.size(), 1U);
  EXPECT_EQ(p.disabled_services.at("migrate").reason, DisabledReason::Job);
  EXPECT_FALSE(p.disabled_services.at("migrate").scheduled);
  EXPECT_TRUE(p.disabled_services.at("backup").scheduled);
}

TEST_F(JobsTest, ScheduleOfAnInactiveProfileDoesNotCount) {
  Project p =
      project("services: {db: {image: db}}\njobs: {b: {image: a, profiles: [p], triggers: {schedule: [x]}}}");
  EXPECT_FALSE(p.disabled_services.at("b").scheduled);
}

TEST_F(JobsTest, RunSelectsTheJobAndTheJobsThatItNeeds) {
  run("deploy");
  Project p = project(kJobs);
  EXPECT_EQ(p.services.size(), 3U);
  EXPECT_EQ(p.services.at("deploy").depends_on.at("migrate").condition,
            DependencyCondition::CompletedSuccessfully);
  EXPECT_TRUE(p.services.contains("db"));
}

TEST_F(JobsTest, ScheduledJobRunsOnRequestUnlessForbidden) {
  run("backup");
  EXPECT_TRUE(project(kJobs).services.contains("backup"));
  run("rotation");
  EXPECT_NE(errors(kJobs).find("job \"rotation\" is declared with manual: false, it cannot be run manually"),
            std::string::npos);
  run("early");
  EXPECT_NE(
      errors(kJobs).find("job \"rotation\" is declared with manual: false, it cannot be triggered even as a "
                         "dependency of another job"),
      std::string::npos);
}

TEST_F(JobsTest, OnlyRunMayNameAJob) {
  options.also_services = {"migrate"};
  EXPECT_EQ(errors(kJobs), "job \"migrate\" can only be triggered with \"stack run\"\n");
}

TEST_F(JobsTest, AreMergedInterpolatedAndIncluded) {
  write("more.yaml", "jobs: {migrate: {environment: {LEVEL: \"${LEVEL:-info}\"}, image: newer}}");
  options.files = {"compose.yaml", "more.yaml"};
  run("migrate");
  Project p = project(kJobs);
  EXPECT_EQ(p.services.at("migrate").image, "newer");
  EXPECT_EQ(p.services.at("migrate").environment.at("LEVEL"), "info");
}

TEST_F(JobsTest, Mistakes) {
  EXPECT_EQ(errors("services: {a: {image: a}}\njobs: {a: {image: a, triggers: {manual: true}}}\n"),
            "compose.yaml:2:8: \"a\" is declared both as a service and a job\n  names must be unique across "
            "services and jobs\n");
  EXPECT_EQ(errors("services: {a: {image: a}}\njobs: {b: {image: a}}\n"),
            "compose.yaml:2:8: job b has no triggers\n  add triggers: {manual: true}, or a schedule\n");
  EXPECT_EQ(
      errors("services: {a: {image: a, triggers: {manual: true}}}\n"),
      "compose.yaml:1:36: service a: only jobs have triggers\n  move it to the top-level element jobs\n");
  EXPECT_EQ(
      errors("services: {a: {image: a}}\njobs: {b: {image: a, restart: always, triggers: {manual: true}}}\n"),
      "compose.yaml:2:22: job b: jobs have no restart\n");
  EXPECT_EQ(
      errors("services: {a: {image: a, depends_on: [b]}}\njobs: {b: {image: a, triggers: {manual: true}}}\n")
          .substr(0, 56),
      "compose.yaml:1:39: service \"a\" cannot depend on job \"b\":");
  EXPECT_EQ(errors("jobs:\n  b:\n    image: a\n    triggers:\n      schedule:\n        - 0 25 * * *\n        - {cron: "
                   "'@daily', timezone: Mars/Olympus}\n        - {timezone: UTC}\n"),
            "compose.yaml:6:11: job b: cron \"0 25 * * *\": hour \"25\": expected 0 to 23\n"
            "compose.yaml:7:38: job b: unknown time zone \"Mars/Olympus\" (/usr/share/zoneinfo/ has the known ones)\n"
            "compose.yaml:8:11: job b: the schedule has no cron expression\n  add cron: \"0 3 * * *\"\n");
  EXPECT_NE(
      errors("jobs: {b: {image: a, triggers: {schedule: [{cron: x, concurrency: two}]}}}\n").find("forbid"),
      std::string::npos);
}

}  // namespace
}  // namespace stack::compose
