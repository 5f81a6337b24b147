#include "cli/render/log_printer.h"

#include <gtest/gtest.h>

#include "cli/session/log_follow.h"

namespace stack::cli {
namespace {

struct Printed {
  std::string out;
  std::string err;
};

Json text(const std::string& container, const std::string& service, int number, const std::string& line,
          const std::string& stream = "stdout") {
  return {{"container", container},
          {"service", service},
          {"number", number},
          {"stream", stream},
          {"time", "2026-01-02T03:04:05.000000000Z"},
          {"text", line}};
}

Printed print_all(LogStyle style, const std::vector<std::string>& labels, const std::vector<Json>& lines) {
  Printed printed;
  LogPrinter printer(style, "shop",
                     [&](int fd, std::string_view bytes) { (fd == 2 ? printed.err : printed.out) += bytes; });
  printer.expect(labels);
  for (const Json& line : lines) printer.line(line);
  return printed;
}

TEST(LogPrinter, PrefixesAreAligned) {
  Printed p =
      print_all({}, {"web-1", "database-1"},
                {text("shop-web-1", "web", 1, "hello"), text("shop-database-1", "database", 1, "ready")});
  EXPECT_EQ(p.out, "web-1       | hello\ndatabase-1  | ready\n");
}

TEST(LogPrinter, LaterLongerNameWidensThePrefix) {
  Printed p = print_all({}, {"web-1"},
                        {text("shop-web-1", "web", 1, "a"), text("shop-worker-1", "worker", 1, "b"),
                         text("shop-web-1", "web", 1, "c")});
  EXPECT_EQ(p.out, "web-1  | a\nworker-1  | b\nweb-1     | c\n");
}

TEST(LogPrinter, ColorsFollowTheOrderOfNames) {
  LogStyle style;
  style.color = true;
  std::vector<Json> lines{text("shop-web-1", "web", 1, "x"), text("shop-app-1", "app", 1, "y")};
  Printed p = print_all(style, {"web-1", "app-1"}, lines);
  EXPECT_EQ(p.out, "\x1b[33mweb-1  | \x1b[0mx\n\x1b[36mapp-1  | \x1b[0my\n");
}

TEST(LogPrinter, PrefixAndTimestampAreOptional) {
  LogStyle style;
  style.prefix = false;
  style.timestamps = true;
  EXPECT_EQ(print_all(style, {}, {text("shop-web-1", "web", 1, "x")}).out,
            "2026-01-02T03:04:05.000000000Z x\n");
}

TEST(LogPrinter, StreamsAreSeparateOnlyOnRequest) {
  Json line = text("shop-web-1", "web", 1, "oops", "stderr");
  EXPECT_EQ(print_all({}, {}, {line}).out, "web-1  | oops\n");
  LogStyle split;
  split.split_streams = true;
  EXPECT_EQ(print_all(split, {}, {line}).err, "web-1  | oops\n");
}

TEST(LogPrinter, ExitsAreReported) {
  std::vector<Json> lines{
      {{"container", "shop-web-1"}, {"service", "web"}, {"number", 1}, {"exit", 3}},
      {{"container", "shop-web-1"}, {"service", "web"}, {"number", 1}, {"exit", 1}, {"restarting", true}}};
  EXPECT_EQ(print_all({}, {}, lines).out,
            "web-1 exited with code 3\nweb-1 exited with code 1 (restarting)\n");
}

TEST(LogQuery, BecomesATarget) {
  LogQuery query;
  query.follow = true;
  query.tail = "10";
  query.services = {"web", "db"};
  EXPECT_EQ(logs_target("shop", query), "/stack/v1/projects/shop/logs?follow=1&tail=10&services=web%2Cdb");
  EXPECT_EQ(logs_target("shop", {}), "/stack/v1/projects/shop/logs?tail=all");
}

TEST(LogTime, AcceptsTimesAndDurations) {
  WallTime now = parse_rfc3339("2026-01-02T03:04:05Z").value();
  EXPECT_EQ(log_time("", now).value(), "");
  EXPECT_EQ(log_time("10m", now).value(), "2026-01-02T02:54:05.000000000Z");
  EXPECT_EQ(log_time("2026-01-01T00:00:00Z", now).value(), "2026-01-01T00:00:00.000000000Z");
  EXPECT_EQ(log_time("2026-01-01T00:00:00", now).value(), "2026-01-01T00:00:00.000000000Z");
  EXPECT_EQ(log_time("2026-01-01", now).value(), "2026-01-01T00:00:00.000000000Z");
  EXPECT_EQ(log_time("1700000000", now).value(), "2023-11-14T22:13:20.000000000Z");
  EXPECT_EQ(log_time("1700000000.25", now).value(), "2023-11-14T22:13:20.250000000Z");
  EXPECT_EQ(log_time("1700000000.123456789", now).value(), "2023-11-14T22:13:20.123456789Z");
  EXPECT_FALSE(log_time("yesterday", now));
}

}  // namespace
}  // namespace stack::cli
