// The life of a container, cell by cell. A missing cell here or in the table is a failure.
#include "engine/container/life.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <vector>

namespace stack::engine {
namespace {

// A cell: the next phase, or
//   =  there is nothing to do     w  wait     -  refused     !  impossible
constexpr const char* kExpected = R"(
                making    stopped   starting  running   paused    stopping  backoff   removing  gone
start           -         starting  w         =         -         w         =         -         -
stop            =         =         stopping  stopping  stopping  stopping  stopping  w         =
kill            -         -         stopping  stopping  stopping  stopping  stopping  -         -
stop_signal     -         -         stopping  running   running   stopping  stopping  -         -
signal          -         -         -         running   paused    stopping  -         -         -
remove          w         removing  w         -         -         w         -         -         -
force_remove    w         removing  removing  removing  removing  removing  removing  -         -
restart         -         starting  w         stopping  stopping  w         stopping  -         -
pause           -         -         w         paused    -         -         -         -         -
unpause         -         -         -         -         running   -         -         -         -
exec            -         -         -         running   -         stopping  -         -         -
attach          -         w         w         running   -         stopping  -         -         -
made            stopped   !         !         !         !         !         !         !         !
make_failed     removing  !         !         !         !         !         !         !         !
launched        !         !         running   !         !         !         !         !         !
launch_failed   !         !         stopping  !         !         stopping  !         removing  !
exited          !         !         !         stopping  stopping  stopping  !         removing  !
exited_for_now  !         !         !         backoff   backoff   !         !         !         !
backoff_over    !         !         !         !         !         !         starting  !         !
cleared         !         !         !         !         !         stopped   !         removing  !
discarded       !         !         !         !         !         !         !         gone      !
adopted         removing  running   !         running   paused    !         running   !         !
lost            removing  =         !         stopped   stopped   !         stopped   !         !
engine_stopping =         =         =         =         =         =         =         =         =
)";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string cell_text(const Transition& cell) {
  switch (cell.verdict) {
    case Verdict::Go:
      return std::string(to_text(cell.next));
    case Verdict::Already:
      return "=";
    case Verdict::Wait:
      return "w";
    case Verdict::Refuse:
      return "-";
    case Verdict::Impossible:
      return "!";
    case Verdict::Missing:
      break;
  }
  return "missing";
}

TEST(Life, EachPhaseHandlesEachEvent) {
  std::istringstream text(kExpected);
  std::string line;
  std::getline(text, line);
  std::getline(text, line);
  std::vector<std::string> phases = words_of(line);
  ASSERT_EQ(phases.size(), kPhases);
  for (size_t p = 0; p < kPhases; ++p) EXPECT_EQ(phases[p], to_text(static_cast<Phase>(p)));
  for (size_t e = 0; e < kLifeEvents; ++e) {
    auto event = static_cast<LifeEvent>(e);
    ASSERT_TRUE(std::getline(text, line));
    std::vector<std::string> cells = words_of(line);
    ASSERT_EQ(cells.size(), kPhases + 1) << line;
    EXPECT_EQ(cells[0], to_text(event));
    for (size_t p = 0; p < kPhases; ++p)
      EXPECT_EQ(cell_text(next(static_cast<Phase>(p), event)), cells[p + 1])
          << to_text(event) << " in phase " << phases[p];
  }
  EXPECT_FALSE(std::getline(text, line)) << "a row without an event: " << line;
}

TEST(Life, OtherVerdictsKeepThePhase) {
  for (size_t p = 0; p < kPhases; ++p)
    for (size_t e = 0; e < kLifeEvents; ++e) {
      Transition cell = next(static_cast<Phase>(p), static_cast<LifeEvent>(e));
      if (cell.verdict == Verdict::Go) continue;
      EXPECT_EQ(cell.next, static_cast<Phase>(p));
    }
}

// The completion of the phase's operation leaves every phase: no container can be stuck.
TEST(Life, EveryPhaseLeadsToGone) {
  for (size_t p = 0; p < kPhases; ++p) {
    std::vector<bool> reached(kPhases, false);
    std::vector<Phase> open{static_cast<Phase>(p)};
    while (!open.empty()) {
      Phase phase = open.back();
      open.pop_back();
      if (reached[static_cast<size_t>(phase)]) continue;
      reached[static_cast<size_t>(phase)] = true;
      for (size_t e = 0; e < kLifeEvents; ++e) {
        Transition cell = next(phase, static_cast<LifeEvent>(e));
        if (cell.verdict == Verdict::Go) open.push_back(cell.next);
      }
    }
    EXPECT_TRUE(reached[static_cast<size_t>(Phase::Gone)]) << to_text(static_cast<Phase>(p));
  }
}

TEST(Life, DockersStatusFollowsFromThePhase) {
  StatusFacts never;
  StatusFacts ran{.has_process = false, .has_started = true, .by_policy = false};
  StatusFacts runs{.has_process = true, .has_started = true, .by_policy = false};
  StatusFacts again{.has_process = false, .has_started = true, .by_policy = true};
  EXPECT_EQ(status_of(Phase::Stopped, never), ContainerStatus::Created);
  EXPECT_EQ(status_of(Phase::Stopped, ran), ContainerStatus::Exited);
  EXPECT_EQ(status_of(Phase::Starting, never), ContainerStatus::Created);
  EXPECT_EQ(status_of(Phase::Starting, ran), ContainerStatus::Exited);
  EXPECT_EQ(status_of(Phase::Starting, again), ContainerStatus::Restarting);
  EXPECT_EQ(status_of(Phase::Running, runs), ContainerStatus::Running);
  EXPECT_EQ(status_of(Phase::Paused, runs), ContainerStatus::Paused);
  EXPECT_EQ(status_of(Phase::Stopping, runs), ContainerStatus::Running);
  EXPECT_EQ(status_of(Phase::Stopping, ran), ContainerStatus::Exited);
  EXPECT_EQ(status_of(Phase::Stopping, never), ContainerStatus::Created);
  EXPECT_EQ(status_of(Phase::Backoff, ran), ContainerStatus::Restarting);
  EXPECT_EQ(status_of(Phase::Removing, runs), ContainerStatus::Removing);
  EXPECT_EQ(status_of(Phase::Gone, ran), ContainerStatus::Dead);
}

}  // namespace
}  // namespace stack::engine
