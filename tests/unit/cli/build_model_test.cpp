#include "cli/render/progress/build_model.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

using namespace std::chrono_literals;

class BuildTree : public ::testing::Test {
 protected:
  std::string apply(Json line) {
    line["event"] = "build";
    return model.apply(line, now);
  }
  std::string start(int step, const char* text) {
    return apply({{"step", step}, {"stream", "step"}, {"text", text}});
  }
  std::vector<std::string> draw(size_t rows = 24) { return model.draw(now, 60, rows, false); }

  BuildModel::Time now = BuildModel::Time{} + 100s;
  BuildModel model{now};
};

TEST_F(BuildTree, PlainLinesCarryTheStepsNumber) {
  EXPECT_EQ(apply({{"text", "pulling debian"}, {"stream", "output"}}), "pulling debian");
  EXPECT_EQ(start(1, "[1/3] FROM debian"), "#1 [1/3] FROM debian");
  EXPECT_EQ(apply({{"step", 1}, {"stream", "cached"}, {"text", "[1/3] FROM debian"}}), "#1 CACHED");
  EXPECT_EQ(start(2, "[2/3] RUN make"), "#2 [2/3] RUN make");
  now += 1500ms;
  EXPECT_EQ(apply({{"step", 2}, {"stream", "output"}, {"text", "cc -c a.c"}}), "#2 1.500 cc -c a.c");
  EXPECT_EQ(apply({{"step", 2}, {"stream", "done"}, {"seconds", 1.52}, {"text", "[2/3] done 1.5s"}}),
            "#2 DONE 1.5s");
  EXPECT_EQ(start(3, "[3/3] RUN false"), "#3 [3/3] RUN false");
  EXPECT_EQ(apply({{"step", 3}, {"stream", "step"}, {"failed", true}, {"text", "exit code: 1"}}),
            "#3 ERROR: exit code: 1");
}

TEST_F(BuildTree, RunningStepsShowTheirTimeAndLastLines) {
  start(1, "[1/2] FROM debian");
  apply({{"step", 1}, {"stream", "cached"}, {"text", ""}});
  start(2, "[2/2] RUN make");
  for (int i = 0; i < 9; ++i)
    apply({{"step", 2}, {"stream", "output"}, {"text", "line " + std::to_string(i)}});
  now += 2s;
  std::vector<std::string> lines = draw();
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines[0], "[+] Building 2.0s (1/2)");
  EXPECT_EQ(lines[1], " => CACHED [1/2] FROM debian                           0.0s");
  EXPECT_EQ(lines[2], " => [2/2] RUN make                                     2.0s");
  EXPECT_EQ(lines[3], " => => line 3");
  EXPECT_EQ(lines[8], " => => line 8");
}

TEST_F(BuildTree, StaysWithinTheTerminal) {
  for (int i = 1; i <= 50; ++i) {
    start(i, ("[" + std::to_string(i) + "/50] RUN " + std::string(200, 'x')).c_str());
    if (i < 50) apply({{"step", i}, {"stream", "done"}, {"seconds", 0.1}, {"text", ""}});
  }
  std::vector<std::string> lines = draw(10);
  EXPECT_LE(lines.size(), 10U);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 62U) << line;
  EXPECT_NE(lines.back().find("[50/50]"), std::string::npos);
  EXPECT_EQ(model.draw_all(now, 60, false).size(), 51U);
}

}  // namespace
}  // namespace stack::cli
