// The executor with a target whose actions complete on the test's command.
#include "orchestrator/plan/executor.h"

#include <gtest/gtest.h>

#include <asio.hpp>
#include <map>
#include <set>

#include "orchestrator/plan/plan_builder.h"

using namespace stack;
using namespace stack::orchestrator;

namespace {

// A short text for an action.
struct Text {
  std::string operator()(const CreateNetwork& a) const { return "network " + a.network.config.name; }
  std::string operator()(const BuildImage& a) const { return "build " + a.image.reference; }
  std::string operator()(const CreateContainer& a) const { return "create " + a.final_name; }
  std::string operator()(const StartContainer& a) const { return "start " + a.container.id.text(); }
  std::string operator()(const WaitAccepted& a) const { return "accepted " + a.container.id.text(); }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "other";
  }
};

// Records each action, waits while it is held, then succeeds with "id<N>" or fails. A held action ends on a stop
// request.
class FakeTarget : public Target {
 public:
  explicit FakeTarget(asio::io_context& io) : io_(io) {}

  std::vector<std::string> log;
  std::map<ActionId, Error> fails;
  std::map<ActionId, std::vector<std::string>> details;
  std::map<ActionId, std::string> results;
  std::set<ActionId> throws;

  void hold(ActionId id) {
    gates_.emplace(id, asio::steady_timer(io_, asio::steady_timer::time_point::max()));
  }
  void release(ActionId id) {
    released_.insert(id);
    gates_.at(id).cancel();
  }
  bool running(ActionId id) const { return running_.count(id) != 0; }

  asio::awaitable<ActionResult> perform(Action action, std::stop_token stop) override {
    const ActionId id = action.id;
    log.push_back(std::visit(Text{}, action.body));
    auto gate = gates_.find(id);
    if (gate != gates_.end() && !released_.count(id)) {
      running_.insert(id);
      std::stop_callback on_stop(stop, [timer = &gate->second] { timer->cancel(); });
      asio::error_code error;
      co_await gate->second.async_wait(asio::redirect_error(asio::use_awaitable, error));
      running_.erase(id);
      if (!released_.count(id)) co_return Error(ErrorKind::Canceled, "stopped");
    }
    if (throws.count(id)) throw std::runtime_error("thrown");
    auto failure = fails.find(id);
    if (failure != fails.end()) co_return ActionError(failure->second, details[id]);
    auto result = results.find(id);
    co_return result == results.end() ? "id" + std::to_string(id) : result->second;
  }

 private:
  asio::io_context& io_;
  std::map<ActionId, asio::steady_timer> gates_;
  std::set<ActionId> released_;
  std::set<ActionId> running_;
};

struct FakeJournal : Journal {
  std::vector<std::string> log;
  bool refuse_begin = false;
  Result<> begin(const Plan&) override {
    if (refuse_begin) return Error("no space left on device");
    log.push_back("begin");
    return {};
  }
  void finish(bool succeeded) override { log.push_back(succeeded ? "finish" : "finish failed"); }
};

struct FakeProgress : Progress {
  std::vector<std::string> log;
  void changed(const Action& action, const Outcome& outcome) override {
    log.push_back(std::to_string(action.id) + " " + std::string(to_text(outcome.state)) +
                  (outcome.text.empty() ? "" : ": " + outcome.text));
  }
};

class Executor : public ::testing::Test {
 protected:
  asio::io_context io;
  FakeTarget target{io};
  FakeJournal journal;
  FakeProgress progress;
  ExecuteOptions options;
  std::shared_ptr<Cancellation> cancellation = std::make_shared<Cancellation>();
  PlanBuilder builder{"shop"};
  std::shared_ptr<const Plan> plan;
  std::optional<ExecutionReport> report;

