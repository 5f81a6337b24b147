#include "engine/logs/log_settings.h"

#include <gtest/gtest.h>

namespace stack::engine {
namespace {

LogPlan plan(const std::string& driver, std::map<std::string, std::string> options) {
  LogSpec spec;
  spec.driver = driver;
  spec.options = std::move(options);
  Result<LogPlan> made = plan_log(spec);
  EXPECT_TRUE(made) << made.error().text();
  return *made;
}

LogSubject subject() {
  return {{"0123456789abcdef", "shop-web-1", "sha256:aa", "nginx"},
          {{"com.example.a", "1"}, {"com.example.b", "2"}, {"other", "x\"y"}},
          {"PATH=/bin", "STAGE=test", "STATE=new"}};
}

TEST(LogSettings, AttributesAreSelectedByTheOptions) {
  LogPlan wanted =
      plan("json-file",
           {{"labels", "other,absent"}, {"labels-regex", "^com\\."}, {"env", "STAGE"}, {"tag", "{{.ID}}"}});
  EXPECT_EQ(log_attributes(wanted, subject()), (std::map<std::string, std::string>{{"STAGE", "test"},
                                                                                   {"com.example.a", "1"},
                                                                                   {"com.example.b", "2"},
                                                                                   {"other", "x\"y"},
                                                                                   {"tag", "0123456789ab"}}));
  Result<runtime::LogSettings> settings = log_settings(wanted, subject(), "/logs/x");
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->fields.starts_with(",\"attrs\":{\"STAGE\":\"test\"")) << settings->fields;
  EXPECT_NE(settings->fields.find("\"other\":\"x\\\"y\""), std::string::npos);
  EXPECT_EQ(log_settings(plan("json-file", {}), subject(), "/logs/x")->fields, "");
}

TEST(LogSettings, JournaldGetsDockersFields) {
  LogSubject with_lines = subject();
  with_lines.labels["com.example.text"] = "two\nlines";
  Result<runtime::LogSettings> settings =
      log_settings(plan("journald", {{"labels-regex", "text"}, {"tag", "{{.Name}}"}}), with_lines, "/logs/x");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->fields,
            "CONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=0123456789abcdef\nCONTAINER_NAME=shop-web-1\n"
            "CONTAINER_TAG=shop-web-1\nIMAGE_NAME=nginx\nSYSLOG_IDENTIFIER=shop-web-1\n"
            "COM_EXAMPLE_TEXT\n" +
                std::string("\11\0\0\0\0\0\0\0", 8) + "two\nlines\n");
  EXPECT_EQ(settings->path, "/logs/x");
  EXPECT_EQ(log_settings(plan("journald", {{"cache-disabled", "true"}}), subject(), "/logs/x")->path, "");
}

TEST(LogSettings, AttributesHaveALimit) {
  LogSubject big = subject();
  big.labels["big"] = std::string(5000, 'x');
  EXPECT_FALSE(log_settings(plan("json-file", {{"labels", "big"}}), big, "/logs/x"));
}

}  // namespace
}  // namespace stack::engine
