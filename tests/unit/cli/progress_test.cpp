#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/render/plan_text.h"
#include "cli/render/progress/json_progress.h"
#include "cli/render/progress/plain_progress.h"
#include "cli/render/progress/progress_model.h"
#include "cli/session/change.h"

namespace stack::cli {
namespace {

Json action(int id, const std::string& kind, const std::string& object, const std::string& service = "web") {
  return {
      {"id", id}, {"kind", kind}, {"object", object}, {"service", service}, {"text", kind + " " + object}};
}

Json plan() {
  return {{"event", "plan"},
          {"actions",
           {action(1, "create-network", "shop_default", ""), action(2, "build-image", "shop-web"),
            action(3, "create-container", "shop-web-1"), action(4, "start-container", "shop-web-1"),
            action(5, "wait-healthy", "shop-web-1")}}};
}

Json state(int id, const std::string& name, const std::string& error = "") {
  return {{"event", "action"}, {"id", id}, {"state", name}, {"error", error}};
}

std::string read_pipe(Pipe& pipe) {
  pipe.write.reset();
  return read_all(pipe.read.get()).value();
}

TEST(PlainProgress, PrintsEachStepLikeCompose) {
  Pipe pipe = make_pipe().value();
  ProgressStyle style;
  style.fd = pipe.write.get();
  {
    PlainProgress progress(style);
    progress.event(plan());
    progress.event(state(1, "running"));
    progress.event(state(1, "done"));
    progress.event({{"event", "build"}, {"service", "web"}, {"text", "RUN make"}, {"stream", "step"}});
    progress.event({{"event", "build"}, {"service", "web"}, {"text", "cc -c x.c"}, {"stream", "output"}});
    progress.event(state(4, "running"));
    progress.event(state(4, "done"));
    progress.event({{"event", "wait"}, {"id", 5}, {"text", "starting"}});
    progress.event({{"event", "wait"}, {"id", 5}, {"text", "starting"}});
    progress.event(state(5, "failed", "unhealthy"));
    progress.event(state(3, "skipped"));
    progress.event({{"event", "waiting"}, {"text", "another `up` holds the project"}});
    progress.finish();
  }
  EXPECT_EQ(read_pipe(pipe),
            " Network shop_default Creating\n"
            " Network shop_default Created\n"
            " web > RUN make\n"
            " web | cc -c x.c\n"
            " Container shop-web-1 Starting\n"
            " Container shop-web-1 Started\n"
            " Container shop-web-1 Waiting starting\n"
            " Container shop-web-1 Error unhealthy\n"
            " another `up` holds the project\n");
}

TEST(PlainProgress, ActionsThatAreNotNeededAreNotShown) {
  Pipe pipe = make_pipe().value();
  ProgressStyle style;
  style.fd = pipe.write.get();
  {
    PlainProgress progress(style);
    progress.event(plan());
    progress.event(
        {{"event", "action"}, {"id", 4}, {"state", "done"}, {"text", "image unchanged"}, {"seconds", 0}});
    progress.finish();
  }
  EXPECT_EQ(read_pipe(pipe), "");
}

TEST(JsonProgress, PrintsOneObjectPerLine) {
  Pipe pipe = make_pipe().value();
  {
    JsonProgress progress(pipe.write.get());
    progress.event(plan());
    progress.event(state(4, "running"));
    progress.event(state(4, "done"));
    progress.event(state(5, "failed", "unhealthy"));
  }
  EXPECT_EQ(read_pipe(pipe),
            R"({"id":"Container shop-web-1","status":"Working","text":"Starting"})"
            "\n"
            R"({"id":"Container shop-web-1","status":"Done","text":"Started"})"
            "\n"
            R"({"details":"unhealthy","id":"Container shop-web-1","status":"Error","text":"Error"})"
            "\n");
}

class ProgressModelTest : public testing::Test {
 protected:
  std::vector<std::string> draw(size_t columns = 100, size_t rows = 24) {
    return picture_.draw(now_, columns, rows, false);
  }
  void apply(const Json& line) { picture_.apply(line, now_); }
  void pass(int milliseconds) { now_ += std::chrono::milliseconds(milliseconds); }