  ActionId add(ActionBody body, std::vector<ActionId> after = {}, const std::string& service = "web") {
    ActionId id = builder.add(service, std::move(body), "");
    for (ActionId earlier : after) builder.after(id, earlier);
    return id;
  }
  ActionId create(const std::string& name, std::vector<ActionId> after = {}) {
    CreateContainer body;
    body.final_name = name;
    return add(std::move(body), std::move(after));
  }
  ActionId build(const std::string& reference) {
    BuildImage body;
    body.image.reference = reference;
    return add(std::move(body));
  }
  static ContainerRef made_by(ActionId id, const std::string& name = "c", const std::string& old_id = "") {
    return {ContainerId(old_id), id, name};
  }

  // Runs until nothing changes any more.
  void start() {
    plan = std::make_shared<const Plan>(std::move(builder).finish());
    asio::co_spawn(io, execute(plan, target, journal, progress, options, cancellation),
                   [this](std::exception_ptr thrown, ExecutionReport result) {
                     ASSERT_FALSE(thrown);
                     report = std::move(result);
                   });
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }
  void release(ActionId id) {
    target.release(id);
    settle();
  }
  ActionState state(ActionId id) { return report->outcomes[static_cast<size_t>(id - 1)].state; }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_F(Executor, NetworksAndVolumesThatOthersUseAreKept) {
  ActionId kept = add(RemoveNetwork{"1", "shared"}, {}, "");
  ActionId replaced = add(RemoveNetwork{"2", "changed"}, {}, "");
  create("web-1", {replaced});
  target.fails.insert({kept, conflict("network shared has active endpoints")});
  target.fails.insert({replaced, conflict("network changed has active endpoints")});
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(state(kept), ActionState::Skipped);
  ASSERT_EQ(report->warnings.size(), 1U);
  EXPECT_NE(report->warnings[0].find("is kept: network shared has active endpoints"), std::string::npos);
  // It had to go first for something else.
  EXPECT_EQ(state(replaced), ActionState::Failed);
  EXPECT_FALSE(report->succeeded());
}

TEST_F(Executor, EmptyPlanIsDoneImmediately) {
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->succeeded());
  EXPECT_EQ(journal.log, (Lines{"begin", "finish"}));
}

TEST_F(Executor, RunsInOrderAndPassesOnCreatedIds) {
  ActionId c = create("web-1");
  add(StartContainer{made_by(c)}, {c});
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(target.log, (Lines{"create web-1", "start id1"}));
  EXPECT_EQ(journal.log, (Lines{"begin", "finish"}));
  EXPECT_EQ(progress.log, (Lines{"1 running", "1 done", "2 running", "2 done"}));
  EXPECT_EQ(report->changed, 2);
  EXPECT_EQ(report->exit_code(), 0);
}

TEST_F(Executor, IndependentActionsRunTogether) {
  ActionId a = create("a");
  ActionId b = create("b");
  target.hold(a);
  target.hold(b);
  start();
  EXPECT_TRUE(target.running(a));
  EXPECT_TRUE(target.running(b));
  release(b);
  EXPECT_FALSE(report);
  release(a);
  EXPECT_TRUE(report && report->succeeded());
}

TEST_F(Executor, ServiceStartsWhileAnotherStillBuilds) {
  ActionId image = build("web");
  ActionId web = create("web-1", {image});
  ActionId db = create("db-1");
  ActionId db_start = add(StartContainer{made_by(db)}, {db});
  target.hold(image);
  start();
  EXPECT_EQ(target.log, (Lines{"build web", "create db-1", "start id" + std::to_string(db)}));
  release(image);
  EXPECT_TRUE(report->succeeded());
  EXPECT_EQ(state(web), ActionState::Done);
  EXPECT_EQ(state(db_start), ActionState::Done);
}

