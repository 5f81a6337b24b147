#include "model/address.h"

#include <gtest/gtest.h>

namespace stack::net {
namespace {

TEST(Address, BothFamiliesReadAndPrintInTheirShortestForm) {
  EXPECT_EQ(parse_ip("10.89.0.5")->text(), "10.89.0.5");
  EXPECT_EQ(parse_ip("fd00:0:0:0::1")->text(), "fd00::1");
}

TEST(Address, InvalidTextIsRejected) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.256", "10.0.0.01", "::g", "fe80::1%eth0", "[::1]", " 10.0.0.1"})
    EXPECT_FALSE(parse_ip(text)) << text;
  EXPECT_FALSE(parse_ip(std::string_view("10.0.0.1\0x", 10)));
}

TEST(Address, OrderIsNumericalWithinAFamily) {
  EXPECT_LT(*parse_ip("9.255.255.255"), *parse_ip("10.0.0.0"));
  EXPECT_LT(*parse_ip("255.255.255.255"), *parse_ip("::"));
}

TEST(Address, LoopbackAndUnspecifiedAreRecognized) {
  EXPECT_TRUE(parse_ip("127.8.9.1")->is_loopback());
  EXPECT_TRUE(parse_ip("::1")->is_loopback());
  EXPECT_FALSE(parse_ip("::2")->is_loopback());
  EXPECT_TRUE(parse_ip("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(parse_ip("::")->is_unspecified());
}

TEST(Address, OffsetCarriesAndBorrowsAcrossOctets) {
  EXPECT_EQ(offset(*parse_ip("10.0.0.255"), 1)->text(), "10.0.1.0");
  EXPECT_EQ(offset(*parse_ip("10.0.1.0"), -1)->text(), "10.0.0.255");
  EXPECT_EQ(offset(*parse_ip("fd00::ffff:ffff"), 1)->text(), "fd00::1:0:0");
  EXPECT_EQ(offset(*parse_ip("fd00::1:0:0"), -1)->text(), "fd00::ffff:ffff");
  EXPECT_FALSE(offset(*parse_ip("255.255.255.255"), 1));
  EXPECT_FALSE(offset(*parse_ip("0.0.0.0"), -1));
  EXPECT_FALSE(offset(*parse_ip("::"), -1));
}

TEST(Cidr, FirstAndLastSpanTheSubnet) {
  const Cidr subnet = *parse_cidr("10.89.3.77/22");
  EXPECT_EQ(subnet.first().text(), "10.89.0.0");
  EXPECT_EQ(subnet.last().text(), "10.89.3.255");
  EXPECT_EQ(subnet.network().text(), "10.89.0.0/22");
  EXPECT_EQ(parse_cidr("fd00::5/64")->last().text(), "fd00::ffff:ffff:ffff:ffff");
  EXPECT_EQ(parse_cidr("10.0.0.1/0")->first().text(), "0.0.0.0");
}

TEST(Cidr, ContainmentAndOverlapFollowThePrefix) {
  const Cidr wide = *parse_cidr("10.0.0.0/8");
  const Cidr narrow = *parse_cidr("10.89.0.0/24");
  EXPECT_TRUE(wide.contains(narrow));
  EXPECT_FALSE(narrow.contains(wide));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(narrow.overlaps(*parse_cidr("10.89.1.0/24")));
  EXPECT_FALSE(wide.contains(*parse_ip("fd00::1")));
}

TEST(Cidr, InvalidTextIsRejected) {
  for (const char* text :
       {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "fd00::/129", "/8"})
    EXPECT_FALSE(parse_cidr(text)) << text;
}

TEST(Mac, ComesFromTheIpv4Address) { EXPECT_EQ(mac_of(*parse_ip("10.89.0.5")).text(), "02:42:0a:59:00:05"); }

TEST(Mac, OfIpv6AddressesAreDistinctAndStable) {
  EXPECT_EQ(mac_of(*parse_ip("fd00::5")), mac_of(*parse_ip("fd00::5")));
  EXPECT_NE(mac_of(*parse_ip("fd00::5")), mac_of(*parse_ip("fd00::6")));
  EXPECT_TRUE(mac_of(*parse_ip("fd00::5")).text().starts_with("02:42:"));
}

TEST(Mac, ReadsBothSeparatorsAndRejectsGroupsAndInvalidText) {
  EXPECT_EQ(parse_mac("02-42-AC-11-00-03")->text(), "02:42:ac:11:00:03");
  for (const char* text : {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "01:00:5e:00:00:01", "0242.ac11.0003"})
    EXPECT_FALSE(parse_mac(text)) << text;
}

}  // namespace
}  // namespace stack::net
