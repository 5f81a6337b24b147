#include "model/log_options.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

using Options = std::map<std::string, std::string>;

Result<LogPlan> plan(const std::string& driver, Options options = {}) {
  LogSpec spec;
  spec.driver = driver;
  spec.options = std::move(options);
  return plan_log(spec);
}

std::string refusal(const std::string& driver, Options options = {}) {
  Result<LogPlan> planned = plan(driver, std::move(options));
  return planned ? "accepted" : planned.error().text();
}

TEST(LogOptions, LogsAreLimitedByDefault) {
  Result<LogPlan> file = plan("json-file");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->max_size, 10 << 20);
  EXPECT_EQ(file->max_file, 3);
  EXPECT_FALSE(file->compress);
  Result<LogPlan> local = plan("local");
  ASSERT_TRUE(local);
  EXPECT_EQ(local->max_size, 20 << 20);
  EXPECT_EQ(local->max_file, 5);
  EXPECT_TRUE(local->compress);
  EXPECT_LE(plan("json-file", {{"max-size", "-1"}})->max_size, 0);
}

TEST(LogOptions, SizesAreMultiplesOf1000LikeInDocker) {
  EXPECT_EQ(plan("json-file", {{"max-size", "10m"}})->max_size, 10'000'000);
  EXPECT_EQ(plan("json-file", {{"max-size", "1.5k"}})->max_size, 1500);
  EXPECT_EQ(plan("json-file", {{"max-size", "2GiB"}})->max_size, 2'000'000'000);
  EXPECT_EQ(plan("json-file", {{"max-size", "512"}})->max_size, 512);
}

TEST(LogOptions, SizeAloneMeansOneFile) {
  EXPECT_EQ(plan("json-file", {{"max-size", "1m"}})->max_file, 1);
  EXPECT_EQ(plan("json-file", {{"max-size", "1m"}, {"max-file", "7"}})->max_file, 7);
}

TEST(LogOptions, UnknownDriversOptionsAndValuesAreNamed) {
  EXPECT_NE(refusal("syslogg").find("no log driver named 'syslogg'"), std::string::npos);
  EXPECT_EQ(refusal("json-file", {{"max-sise", "1m"}}),
            "unknown log opt 'max-sise' for json-file log driver");
  EXPECT_EQ(refusal("local", {{"tag", "x"}}), "unknown log opt 'tag' for local log driver");
  EXPECT_EQ(refusal("none", {{"max-size", "1m"}}), "unknown log opt 'max-size' for none log driver");
  for (const char* bad : {"", "x", "10q", "-5", "0", "1e9", "1m1", "99999999999999999999p"})
    EXPECT_NE(refusal("json-file", {{"max-size", bad}}).find("max-size"), std::string::npos) << bad;
  for (const char* bad : {"", "0", "-1", "x", "99999"})
    EXPECT_NE(refusal("json-file", {{"max-file", bad}}).find("max-file"), std::string::npos) << bad;
  EXPECT_NE(refusal("json-file", {{"compress", "yes"}}).find("compress"), std::string::npos);
  EXPECT_NE(refusal("json-file", {{"labels-regex", "("}}).find("labels-regex"), std::string::npos);
}

TEST(LogOptions, CompressRequiresRotatedFiles) {
  EXPECT_EQ(refusal("json-file", {{"compress", "true"}, {"max-size", "1m"}}),
            "compress cannot be true when max-file is less than 2 or max-size is not set");
  EXPECT_TRUE(plan("json-file", {{"compress", "true"}, {"max-size", "1m"}, {"max-file", "2"}})->compress);
  EXPECT_FALSE(plan("local", {{"max-file", "1"}})->compress);
}

TEST(LogOptions, NonBlockingHasALimitedBuffer) {
  EXPECT_EQ(plan("json-file")->buffer_size, 0);
  EXPECT_EQ(plan("json-file", {{"mode", "blocking"}})->buffer_size, 0);
  EXPECT_EQ(plan("json-file", {{"mode", "non-blocking"}})->buffer_size, 1 << 20);
  EXPECT_EQ(plan("local", {{"mode", "non-blocking"}, {"max-buffer-size", "4m"}})->buffer_size, 4 << 20);
  EXPECT_EQ(refusal("json-file", {{"mode", "fast"}}), "logger: logging mode not supported: fast");
  EXPECT_EQ(refusal("json-file", {{"max-buffer-size", "4m"}}),
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  EXPECT_NE(
      refusal("json-file", {{"mode", "non-blocking"}, {"max-buffer-size", "1"}}).find("max-buffer-size"),
      std::string::npos);
}

TEST(LogOptions, JournaldHasACacheThatCanBeDisabled) {
  Result<LogPlan> journald = plan("journald");
  ASSERT_TRUE(journald);
  EXPECT_TRUE(journald->journald);
  EXPECT_TRUE(journald->keeps_file);
  EXPECT_EQ(journald->tag, "{{.ID}}");
  EXPECT_EQ(plan("journald", {{"cache-max-size", "1m"}, {"cache-max-file", "2"}})->max_size, 1'000'000);
  EXPECT_FALSE(plan("journald", {{"cache-disabled", "true"}})->keeps_file);
  EXPECT_FALSE(plan("none")->keeps_file);
}

TEST(LogOptions, TagsAreExpanded) {
  LogTagFacts facts{"0123456789abcdef", "shop-web-1", "sha256:fedcba9876543210", "nginx:1"};
  EXPECT_EQ(*expand_log_tag("{{.Name}}/{{.ID}} {{ .FullID }}", facts),
            "shop-web-1/0123456789ab 0123456789abcdef");
  EXPECT_EQ(*expand_log_tag("{{.ImageName}} {{.ImageID}}", facts), "nginx:1 fedcba987654");
  EXPECT_EQ(*expand_log_tag("plain", facts), "plain");
  EXPECT_FALSE(expand_log_tag("{{.Nothing}}", facts));
  EXPECT_FALSE(expand_log_tag("{{.Name", facts));
  EXPECT_NE(refusal("json-file", {{"tag", "{{.Nothing}}"}}).find("tag"), std::string::npos);
}

}  // namespace
}  // namespace stack