TEST_F(Executor, NothingStartsAfterAFailedPredecessor) {
  ActionId a = create("a");
  ActionId b = add(StartContainer{made_by(a)}, {a});
  ActionId c = add(WaitHealthy{made_by(a)}, {b});
  target.fails.insert({a, invalid("bad mount")});
  target.details[a] = {"line 1", "line 2"};
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(state(b), ActionState::Skipped);
  EXPECT_EQ(state(c), ActionState::Skipped);
  EXPECT_EQ(progress.log, (Lines{"1 running", "1 failed", "2 skipped: create container a failed",
                                 "3 skipped: create container a failed"}));
  EXPECT_EQ(report->error(*plan).text(), "service web: create container a: bad mount");
  EXPECT_EQ(report->detail(), (Lines{"line 1", "line 2"}));
  EXPECT_EQ(report->exit_code(), 1);
  EXPECT_EQ(journal.log.back(), "finish failed");
}

TEST_F(Executor, AfterAFailureOnlyRunningActionsComplete) {
  ActionId a = create("a");
  ActionId b = create("b");
  ActionId after_b = add(StartContainer{made_by(b)}, {b});
  target.hold(a);
  target.hold(b);
  target.fails.insert({a, Error("broken")});
  start();
  release(a);
  EXPECT_FALSE(report);
  release(b);
  ASSERT_TRUE(report);
  EXPECT_EQ(state(b), ActionState::Done);
  EXPECT_EQ(state(after_b), ActionState::Skipped);
  EXPECT_EQ(report->failed, std::vector<ActionId>{a});
}

TEST_F(Executor, AllFailuresAreReported) {
  ActionId a = create("a");
  ActionId b = create("b");
  target.hold(a);
  target.hold(b);
  target.fails.insert({a, Error("one")});
  target.fails.insert({b, Error("two")});
  start();
  release(b);
  release(a);
  EXPECT_EQ(report->failed, (std::vector<ActionId>{b, a}));
}

TEST_F(Executor, FailureEndsWaitsAndBuilds) {
  ActionId a = create("a");
  ActionId image = build("slow");
  ActionId waiting = add(WaitHealthy{{ContainerId("x"), 0, "x"}});
  target.hold(a);
  target.hold(image);
  target.hold(waiting);
  target.fails.insert({a, Error("broken")});
  start();
  release(a);
  ASSERT_TRUE(report);
  EXPECT_EQ(state(image), ActionState::Skipped);
  EXPECT_EQ(state(waiting), ActionState::Skipped);
  EXPECT_EQ(report->failed, std::vector<ActionId>{a});
}

TEST_F(Executor, StartedSequenceIsCompleted) {
  ActionId stop = add(StopContainer{{ContainerId("old"), 0, "web-1"}, {}});
  ActionId removal = add(RemoveContainer{{ContainerId("old"), 0, "web-1"}, false}, {stop});
  ActionId wait = add(WaitHealthy{{ContainerId("db"), 0, "db-1"}});
  ActionId start_new = add(StartContainer{{ContainerId("new"), 0, "web-1"}}, {removal, wait});
  ActionId other = create("other");
  ActionId never = add(StartContainer{made_by(other)}, {other});
  ActionId untouched = add(StopContainer{{ContainerId("z"), 0, "z"}, {}}, {other});
  for (ActionId id : {stop, removal, start_new}) builder[id].sequence = 1;
  builder[untouched].sequence = 2;
  std::vector<ActionId> held{stop, wait, other};
  for (ActionId id : held) target.hold(id);
  target.fails.insert({other, Error("broken")});
  start();
  release(other);
  EXPECT_TRUE(target.running(wait)) << "what the sequence needs goes on";
  release(stop);
  release(wait);
  ASSERT_TRUE(report);
  EXPECT_EQ(state(removal), ActionState::Done);
  EXPECT_EQ(state(start_new), ActionState::Done);
  EXPECT_EQ(state(never), ActionState::Skipped);
  EXPECT_EQ(state(untouched), ActionState::Skipped);
}

