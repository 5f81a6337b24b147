#include "measure.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <set>

#include "base/process.h"

namespace stack::bench {

namespace {

constexpr useconds_t kQuiet = 150'000;
constexpr int kBurst = 10;

std::string cell(const Times& times) {
  if (times.milliseconds.empty()) return times.failures > 0 ? "failed" : "-";
  char text[96];
  std::snprintf(text, sizeof text, "%.1f / %.1f / %.1f", times.least(), times.mean(), times.median());
  return text + (times.failures > 0 ? " (" + std::to_string(times.failures) + " failed)" : std::string());
}

void add(Times& times, double value) {
  if (value < 0)
    ++times.failures;
  else
    times.milliseconds.push_back(value);
}

// Prints the reason for a contender's failure once.
void explain(const Contender& contender) {
  static std::set<std::string> explained;
  if (!explained.insert(contender.name + contender.argv[0]).second) return;
  SpawnRequest request;
  request.program = contender.argv[0];
  request.args.assign(contender.argv.begin() + 1, contender.argv.end());
  request.directory = contender.directory;
  Result<CapturedRun> again = run_captured(request);
  std::fprintf(stderr, "%s fails: %s\n", contender.name.c_str(),
               again ? again->output.c_str() : again.error().text().c_str());
}

}  // namespace

double Times::least() const { return *std::min_element(milliseconds.begin(), milliseconds.end()); }

double Times::mean() const {
  return std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0) /
         static_cast<double>(milliseconds.size());
}

double Times::median() const {
  std::vector<double> sorted = milliseconds;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

double time_once(const Contender& contender) {
  static const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (contender.before) contender.before();
  SpawnRequest request;
  request.program = contender.argv[0];
  request.args.assign(contender.argv.begin() + 1, contender.argv.end());
  request.directory = contender.directory;
  request.fds = {{0, null}, {1, null}, {2, null}};
  auto begin = std::chrono::steady_clock::now();
  Result<pid_t> pid = spawn(request);
  Result<int> status = pid ? wait_for(*pid) : Result<int>(pid.error());
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  bool good = status && exit_code_of(*status) == 0;
  if (!good) explain(contender);
  if (contender.after) contender.after();
  return good ? took.count() : -1;
}

std::vector<Measured> measure(const Row& row) {
  std::vector<Measured> all;
  for (const Contender& contender : row.contenders) all.push_back({row.what, contender.name, {}, {}});
  for (const Contender& contender : row.contenders) time_once(contender);  // caches warm
  for (int run = 0; run < row.isolated_runs; ++run) {
    for (size_t i = 0; i < all.size(); ++i) {
      ::usleep(kQuiet);
      add(all[i].isolated, time_once(row.contenders[i]));
    }
  }
  for (int run = 0; run < row.back_to_back_runs; run += kBurst) {
    for (size_t i = 0; i < all.size(); ++i)
      for (int n = 0; n < kBurst; ++n) add(all[i].back_to_back, time_once(row.contenders[i]));
  }
  for (const Measured& one : all)
    std::fprintf(stderr, "%-50s %-16s %-26s %s\n", one.row.c_str(), one.contender.c_str(),
                 cell(one.isolated).c_str(), cell(one.back_to_back).c_str());
  return all;
}

std::string to_markdown(const std::vector<Measured>& all) {
  std::string text =
      "| what | by | isolated: min / mean / p50 ms | back to back: min / mean / p50 ms "
      "|\n|---|---|---|---|\n";
  for (const Measured& one : all)
    text += "| " + one.row + " | " + one.contender + " | " + cell(one.isolated) + " | " +
            cell(one.back_to_back) + " |\n";
  return text;
}

}  // namespace stack::bench
