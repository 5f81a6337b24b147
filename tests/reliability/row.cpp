#include "row.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "tests/e2e/unowned.h"

namespace stack::reliability {

namespace {

unsigned number_from(const char* name, unsigned fallback) {
  const char* given = std::getenv(name);
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : fallback;
}

double milliseconds_at(std::vector<std::chrono::nanoseconds> times, double share) {
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  size_t at = std::min(times.size() - 1, static_cast<size_t>(share * static_cast<double>(times.size())));
  return static_cast<double>(times[at].count()) / 1e6;
}

}  // namespace

void Row::SetUp() {
  Scenario::SetUp();
  unsigned seed = number_from("STACK_TEST_SEED", std::random_device{}());
  std::printf("STACK_TEST_SEED=%u\n", seed);
  random_.seed(seed);
}

void Row::begin(const std::string& id, const std::string& fault, const std::string& timed) {
  id_ = id;
  fault_ = fault;
  timed_ = timed;
}

unsigned Row::count(unsigned small, unsigned large) const {
  return number_from("STACK_RELIABILITY_COUNT",
                     std::getenv("STACK_RELIABILITY_LARGE") != nullptr ? large : small);
}

int Row::failures() const {
  const ::testing::TestResult& result = *::testing::UnitTest::GetInstance()->current_test_info()->result();
  int failed = 0;
  for (int i = 0; i < result.total_part_count(); ++i) failed += result.GetTestPartResult(i).failed() ? 1 : 0;
  return failed;
}

void Row::once(const std::string& what, const std::function<void()>& injection) {
  ++runs_;
  int before = failures();
  SCOPED_TRACE(id_ + ", injection " + std::to_string(runs_) + ": " + what);
  injection();
  if (failures() > before) ++lost_;
}

void Row::expect_no_leaks() {
  std::string found;
  eventually(10s, [&] { return (found = e2e::unowned_objects(stack())).empty(); });
  if (found.empty()) return;
  ++leaks_;
  ADD_FAILURE() << "left without an owner:\n" << found;
}

std::chrono::nanoseconds Row::measure(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - start;
}

void Row::TearDown() {
  int before = failures();
  Scenario::TearDown();
  if (failures() > before) ++leaks_;
  const char* file = std::getenv("STACK_RELIABILITY_ROWS");
  if (file == nullptr || id_.empty()) return;
  Json row{{"id", id_},
           {"fault", fault_},
           {"runs", runs_},
           {"lost", lost_},
           {"leaks", leaks_},
           {"timed", times_.empty() ? "" : timed_},
           {"note", note_},
           {"p50", milliseconds_at(times_, 0.5)},
           {"p99", milliseconds_at(times_, 0.99)}};
  Fd out(::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!out || !write_all(out.get(), stack::to_text(row) + "\n")) ADD_FAILURE() << "cannot write " << file;
}

}  // namespace stack::reliability