TEST_F(Executor, SoftEdgesAndOptionalActionsTolerateFailure) {
  ActionId wait = add(WaitHealthy{{ContainerId("cache"), 0, "cache-1"}});
  ActionId web = add(StartContainer{{ContainerId("web"), 0, "web-1"}});
  builder.after(web, wait, true);
  builder[wait].optional = true;
  builder[wait].service = "cache";
  target.fails.insert({wait, Error("container cache-1 is unhealthy")});
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->succeeded());
  EXPECT_EQ(state(web), ActionState::Done);
  EXPECT_EQ(report->warnings, Lines{"optional dependency \"cache\" failed to start: container cache-1 is unhealthy"});
}

TEST_F(Executor, TeardownContinuesAfterFailures) {
  builder.keep_going();
  ActionId a = add(StopContainer{{ContainerId("a"), 0, "a"}, {}});
  ActionId b = add(StopContainer{{ContainerId("b"), 0, "b"}, {}});
  ActionId gone = add(RemoveContainer{{ContainerId("b"), 0, "b"}, false}, {b});
  target.hold(b);
  target.fails.insert({a, Error("stuck")});
  start();
  release(b);
  ASSERT_TRUE(report);
  EXPECT_EQ(state(gone), ActionState::Done);
  EXPECT_FALSE(report->succeeded());
}

TEST_F(Executor, ActionsConditionalOnAnUnchangedImageAreSkipped) {
  ActionId image = build("web");
  ActionId replacement = create("web-1", {image});
  builder[replacement].only_if = {{image, "same"}};
  ActionId begin = add(StartContainer{made_by(replacement, "web-1", "old")}, {replacement});
  target.results[image] = "same";
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(target.log, (Lines{"build web", "start old"}));
  EXPECT_EQ(progress.log[2], "2 done: image unchanged");
  EXPECT_EQ(state(begin), ActionState::Done);
  EXPECT_FALSE(report->performed()[1]);
}

TEST_F(Executor, ActionsConditionalOnAChangedImageArePerformed) {
  ActionId image = build("web");
  ActionId replacement = create("web-1", {image});
  builder[replacement].only_if = {{image, "before"}};
  add(StartContainer{made_by(replacement, "web-1", "old")}, {replacement});
  start();
  EXPECT_EQ(target.log, (Lines{"build web", "create web-1", "start id2"}));
}

TEST_F(Executor, BuildsRespectTheirLimit) {
  options.parallel_builds = 1;
  ActionId a = build("a");
  ActionId b = build("b");
  target.hold(a);
  start();
  EXPECT_EQ(target.log, Lines{"build a"});
  release(a);
  EXPECT_EQ(target.log, (Lines{"build a", "build b"}));
  EXPECT_EQ(state(b), ActionState::Done);
}

TEST_F(Executor, WaitingBuildsAreSkippedAfterAFailure) {
  options.parallel_builds = 1;
  ActionId a = build("a");
  ActionId b = build("b");
  target.fails.insert({a, Error("RUN false: exit code 1")});
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(state(b), ActionState::Skipped);
  EXPECT_TRUE(report->image_failed(*plan));
  EXPECT_EQ(report->error(*plan).text(), "service web: build image a: RUN false: exit code 1");
}

TEST_F(Executor, CancelingEndsWaitsAndCompletesOtherActions) {
  ActionId made = create("a");
  ActionId waiting = add(WaitHealthy{{ContainerId("x"), 0, "x"}});
  ActionId later = add(StartContainer{made_by(made)}, {made});
  target.hold(made);
  target.hold(waiting);
  start();
  cancellation->cancel("interrupted");
  settle();
  EXPECT_FALSE(report);
  EXPECT_FALSE(target.running(waiting));
  release(made);
  ASSERT_TRUE(report);
  EXPECT_EQ(state(later), ActionState::Skipped);
  EXPECT_EQ(*report->canceled, "interrupted");
  EXPECT_EQ(report->error(*plan).kind(), ErrorKind::Canceled);
  cancellation->cancel("again");
}

