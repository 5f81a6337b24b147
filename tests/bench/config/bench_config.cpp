// Measures `stack config` on projects of growing size; part of docs/PERFORMANCE.md.
//
//   bench_config [--runs N] [SERVICES...]     default: 50 500 5000
//
// Generates each project: a file with an anchor and variables, and an override file. Measures the whole command,
// from before the fork to after the wait; CPU time and memory come from the kernel's accounting of the child.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/process.h"

namespace stack::bench {
namespace {

std::string base_file(int services) {
  std::string text =
      "name: bench\n"
      "x-common: &common\n"
      "  restart: unless-stopped\n"
      "  logging: {driver: json-file, options: {max-size: 10m}}\n"
      "services:\n";
  for (int i = 0; i < services; ++i) {
    std::string n = std::to_string(i);
    text += "  s" + n + ":\n    <<: *common\n    image: registry.example.com/app-" + n + ":${TAG:-1.2}\n";
    text += "    command: [\"serve\", \"--name\", \"s" + n + "\"]\n";
    text +=
        "    environment:\n      NAME: s" + n + "\n      LEVEL: ${LEVEL:-info}\n      URL: http://s0:8080/\n";
    text += "    ports: [\"" + std::to_string(10000 + i) + ":8080\"]\n";
    text += "    volumes: [\"data" + n + ":/data\", \"./conf:/etc/app:ro\"]\n";
    text += "    networks: [front, back]\n";
    if (i > 0) text += "    depends_on: [s" + std::to_string(i / 2) + "]\n";
    text += "    healthcheck: {test: [\"CMD\", \"true\"], interval: 10s, retries: 3}\n";
    text += "    labels: [\"app=s" + n + "\", \"tier=t" + std::to_string(i % 3) + "\"]\n";
    text += "    deploy: {resources: {limits: {cpus: '0.5', memory: 256M}}}\n";
  }
  text += "networks: {front: {}, back: {internal: true}}\nvolumes:\n";
  for (int i = 0; i < services; ++i) text += "  data" + std::to_string(i) + ": {}\n";
  return text;
}

std::string overriding_file(int services) {
  std::string text = "services:\n";
  for (int i = 0; i < services; i += 5)
    text += "  s" + std::to_string(i) + ": {environment: {LEVEL: debug}, labels: {changed: \"yes\"}}\n";
  return text;
}

struct Cost {
  double wall = 0;       // milliseconds
  double processor = 0;  // milliseconds, user and system
  long kilobytes = 0;    // maximum resident memory
  bool good = false;
};

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

Cost run_once(const std::string& folder) {
  static const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  SpawnRequest request;
  request.program = std::string(STACK_BIN_DIR) + "/stack";
  request.args = {"-f", "compose.yaml", "-f", "over.yaml", "config"};
  request.directory = folder;
  request.fds = {{0, null}, {1, null}, {2, null}};
  auto begin = std::chrono::steady_clock::now();
  Result<pid_t> pid = spawn(request);
  Cost cost;
  if (!pid) return cost;
  int status = 0;
  rusage usage{};
  if (::wait4(*pid, &status, 0, &usage) != *pid) return cost;
  cost.wall = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  cost.processor = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
  cost.kilobytes = usage.ru_maxrss;
  cost.good = exit_code_of(status) == 0;
  return cost;
}

template <typename Member>
double median(const std::vector<Cost>& costs, Member member) {
  std::vector<double> values;
  for (const Cost& cost : costs) values.push_back(static_cast<double>(cost.*member));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double least(const std::vector<Cost>& costs) {
  return std::min_element(costs.begin(), costs.end(),
                          [](const Cost& a, const Cost& b) { return a.wall < b.wall; })
      ->wall;
}

int measure(int services, int runs) {
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-bench-config-");
  if (!folder) return 1;
  std::string text = base_file(services);
  if (!write_file(folder->path() + "/compose.yaml", text) ||
      !write_file(folder->path() + "/over.yaml", overriding_file(services)))
    return 1;
  run_once(folder->path());  // caches warm
  std::vector<Cost> costs;
  for (int i = 0; i < runs; ++i) {
    Cost cost = run_once(folder->path());
    if (!cost.good) {
      std::fprintf(stderr, "stack config fails on %d services\n", services);
      return 1;
    }
    costs.push_back(cost);
  }
  std::printf("| %d | %.0f kB | %.1f | %.1f | %.1f | %.1f |\n", services,
              static_cast<double>(text.size()) / 1e3, least(costs), median(costs, &Cost::wall),
              median(costs, &Cost::processor), median(costs, &Cost::kilobytes) / 1e3);
  std::fflush(stdout);
  return 0;
}

int run(const std::vector<int>& sizes, int runs) {
  double load = 0;
  if (::getloadavg(&load, 1) == 1) std::printf("load average %.1f, %d runs each\n\n", load, runs);
  std::printf(
      "| services | file | wall min ms | wall p50 ms | processor p50 ms | memory MB "
      "|\n|---|---|---|---|---|---|\n");
  for (int services : sizes)
    if (int failed = measure(services, runs); failed != 0) return failed;
  return 0;
}

}  // namespace
}  // namespace stack::bench

int main(int argc, char** argv) {
  std::vector<int> sizes;
  int runs = 20;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--runs" && i + 1 < argc) {
      runs = std::max(1, std::atoi(argv[++i]));
    } else if (int services = std::atoi(argv[i]); services > 0) {
      sizes.push_back(services);
    } else {
      std::fprintf(stderr, "usage: bench_config [--runs N] [SERVICES...]\n");
      return 2;
    }
  }
  if (sizes.empty()) sizes = {50, 500, 5000};
  return stack::bench::run(sizes, runs);
}
