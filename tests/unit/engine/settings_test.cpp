#include "engine/settings/settings.h"

#include <gtest/gtest.h>

namespace stack::engine {
namespace {

std::string fault_of(const std::string& text) {
  Result<Settings> settings = parse_settings("/etc/stack/config.yaml", text);
  return settings ? "" : settings.error().text();
}

TEST(Settings, AMissingOrEmptyFileMeansDefaults) {
  Result<Settings> missing = read_settings("/nonexistent/config.yaml");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->file, "");
  Result<Settings> empty = parse_settings("config.yaml", "# nothing\n");
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_FALSE(empty->docker_socket);
  EXPECT_EQ(empty->log.driver, "json-file");
}

TEST(Settings, EverySettingIsRead) {
  Result<Settings> read = parse_settings("config.yaml",
                                         "address_pools:\n"
                                         "  - base: 172.20.5.0/14\n"
                                         "log: {driver: local, options: {max-size: 5m}, max_total: 50m}\n"
                                         "registries:\n"
                                         "  mirrors: [https://mirror.example.com]\n"
                                         "  insecure: [\"registry.example.com:5000\"]\n"
                                         "dns: {servers: [192.0.2.53]}\n"
                                         "cdi_spec_dirs: [/srv/cdi]\n"
                                         "docker_socket: true\n");
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->address_pools.size(), 1U);
  EXPECT_EQ(read->address_pools[0].text(), "172.20.0.0/14");
  EXPECT_EQ(read->log.driver, "local");
  EXPECT_EQ(read->log.options.at("max-size"), "5m");
  EXPECT_EQ(read->log_total->bytes, 50 << 20);
  EXPECT_EQ(read->registry_mirrors, std::vector<std::string>{"https://mirror.example.com"});
  EXPECT_EQ(read->insecure_registries, std::vector<std::string>{"registry.example.com:5000"});
  EXPECT_EQ(read->dns_servers, std::vector<std::string>{"192.0.2.53"});
  EXPECT_EQ(read->cdi_spec_dirs, std::vector<std::string>{"/srv/cdi"});
  EXPECT_TRUE(read->docker_socket);
  Result<Settings> again = parse_settings("config.yaml", settings_yaml(*read));
  ASSERT_TRUE(again) << settings_yaml(*read) << again.error().text();
  EXPECT_EQ(settings_yaml(*again), settings_yaml(*read));
}

TEST(Settings, FaultsShowFileLineAndColumn) {
  EXPECT_TRUE(fault_of("dns:\n  server: [192.0.2.53]\n")
                  .starts_with("/etc/stack/config.yaml:2:3: unknown setting \"dns.server\""))
      << fault_of("dns:\n  server: [192.0.2.53]\n");
  EXPECT_NE(fault_of("docker_sokcet: true\n").find("did you mean \"docker_socket\"?"), std::string::npos);
  EXPECT_TRUE(fault_of("address_pools:\n  - base: 10.0.0.0/8\n  - base: 10.1.0.0/16\n")
                  .starts_with("/etc/stack/config.yaml:3:11: "));
  EXPECT_NE(fault_of("address_pools: [{base: 10.0.0.0/28}]\n").find("at least /24"), std::string::npos);
  EXPECT_NE(fault_of("log: {max_total: 1k}\n").find(":1:18: log.max_total must be"), std::string::npos);
  EXPECT_NE(fault_of("log: {driver: loki}\n").find("no log driver named 'loki'"), std::string::npos);
  EXPECT_NE(fault_of("registries: {mirrors: [mirror.example.com]}\n").find(":1:24: "), std::string::npos);
  EXPECT_NE(fault_of("docker_socket: 1\n").find("must be true or false"), std::string::npos);
  EXPECT_NE(fault_of("- a\n").find("must be a mapping"), std::string::npos);
  EXPECT_NE(fault_of("dns: [\n").find("config.yaml:"), std::string::npos);
}

TEST(Settings, TheDefaultDriverAppliesOnlyToContainersThatChoseNone) {
  LogSpec fallback{"local", {{"max-size", "5m"}}};
  LogSpec unchosen;
  apply_default_log(fallback, unchosen);
  EXPECT_EQ(unchosen.driver, "local");
  LogSpec other{"journald", {}};
  apply_default_log(fallback, other);
  EXPECT_EQ(other.driver, "journald");
  EXPECT_TRUE(other.options.empty());
  LogSpec same{"local", {{"max-size", "1m"}}};
  apply_default_log(fallback, same);
  EXPECT_EQ(same.options.at("max-size"), "1m");
}

}  // namespace
}  // namespace stack::engine