TEST_F(Executor, CancelingEndsTheWaitsOfStartedSequences) {
  ActionId stop = add(StopContainer{{ContainerId("old"), 0, "web-1"}, {}});
  ActionId removal = add(RemoveContainer{{ContainerId("old"), 0, "web-1"}, false}, {stop});
  ActionId start_new = add(StartContainer{{ContainerId("new"), 0, "web-1"}}, {removal});
  ActionId wait = add(WaitAccepted{{ContainerId("new"), 0, "web-1"}, {}}, {start_new});
  for (ActionId id : {stop, removal, start_new, wait}) builder[id].sequence = 1;
  target.hold(stop);
  target.hold(wait);
  start();
  cancellation->cancel("interrupted by `down`");
  settle();
  EXPECT_FALSE(report);
  release(stop);
  ASSERT_TRUE(report) << "nobody waits for the new container";
  EXPECT_EQ(state(start_new), ActionState::Done) << "it is not left stopped";
  EXPECT_EQ(state(wait), ActionState::Skipped);
}

TEST_F(Executor, CancelingEndsHooksWhichAFailureLeavesRunning) {
  ActionId broken = create("a");
  ActionId hook = add(RunHook{{ContainerId("x"), 0, "x"}, HookMoment::PostStart});
  target.hold(broken);
  target.hold(hook);
  target.fails.insert({broken, Error("broken")});
  start();
  release(broken);
  EXPECT_TRUE(target.running(hook));
  cancellation->cancel("interrupted by `down`");
  settle();
  ASSERT_TRUE(report);
  EXPECT_EQ(state(hook), ActionState::Skipped);
}

TEST_F(Executor, CanceledBeforeTheStartDoesNothing) {
  cancellation->cancel("interrupted");
  create("a");
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(target.log.empty());
  EXPECT_FALSE(report->succeeded());
}

TEST_F(Executor, WaitsHaveATimeout) {
  options.wait_timeout = std::chrono::milliseconds(1);
  ActionId wait = add(WaitHealthy{{ContainerId("x"), 0, "shop-db-1"}});
  target.hold(wait);
  start();
  io.restart();
  io.run_for(std::chrono::seconds(5));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->error(*plan).text(), "service web: application not healthy after 1ms: shop-db-1 is not healthy");
  EXPECT_EQ(report->error(*plan).kind(), ErrorKind::Timeout);
}

TEST_F(Executor, ExceptionsOfTheTargetAreFailures) {
  ActionId a = create("a");
  target.throws.insert(a);
  start();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->error(*plan).text(), "service web: create container a: thrown");
}

TEST_F(Executor, FailedJournalPreventsAllActions) {
  create("a");
  journal.refuse_begin = true;
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(target.log.empty());
  EXPECT_FALSE(report->succeeded());
  EXPECT_EQ(report->error(*plan).text(), "the plan cannot be recorded: no space left on device");
}

TEST_F(Executor, ExitCodesReportCommandsThatCannotRun) {
  ActionId a = create("a");
  target.fails.insert({a, Error(ErrorKind::NoCommand, "exec: \"nope\": not found")});
  start();
  EXPECT_EQ(report->exit_code(), 127);
}

TEST_F(Executor, ExecutesPlansWithManyActions) {
  ActionId network = add(StopContainer{{ContainerId("n"), 0, "n"}, {}});
  ActionId last = network;
  for (int i = 0; i < 2000; ++i) {
    ActionId made = create("c" + std::to_string(i), {network});
    last = add(StartContainer{made_by(made)}, {made, last});
  }
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->succeeded());
  EXPECT_EQ(report->changed, 4001);
}

// --- updates in batches

namespace {

// A hand-made update of two replicas in sequence.
struct TwoReplicas {
  ActionId accept1 = 0, check1 = 0, back1 = 0, accept2 = 0, check2 = 0, roll_back = 0;
};

}  // namespace

