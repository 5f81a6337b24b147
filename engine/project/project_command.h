// A request that changes a project: whom to tell, and how it is ended from outside.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "orchestrator/plan/executor.h"

namespace stack::engine {

// Gets each event of docs/API.md, in order; must not block.
using Sink = std::function<void(OrderedJson)>;

class ProjectCommand {
 public:
  using Clock = std::chrono::steady_clock;

  // `verb`: "up", "down", "build", ...
  ProjectCommand(std::string verb, Sink sink) : verb_(std::move(verb)), sink_(std::move(sink)) {}

  const std::string& verb() const { return verb_; }
  const Sink& sink() const { return sink_; }
  void tell(OrderedJson event) const { sink_(std::move(event)); }
  void fail(const Error& error) const;

  // Nobody reads the events any more. What nobody else has a use for (a build, a pull, a `run` that nobody
  // attaches to) ends with its client; everything else continues, abandoned.
  void client_left();
  std::optional<Clock::time_point> abandoned_at() const { return abandoned_at_; }

  // Whether this command, just arrived, ends `earlier` instead of waiting for it: what stops containers ends
  // what starts them, and a new `up` replaces one whose client has left.
  bool preempts(const ProjectCommand& earlier) const;

  const std::shared_ptr<orchestrator::Cancellation>& cancellation() const { return cancellation_; }

 private:
  std::string verb_;
  Sink sink_;
  std::shared_ptr<orchestrator::Cancellation> cancellation_ = std::make_shared<orchestrator::Cancellation>();
  std::optional<Clock::time_point> abandoned_at_;
};

using CommandPtr = std::shared_ptr<ProjectCommand>;

// A command of the engine's own: nobody follows it, errors and warnings go to the log.
CommandPtr own_command(const std::string& verb, const std::string& project);

// The last event of a failure: 126 and 127 for commands that cannot be run, else 1.
OrderedJson error_event(const Error& error);

}  // namespace stack::engine
