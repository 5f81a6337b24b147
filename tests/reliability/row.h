// A row of the reliability table: one kind of fault, injected many times, and what it cost.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/e2e/scenario.h"

namespace stack::reliability {

using e2e::BackgroundCommand;
using e2e::CommandOptions;
using e2e::CommandResult;
using e2e::eventually;
using e2e::operator""ms;
using e2e::operator""s;

// Each row is a test case. Its counts go to the file $STACK_RELIABILITY_ROWS as one JSON line when it ends.
class Row : public e2e::Scenario {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Names the row; call first. `timed`: what timed() measures, "" = nothing.
  void begin(const std::string& id, const std::string& fault, const std::string& timed = "");
  // How often to inject: --count, or the number for a small or large (--large) run.
  unsigned count(unsigned small, unsigned large) const;
  // One injection with its checks. Failed expectations count as one loss.
  void once(const std::string& what, const std::function<void()>& injection);
  void timed(std::chrono::nanoseconds took) { times_.push_back(took); }
  void note(const std::string& text) { note_ = text; }
  // Counts objects without an owner as a leak.
  void expect_no_leaks();
  // A row that this machine cannot run.
  void skip(const std::string& why) { note_ = "not run: " + why; }

  unsigned up_to(unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(random_); }
  // `stack ARGS` until it ends, by the clock.
  std::chrono::nanoseconds measure(const std::function<void()>& work);

 private:
  int failures() const;

  std::string id_;
  std::string fault_;
  std::string timed_;
  std::string note_;
  unsigned runs_ = 0;
  unsigned lost_ = 0;
  unsigned leaks_ = 0;
  std::vector<std::chrono::nanoseconds> times_;
  std::mt19937 random_;
};

}  // namespace stack::reliability
