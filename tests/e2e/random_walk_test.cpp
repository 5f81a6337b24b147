// Random requests, deaths, and engine crashes with five containers. The life table (engine/container/life.h) is the
// oracle: it determines the response to each request and the container's phase afterward.
//
// STACK_TEST_SEED repeats a walk, STACK_TEST_STEPS sets its length.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <thread>

#include "engine/container/life.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

using engine::LifeEvent;
using engine::Phase;
using engine::Transition;
using engine::Verdict;

constexpr int kContainers = 5;
constexpr int kDefaultSteps = 120;

struct Walker {
  std::string name;
  std::string id;
  bool restarts = false;  // by its policy
  Phase phase = Phase::Gone;
  bool has_started = false;
  int deaths = 0;  // since its last start by request: the policy's delay grows each time
};

struct Request {
  LifeEvent event;
  const char* method;
  const char* path;  // below /containers/<id>
};

constexpr Request kRequests[] = {
    {LifeEvent::Start, "POST", "/start"},
    {LifeEvent::Start, "POST", "/start"},
    {LifeEvent::Stop, "POST", "/stop?t=1"},
    {LifeEvent::Kill, "POST", "/kill"},
    {LifeEvent::StopSignal, "POST", "/kill?signal=USR1"},
    {LifeEvent::Signal, "POST", "/kill?signal=HUP"},
    {LifeEvent::Remove, "DELETE", "?v=1"},
    {LifeEvent::ForceRemove, "DELETE", "?force=1&v=1"},
    {LifeEvent::Restart, "POST", "/restart?t=1"},
    {LifeEvent::Pause, "POST", "/pause"},
    {LifeEvent::Unpause, "POST", "/unpause"},
    {LifeEvent::Exec, "POST", "/exec"},
};