class ExecutorUpdate : public Executor {
 protected:
  TwoReplicas make(UpdateFailure on_failure, double ratio = 0) {
    TwoReplicas ids;
    ids.accept1 = add(WaitAccepted{{ContainerId("n1"), 0, "web-1"}, {}});
    ids.check1 = add(CheckUpdate{"web", {{ids.accept1}}, 2, 1, 2, on_failure, ratio, false});
    ids.back1 = add(StartContainer{{ContainerId("o1"), 0, "web-1"}});
    ids.accept2 = add(WaitAccepted{{ContainerId("n2"), 0, "web-2"}, {}}, {ids.check1});
    ids.check2 = add(CheckUpdate{"web", {{ids.accept1}, {ids.accept2}}, 2, 2, 2, on_failure, ratio, false},
                     {ids.check1});
    ids.roll_back = add(StartContainer{{ContainerId("old"), 0, "web-1"}});
    builder.after(ids.check1, ids.accept1, true);
    builder.after(ids.check2, ids.accept1, true);
    builder.after(ids.check2, ids.accept2, true);
    for (ActionId id : {ids.accept1, ids.accept2}) builder[id].judged = true;
    builder.only_if_failed(ids.back1, {ids.accept1});
    builder.only_if_failed(ids.roll_back, {ids.check1, ids.check2});
    builder[ids.roll_back].if_performed = ids.accept1;
    return ids;
  }
  // By object, because IDs may have changed.
  bool did(const std::string& line) const {
    return std::find(target.log.begin(), target.log.end(), line) != target.log.end();
  }
};

TEST_F(ExecutorUpdate, RollbackActionsAreSkippedAfterSuccess) {
  make(UpdateFailure::Pause);
  start();
  ASSERT_TRUE(report && report->succeeded());
  EXPECT_EQ(target.log, (Lines{"accepted n1", "accepted n2"}));
}

TEST_F(ExecutorUpdate, FailureIsRolledBackAndEndsTheUpdate) {
  TwoReplicas ids = make(UpdateFailure::Pause);
  target.fails.insert({ids.accept1, Error("it exited (1)")});
  target.details[ids.accept1] = {"its last words"};
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(did("start o1"));
  EXPECT_FALSE(did("accepted n2"));
  EXPECT_FALSE(did("start old")) << "never accepted, nothing to roll back";
  EXPECT_EQ(
      report->error(*plan).text(),
      "service web: update of service web stopped: 1 of 2 containers could not be replaced: it exited (1)");
  EXPECT_EQ(report->detail(), Lines{"its last words"});
}

TEST_F(ExecutorUpdate, LaterFailureRollsBackAcceptedReplicas) {
  TwoReplicas ids = make(UpdateFailure::Rollback);
  // Uses provisional IDs: this plan does not renumber actions before the second wait.
  builder[ids.accept2].body = WaitAccepted{{ContainerId("bad"), 0, "web-2"}, {}};
  plan = std::make_shared<const Plan>(Plan(std::move(builder).finish()));
  for (const Action& action : plan->actions) {
    const auto* wait = std::get_if<WaitAccepted>(&action.body);
    if (wait && wait->container.id.text() == "bad") target.fails.insert({action.id, Error("unhealthy")});
  }
  asio::co_spawn(io, execute(plan, target, journal, progress, options, cancellation),
                 [this](std::exception_ptr, ExecutionReport result) { report = std::move(result); });
  settle();
  ASSERT_TRUE(report);
  EXPECT_TRUE(did("start old"));
  EXPECT_FALSE(did("start o1"));
  EXPECT_NE(report->error(*plan).text().find("was rolled back"), std::string::npos);
}

TEST_F(ExecutorUpdate, ToleratedFailuresAreWarnings) {
  TwoReplicas ids = make(UpdateFailure::Pause, 0.5);
  target.fails.insert({ids.accept1, Error("it exited (1)")});
  start();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->succeeded());
  EXPECT_TRUE(did("accepted n2"));
  EXPECT_EQ(report->warnings, Lines{"tolerated: it exited (1)"});
}
