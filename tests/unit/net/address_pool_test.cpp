#include "net/link/address_pool.h"

#include <gtest/gtest.h>

namespace stack::net {
namespace {

Cidr cidr(const char* text) { return *parse_cidr(text); }
IpAddress address(const char* text) { return *parse_ip(text); }

AddressPool pool(const char* subnet) {
  AddressPool made;
  made.subnet = cidr(subnet);
  made.gateway = *default_gateway(made.subnet);
  return made;
}

TEST(ChooseSubnet, FirstIsTheBeginningOfTheRange) {
  EXPECT_EQ(choose_subnet(default_subnet_ranges(), {})->text(), "10.89.0.0/24");
}

TEST(ChooseSubnet, SkipsNetworksAndRoutesOfAnySize) {
  const std::vector<Cidr> used{cidr("10.89.0.0/24"), cidr("10.89.1.128/25"), cidr("10.90.0.0/15"),
                               cidr("10.89.2.0/23"), cidr("fd00::/8")};
  EXPECT_EQ(choose_subnet(default_subnet_ranges(), used)->text(), "10.89.4.0/24");
  EXPECT_EQ(choose_subnet(default_subnet_ranges(), std::vector{cidr("10.0.0.0/9")})->text(), "10.128.0.0/24");
}

TEST(ChooseSubnet, RangesUsedByTheMachineAreSkipped) {
  std::vector<Cidr> used{cidr("10.0.0.0/8")};
  EXPECT_EQ(choose_subnet(default_subnet_ranges(), used)->text(), "172.17.0.0/24");
  EXPECT_EQ(choose_subnet(default_subnet_ranges(20), used)->text(), "172.17.0.0/20");
  used.push_back(cidr("172.16.0.0/12"));
  EXPECT_EQ(choose_subnet(default_subnet_ranges(), used)->text(), "192.168.0.0/24");
  used.push_back(cidr("192.168.0.0/16"));
  EXPECT_FALSE(choose_subnet(default_subnet_ranges(), used));
}

TEST(ChooseSubnet, LastSubnetOfTheRangeIsUsed) {
  const std::vector<SubnetRange> small{{address("10.1.0.0"), address("10.1.1.0"), 24}};
  EXPECT_EQ(choose_subnet(small, std::vector{cidr("10.1.0.0/24")})->text(), "10.1.1.0/24");
  const auto full = choose_subnet(small, std::vector{cidr("10.1.0.0/16")});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind(), ErrorKind::Conflict);
}

TEST(ChooseSubnet, EndOfTheAddressSpaceEndsTheSearch) {
  const std::vector<SubnetRange> top{{address("255.255.255.0"), address("255.255.255.0"), 24}};
  EXPECT_FALSE(choose_subnet(top, std::vector{cidr("255.0.0.0/8")}));
}

TEST(ChooseSubnet, HundredsOfNetworksFit) {
  std::vector<Cidr> used;
  for (int i = 0; i < 300; ++i) used.push_back(*choose_subnet(default_subnet_ranges(), used));
  EXPECT_EQ(used.back().text(), "10.90.43.0/24");
}

TEST(ChooseSubnet, UlaIsStablePerNetworkAndAvoidsOthers) {
  const Cidr first = *choose_ula_subnet("network-a", {});
  EXPECT_EQ(first, *choose_ula_subnet("network-a", {}));
  EXPECT_EQ(first.prefix, 64);
  EXPECT_TRUE(cidr("fd00::/8").contains(first));
  EXPECT_NE(first, *choose_ula_subnet("network-b", {}));
  EXPECT_NE(first, *choose_ula_subnet("network-a", std::vector{first}));
}

TEST(DefaultGateway, IsTheFirstAddressOfTheSubnetOrRange) {
  EXPECT_EQ(default_gateway(cidr("10.1.2.0/24"))->text(), "10.1.2.1");
  EXPECT_EQ(default_gateway(cidr("10.1.2.0/24"), cidr("10.1.2.128/25"))->text(), "10.1.2.128");
  EXPECT_EQ(default_gateway(cidr("10.1.2.0/31"))->text(), "10.1.2.0");
  EXPECT_EQ(default_gateway(cidr("fd00::/64"))->text(), "fd00::1");
  EXPECT_FALSE(default_gateway(cidr("10.1.2.0/24"), cidr("10.1.3.0/25")));
}

TEST(AddressPool, SkipsNetworkGatewayAndBroadcast) {
  AddressPool small = pool("10.1.2.0/29");
  std::vector<std::string> given;
  for (int i = 0; i < 5; ++i) given.push_back(allocate(small, "c" + std::to_string(i))->text());
  EXPECT_EQ(given, (std::vector<std::string>{"10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"}));
  const auto full = allocate(small, "one too many");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind(), ErrorKind::Conflict);
}