class RandomWalk : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    const char* given = std::getenv("STACK_TEST_SEED");
    unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
    std::printf("STACK_TEST_SEED=%u\n", seed);
    random_.seed(seed);
    const char* steps = std::getenv("STACK_TEST_STEPS");
    if (steps != nullptr) steps_ = std::atoi(steps);
    for (int i = 0; i < kContainers; ++i) {
      walkers_[i].name = "walk" + std::to_string(i);
      walkers_[i].restarts = i % 2 == 1;
    }
  }
  void TearDown() override {
    for (Walker& walker : walkers_)
      if (!walker.id.empty()) stack().api("DELETE", "/containers/" + walker.id + "?force=1&v=1");
    Scenario::TearDown();
  }

  int random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  Walker& any() { return walkers_[random(kContainers)]; }
  void note(const std::string& text) { trace_.push_back(text); }
  std::string trace() const {
    std::string out;
    size_t from = trace_.size() > 15 ? trace_.size() - 15 : 0;
    for (size_t i = from; i < trace_.size(); ++i) out += "\n  " + trace_[i];
    return out;
  }

  void create(Walker& walker) {
    const char* script = "trap 'exit 0' USR1; trap : HUP; while :; do sleep 0.05; done";
    Json body{{"Image", "debian:bookworm-slim"},
              {"Cmd", {"bash", "-c", script}},
              {"StopSignal", "SIGUSR1"},
              {"HostConfig",
               {{"NetworkMode", "none"}, {"RestartPolicy", {{"Name", walker.restarts ? "always" : "no"}}}}}};
    ApiAnswer made = stack().api("POST", "/containers/create?name=" + walker.name, body);
    ASSERT_EQ(made.status, 201) << made.body.dump() << trace();
    walker.id = string_or(made.body, "Id");
    walker.phase = engine::next(Phase::Making, LifeEvent::Made).next;
    walker.has_started = false;
    note(walker.name + " created");
  }

  ApiAnswer send(const Walker& walker, const Request& request) {
    Json body = request.event == LifeEvent::Exec ? Json{{"Cmd", {"true"}}} : Json();
    return stack().api(request.method, "/containers/" + walker.id + request.path, body);
  }

  // The phase after all automatic events.
  static Phase settled(Phase phase) {
    for (;;) {
      switch (phase) {
        case Phase::Starting:
          phase = engine::next(phase, LifeEvent::Launched).next;
          break;
        case Phase::Stopping:
          phase = engine::next(phase, LifeEvent::Cleared).next;
          break;
        case Phase::Backoff:
          phase = engine::next(phase, LifeEvent::BackoffOver).next;
          break;
        case Phase::Removing:
          phase = engine::next(phase, LifeEvent::Discarded).next;
          break;
        default:
          return phase;
      }
    }
  }

  void apply(Walker& walker, LifeEvent event) {
    Transition step = engine::next(walker.phase, event);
    if (step.verdict != Verdict::Go) return;
    Phase phase = settled(step.next);
    bool stops_first = event == LifeEvent::Restart && phase == Phase::Stopped;
    if (stops_first) phase = settled(engine::next(phase, LifeEvent::Start).next);
    // The command's handler exits.
    if (event == LifeEvent::StopSignal && phase == Phase::Running)
      phase = settled(engine::next(phase, LifeEvent::Exited).next);
    if (event == LifeEvent::Start || event == LifeEvent::Restart) walker.deaths = 0;
    walker.has_started = walker.has_started || phase == Phase::Running;
    walker.phase = phase;
  }

  bool fits(int status, Verdict verdict) {
    if (verdict == Verdict::Go) return status / 100 == 2;
    return verdict == Verdict::Already ? status == 304 : status == 409;
  }

  void request(Walker& walker) {
    const Request& request = kRequests[random(static_cast<int>(std::size(kRequests)))];
    Verdict verdict = engine::next(walker.phase, request.event).verdict;
    note(walker.name + " " + std::string(to_text(walker.phase)) + ": " + std::string(to_text(request.event)));
    ApiAnswer answer = send(walker, request);
    EXPECT_TRUE(fits(answer.status, verdict)) << answer.status << " " << answer.body.dump() << " for verdict "
                                              << static_cast<int>(verdict) << trace();
    apply(walker, request.event);
  }

  // Two concurrent requests: each gets a response, and the container reaches a stable phase.
  void race(Walker& walker) {
    const Request& first = kRequests[random(static_cast<int>(std::size(kRequests)))];
    const Request& second = kRequests[random(static_cast<int>(std::size(kRequests)))];
    note(walker.name + " " + std::string(to_text(walker.phase)) + ": " + std::string(to_text(first.event)) +
         " and " + std::string(to_text(second.event)));
    int other = 0;
    std::thread beside([&] { other = send(walker, first).status; });
    ::usleep(static_cast<useconds_t>(random(30)) * 1000);
    int one = send(walker, second).status;
    beside.join();
    for (int status : {one, other})
      EXPECT_TRUE(status / 100 == 2 || status == 304 || status == 409 || status == 404) << status << trace();
    adopt(walker);
  }

  // Adopts the observed phase once it is stable.
  void adopt(Walker& walker) {
    std::string before = "?";
    bool rests = eventually(20s, [&] {
      std::string now = seen(walker);
      bool same = now == before && now != "restarting" && now != "removing";
      before = now;
      ::usleep(150'000);
      return same;
    });
    EXPECT_TRUE(rests) << walker.name << " is " << before << trace();
    note(walker.name + " is " + before);
    if (before == "paused") return thaw(walker);
    walker.phase = before == "gone"      ? Phase::Gone
                   : before == "running" ? Phase::Running
                                         : Phase::Stopped;
    walker.has_started = before != "created";
    walker.deaths = 0;
  }

  // A race may have frozen it with a pending signal or before it installed its handlers: resumes it and observes
  // its next stable phase.
  void thaw(Walker& walker) {
    EXPECT_EQ(send(walker, {LifeEvent::Unpause, "POST", "/unpause"}).status, 204) << trace();
    adopt(walker);
  }

  std::string seen(const Walker& walker) {
    ApiAnswer details = stack().api("GET", "/containers/" + walker.id + "/json");
    if (details.status == 404) return "gone";
    return string_or(details.body.value("State", Json::object()), "Status");
  }
  pid_t pid_of(const Walker& walker) {
    ApiAnswer details = stack().api("GET", "/containers/" + walker.id + "/json");
    return static_cast<pid_t>(int_or(details.body.value("State", Json::object()), "Pid"));
  }

  // Its process is killed from outside.
  void die(Walker& walker) {
    if (walker.phase != Phase::Running || walker.deaths >= 3) return;
    pid_t pid = pid_of(walker);
    if (pid <= 0) return;
    note(walker.name + " dies");
    ::kill(pid, SIGKILL);
    ++walker.deaths;
    apply(walker, walker.restarts ? LifeEvent::ExitedForNow : LifeEvent::Exited);
    if (!walker.restarts) return;
    EXPECT_TRUE(eventually(20s, [&] { return pid_of(walker) > 0 && pid_of(walker) != pid; })) << trace();
  }

  void crash_engine() {
    note("the engine is killed");
    stack().kill_engine();
    EXPECT_EQ(stack().api("GET", "/containers/json?all=1").status, 200) << trace();
  }

  void check(const Walker& walker) {
    engine::StatusFacts facts;
    facts.has_started = walker.has_started;
    std::string expected =
        walker.phase == Phase::Gone ? "gone" : std::string(to_text(engine::status_of(walker.phase, facts)));
    std::string now;
    EXPECT_TRUE(eventually(15s,
                           [&] {
                             now = seen(walker);
                             return now == expected;
                           }))
        << walker.name << " is " << now << " and not " << expected << trace();
    if (walker.phase != Phase::Running) return;
    EXPECT_TRUE(eventually(10s, [&] { return handles_signals(pid_of(walker)); }))
        << read_file("/proc/" + std::to_string(pid_of(walker)) + "/status").value_or("no process") << trace();
  }

  // Whether its handlers are installed, so that it reacts to the stop signal.
  static bool handles_signals(pid_t pid) {
    std::string status = read_file("/proc/" + std::to_string(pid) + "/status").value_or("");
    size_t at = status.find("SigCgt:");
    if (at == std::string::npos) return false;
    uint64_t caught = std::strtoull(status.c_str() + at + 7, nullptr, 16);
    return (caught >> (SIGUSR1 - 1) & 1U) != 0 && (caught >> (SIGHUP - 1) & 1U) != 0;
  }

  std::mt19937 random_;
  int steps_ = kDefaultSteps;
  Walker walkers_[kContainers];
  std::vector<std::string> trace_;
};

TEST_F(RandomWalk, ContainersFollowTheTable) {
  for (int step = 0; step < steps_ && !HasFailure(); ++step) {
    Walker& walker = any();
    if (walker.phase == Phase::Gone) create(walker);
    int kind = random(20);
    if (kind < 14) {
      request(walker);
    } else if (kind < 17) {
      race(walker);
    } else if (kind < 19) {
      die(walker);
    } else {
      crash_engine();
      for (const Walker& each : walkers_)
        if (each.phase != Phase::Gone) check(each);
    }
    check(walker);
  }
}

}  // namespace
}  // namespace stack::e2e
