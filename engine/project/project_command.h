// A request that changes a project: its event sink and its cancellation.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "orchestrator/plan/executor.h"

namespace stack::engine {

// Receives each event of docs/API.md in order; must not block.
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

  // No client reads the events any more. Commands that are useful only to their client (a build, a pull, a `run`
  // without an attached client) end; all others continue, abandoned.
  void client_left();
  std::optional<Clock::time_point> abandoned_at() const { return abandoned_at_; }

  // Whether this new command ends `earlier` instead of waiting for it: commands that stop containers end commands
  // that start them, and a new `up` replaces one whose client has left.
  bool preempts(const ProjectCommand& earlier) const;

  const std::shared_ptr<orchestrator::Cancellation>& cancellation() const { return cancellation_; }

 private:
  std::string verb_;
  Sink sink_;
  std::shared_ptr<orchestrator::Cancellation> cancellation_ = std::make_shared<orchestrator::Cancellation>();
  std::optional<Clock::time_point> abandoned_at_;
};

using CommandPtr = std::shared_ptr<ProjectCommand>;

// A command of the engine itself: it has no client, so errors and warnings are logged.
CommandPtr own_command(const std::string& verb, const std::string& project);

// The last event of a failure: 126 and 127 for commands that cannot be run, else 1.
OrderedJson error_event(const Error& error);

}  // namespace stack::engine