  ProgressModel picture_{"up"};
  ProgressModel::Time now_{std::chrono::seconds(1000)};
};

TEST_F(ProgressModelTest, ObjectHasOneLineForAllItsActions) {
  apply(plan());
  apply(state(1, "running"));
  pass(100);
  apply(state(1, "done"));
  apply(state(3, "running"));
  apply(state(3, "done"));
  apply(state(4, "running"));
  pass(1200);
  auto lines = draw();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "[+] up 1/3");
  EXPECT_EQ(lines[1], " ✔ Network shop_default  Created     0.1s");
  EXPECT_EQ(lines[3].substr(lines[3].find("Container")), "Container shop-web-1  Starting    1.2s");
}

TEST_F(ProgressModelTest, FailuresKeepTheirReason) {
  apply(plan());
  apply(state(4, "running"));
  apply(state(4, "failed", "port 80 is taken\nby nginx"));
  apply(state(5, "skipped"));
  EXPECT_EQ(draw()[3], " ✘ Container shop-web-1  Error       0.0s  port 80 is taken by nginx");
}

TEST_F(ProgressModelTest, FinishedObjectsMakeRoomFirst) {
  apply(plan());
  apply(state(1, "running"));
  apply(state(1, "done"));
  apply(state(2, "running"));
  auto lines = draw(80, 5);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_NE(lines[1].find("Image shop-web"), std::string::npos);
  EXPECT_NE(lines[2].find("Container shop-web-1"), std::string::npos);
  EXPECT_EQ(lines[3], "   ... and 1 more");
}

TEST_F(ProgressModelTest, LinesFitTheTerminal) {
  apply(plan());
  apply({{"event", "build"}, {"service", "web"}, {"text", std::string(500, 'x')}});
  for (const std::string& line : draw(40)) EXPECT_LE(line.size(), 40u + 8u) << line;
}

TEST(Failure, NamesTheCauseTheOutputAndTheNextStep) {
  ChangeResult result;
  result.error = "dependency db is unhealthy";
  result.detail = {"connection refused", "giving up"};
  result.failed_kind = "wait-healthy";
  result.failed_service = "db";
  EXPECT_EQ(failure_text(result, "stack -p shop", false),
            "stack: dependency db is unhealthy\n  | connection refused\n  | giving up\nnext: stack -p shop "
            "logs db");
}

TEST(Failure, OutputIsShownOnce) {
  ChangeResult result;
  result.error = "build image x: exit code: 3\n  oops\nsee above";
  result.detail = {"oops"};
  result.failed_kind = "build-image";
  result.failed_service = "x";
  EXPECT_EQ(failure_text(result, "stack", false), "stack: build image x: exit code: 3\nsee above\n  | oops");
}

TEST(Failure, CommandThatNeverRanHasNoLogs) {
  ChangeResult result;
  result.error = "exec: \"nope\": executable file not found in $PATH";
  result.exit_code = 127;
  result.failed_kind = "start-container";
  result.failed_service = "web";
  EXPECT_EQ(failure_text(result, "stack", false), "stack: " + result.error);
}

TEST(PlanText, ColorsOnlyTheSigns) {
  Json json{{"text", "service web\n  + create container shop-web-1  no container\n1 change\n"},
            {"changes", 1}};
  EXPECT_EQ(plan_text(json, "shop", false),
            "service web\n  + create container shop-web-1  no container\n1 change\n");
  EXPECT_EQ(plan_text(json, "shop", true),
            "service web\n\x1b[32m  + create container shop-web-1  no container\x1b[0m\n1 change\n");
  EXPECT_EQ(plan_text(Json::object(), "shop", false), "project shop: nothing to do\n");
}

}  // namespace
}  // namespace stack::cli