TEST(AddressPool, FreedAddressIsReusedLast) {
  AddressPool some = pool("10.1.2.0/29");
  const IpAddress first = *allocate(some, "a");
  allocate(some, "b").value();
  release(some, first);
  EXPECT_EQ(allocate(some, "c")->text(), "10.1.2.4");
  EXPECT_EQ(allocate(some, "d")->text(), "10.1.2.5");
  EXPECT_EQ(allocate(some, "e")->text(), "10.1.2.6");
  EXPECT_EQ(*allocate(some, "f"), first);
}

TEST(AddressPool, RangeAndAuxiliaryAddressesLimitDynamicOnes) {
  AddressPool some = pool("10.1.2.0/24");
  some.ip_range = cidr("10.1.2.8/30");
  some.auxiliary["printer"] = address("10.1.2.9");
  EXPECT_EQ(allocate(some, "a")->text(), "10.1.2.8");
  EXPECT_EQ(allocate(some, "b")->text(), "10.1.2.10");
  EXPECT_EQ(allocate(some, "c")->text(), "10.1.2.11");
  EXPECT_FALSE(allocate(some, "d"));
}

TEST(AddressPool, StaticAddressConflictNamesTheHolder) {
  AddressPool some = pool("10.1.2.0/24");
  some.auxiliary["printer"] = address("10.1.2.9");
  EXPECT_TRUE(reserve(some, address("10.1.2.50"), "web"));
  EXPECT_TRUE(reserve(some, address("10.1.2.50"), "web"));
  EXPECT_EQ(reserve(some, address("10.1.2.50"), "db").error().text(),
            "address 10.1.2.50 is already in use by web");
  EXPECT_EQ(reserve(some, address("10.1.2.1"), "db").error().text(),
            "address 10.1.2.1 is already in use by the gateway");
  EXPECT_EQ(reserve(some, address("10.1.2.9"), "db").error().text(),
            "address 10.1.2.9 is already in use by aux_addresses: printer");
  EXPECT_FALSE(reserve(some, address("10.1.2.255"), "db"));
  EXPECT_EQ(reserve(some, address("10.1.3.5"), "db").error().kind(), ErrorKind::Invalid);
}

TEST(AddressPool, DynamicAddressesGoAroundStaticOnes) {
  AddressPool some = pool("10.1.2.0/24");
  EXPECT_TRUE(reserve(some, address("10.1.2.2"), "web"));
  EXPECT_EQ(allocate(some, "db")->text(), "10.1.2.3");
}

TEST(AddressPool, CapacityExcludesReservedAddresses) {
  EXPECT_EQ(capacity_of(pool("10.1.2.0/24")), 253U);
  EXPECT_EQ(capacity_of(pool("10.1.0.0/20")), 4093U);
  EXPECT_EQ(capacity_of(pool("10.1.2.0/31")), 1U);
}

TEST(ChooseSubnet, IsAsLargeAsTheContainersNeed) {
  EXPECT_EQ(prefix_for(0), 24);
  EXPECT_EQ(prefix_for(253), 24);
  EXPECT_EQ(prefix_for(254), 23);
  EXPECT_EQ(prefix_for(2046), 20);
  EXPECT_EQ(prefix_for(1'000'000), 16);
  std::vector<Cidr> used{cidr("10.89.0.0/24"), cidr("10.89.16.0/24")};
  EXPECT_EQ(choose_subnet(default_subnet_ranges(20), used)->text(), "10.89.32.0/20");
}

TEST(AddressPool, PointToPointSubnetUsesBothAddresses) {
  AddressPool two = pool("10.1.2.0/31");
  EXPECT_EQ(allocate(two, "a")->text(), "10.1.2.1");
  EXPECT_FALSE(allocate(two, "b"));
}

TEST(AddressPool, Ipv6SkipsTheAnycastAddress) {
  AddressPool six = pool("fd00::/64");
  EXPECT_EQ(allocate(six, "a")->text(), "fd00::2");
  EXPECT_FALSE(reserve(six, address("fd00::"), "b"));
}

TEST(AddressPool, ValidationNamesTheFault) {
  AddressPool wrong = pool("10.1.2.0/24");
  EXPECT_TRUE(validate(wrong));
  wrong.gateway = address("10.1.3.1");
  EXPECT_EQ(validate(wrong).error().text(), "gateway 10.1.3.1 is not in subnet 10.1.2.0/24");
  wrong.gateway = address("10.1.2.255");
  EXPECT_FALSE(validate(wrong));
  wrong = pool("10.1.2.0/24");
  wrong.subnet = cidr("10.1.2.5/24");
  EXPECT_EQ(validate(wrong).error().text(),
            "subnet 10.1.2.5/24 has host bits set; did you mean 10.1.2.0/24?");
  wrong.subnet = cidr("10.1.2.1/32");
  EXPECT_FALSE(validate(wrong));
}

TEST(AddressPool, StateIsPlainAndSurvivesACopy) {
  AddressPool before = pool("10.1.2.0/29");
  allocate(before, "a").value();
  AddressPool after = before;
  EXPECT_EQ(*allocate(before, "b"), *allocate(after, "b"));
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace stack::net
