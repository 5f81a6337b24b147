// Runs the rows, each in namespaces of its own, and prints the table.
//
//   reliability_run [--large] [--count N] [--rows R1,R4] [gtest options]
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "tests/e2e/image_cache.h"
#include "tests/e2e/isolation.h"

namespace {

using stack::Json;

// "R1,R4" as a filter of test names, which begin with the row's ID.
std::string filter_of(const std::string& rows) {
  std::string filter;
  for (const std::string& row : stack::split(rows, ','))
    filter += (filter.empty() ? "*." : ":*.") + row + "_*";
  return filter;
}

std::string milliseconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f" : "%.0f", value);
  return text;
}

void print_table(const std::string& file) {
  std::printf(
      "\n| row | fault | runs | lost | leaks | time | p50 ms | p99 ms | note "
      "|\n|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& line : stack::split(stack::read_file(file).value_or(""), '\n')) {
    stack::Result<Json> row = stack::parse_json(line);
    if (line.empty() || !row) continue;
    bool timed = !stack::string_or(*row, "timed").empty();
    std::printf("| %s | %s | %d | %d | %d | %s | %s | %s | %s |\n", stack::string_or(*row, "id").c_str(),
                stack::string_or(*row, "fault").c_str(), static_cast<int>(stack::int_or(*row, "runs")),
                static_cast<int>(stack::int_or(*row, "lost")), static_cast<int>(stack::int_or(*row, "leaks")),
                stack::string_or(*row, "timed").c_str(),
                timed ? milliseconds((*row)["p50"].get<double>()).c_str() : "",
                timed ? milliseconds((*row)["p99"].get<double>()).c_str() : "",
                stack::string_or(*row, "note").c_str());
  }
}

void take_options(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--large") ::setenv("STACK_RELIABILITY_LARGE", "1", 1);
    if (word == "--count" && i + 1 < argc) ::setenv("STACK_RELIABILITY_COUNT", argv[++i], 1);
    if (word == "--rows" && i + 1 < argc) testing::GTEST_FLAG(filter) = filter_of(argv[++i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  take_options(argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  if (::geteuid() != 0) {
    std::fprintf(stderr, "these tests start containers: run them as root\n");
    return 1;
  }
  stack::Result<> images = stack::e2e::prepare_images();
  if (!images) {
    std::fprintf(stderr, "%s\n", images.error().text().c_str());
    return 1;
  }
  std::string rows = "/tmp/stack-reliability-" + std::to_string(::getpid());
  ::setenv("STACK_RELIABILITY_ROWS", rows.c_str(), 1);
  stack::Result<int> code = stack::e2e::run_isolated([] { return RUN_ALL_TESTS(); });
  print_table(rows);
  ::unlink(rows.c_str());
  if (!code) std::fprintf(stderr, "cannot isolate: %s\n", code.error().text().c_str());
  return code ? *code : 1;
}
